"""Kernels of a problem's tangent space: NTK, NNTK and the generalised Green's function.

Let ``L_b`` be the operator of condition b (``D`` inside, ``B`` on the boundary), linearised at
u_theta, and ``psi_b(y) = d L_b[u_theta](y) / d theta`` [P] its tangent features. The inner product
of the tangent space is the sum over conditions of ``w_b / n_b`` times the sum over their points,
as in the loss; ``G = J^T J`` is the Gram matrix of the features in it. Formulas from Schwencke &
Furtlehner, arXiv 2412.10782 (ICLR 2025), sections 3 and 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from anagram_ext.analysis.features import value_features
from anagram_ext.analysis.question import Question
from anagram_ext.analysis.tangent_space import TangentSpace
from anagram_ext.checks import check_kind, check_points, check_seed
from anagram_ext.systems.pde_system import PdeSystem

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.analysis.question import At, Kernel
    from anagram_ext.analysis.tangent_space import Spectrum
    from anagram_ext.linear.cutoff import Cutoff
    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem


def ntk(
    problem: Problem,
    model: Model,
    theta: Tensor,
    at: At,
    points: Tensor | None = None,
    *,
    of: str | None = None,
    component: int = 0,
) -> Kernel:
    """The neural tangent kernel ``psi(x)^T psi(y)`` of one condition's residual.

    Gradient descent on the loss moves the residual along it (Jacot et al., arXiv 1806.07572).

    Args:
        problem: the conditions.
        model: a network from the problem's coordinates to its fields.
        theta: parameters [P].
        at: base points x [q, d], or the d coordinates of one.
        points: the points y [n, d]; by default a grid over the region of the condition in one or
            two coordinates.
        of: name of the condition, the first one by default. For the kernel of u itself use a
            problem whose condition is ``lambda u, x: u``.
        component: which of the condition's residuals.

    Returns:
        The kernel [q, n].

    Raises:
        TypeError, ValueError: an argument of another kind, an unknown condition, points of another
            dimension, or no points where there is no default.
        NonFiniteError: a residual or derivative is NaN or infinite.
    """
    asked = Question(problem, model, theta, at=at, points=points, of=of)
    left = asked.residual_at(asked.at, component)
    right = asked.residual_at(asked.points, component)
    return asked.answer("NTK", left @ right.T)


def nntk(
    problem: Problem,
    model: Model,
    theta: Tensor,
    at: At,
    points: Tensor | None = None,
    *,
    of: str | None = None,
    component: int = 0,
    cutoff: float | Cutoff = 1e-8,
    seed: int = 0,
) -> Kernel:
    """The natural neural tangent kernel ``rho psi(x) G^+ psi(y)`` of one condition's residual.

    It is the kernel of the orthogonal projection on the tangent space of all conditions: what the
    natural gradient removes of a residual (arXiv 2412.10782). ``rho = w_b / |Omega_b|`` makes it a
    density in the ordinary measure, so that with uniform points ``integral K(x, y) h(y) dy``,
    summed over the conditions, is h(x) for h in the space, and ``integral K(x, x) dx`` the rank.
    Points without a region count as of measure 1.

    Args:
        problem: the conditions.
        model: a network from the problem's coordinates to its fields.
        theta: parameters [P].
        at: base points x [q, d], or the d coordinates of one.
        points: the points y [n, d]; a grid by default, as in ``ntk``.
        of: name of the condition, the first one by default.
        component: which of the condition's residuals.
        cutoff: singular values of J at or below are dropped; a number is relative to the largest.
        seed: of the points of sampled conditions.

    Returns:
        The kernel [q, n].

    Raises:
        TypeError, ValueError: as in ``ntk``, or a negative cutoff.
        NonFiniteError: a residual or derivative is NaN or infinite.
    """
    asked = Question(problem, model, theta, at=at, points=points, of=of)
    space = _space(problem, model, theta, cutoff, seed)
    left = asked.residual_at(asked.at, component)
    right = asked.residual_at(asked.points, component)
    return asked.answer("NNTK", asked.density() * space.kernel(left, right))


def green(
    problem: Problem,
    model: Model,
    theta: Tensor,
    at: At,
    points: Tensor | None = None,
    *,
    of: str | None = None,
    component: int = 0,
    field: str | None = None,
    cutoff: float | Cutoff = 1e-8,
    seed: int = 0,
) -> Kernel:
    """The generalised Green's function ``g(x, y) = rho phi(x) G^+ psi(y)`` on the tangent space.

    ``phi(x) = d u(x) / d theta``, ``rho = w_b / |Omega_b|`` (arXiv 2412.10782). The natural
    gradient step applies it to the residual: u - sum_b ``integral g_b(., y) r_b(y) dy``. For each
    x, ``g(x, .)`` is the orthogonal projection on the tangent space of Green's function of D with
    the boundary conditions of the problem, to which it tends in the mean square as the space grows.
    (For each y, ``g(., y)`` need not: the projection of a point source leaks to the boundary.)

    Args:
        problem: the conditions.
        model: a network from the problem's coordinates to its fields.
        theta: parameters [P].
        at: the points x [q, d] where u is looked at, or the d coordinates of one.
        points: the sources y [n, d]; a grid by default, as in ``ntk``.
        of: name of the condition that has the sources, the first one by default.
        component: which of its residuals.
        field: which field responds, the first one by default.
        cutoff: singular values of J at or below are dropped; a number is relative to the largest.
        seed: of the points of sampled conditions.

    Returns:
        The kernel [q, n]: row i is what u at ``at[i]`` feels of a unit source at each point.

    Raises:
        TypeError, ValueError: as in ``ntk``, an unknown field, or a negative cutoff.
        NonFiniteError: a residual or derivative is NaN or infinite.
    """
    asked = Question(problem, model, theta, at=at, points=points, of=of)
    space = _space(problem, model, theta, cutoff, seed)
    response = value_features(problem, model, theta, asked.at)[_field(problem, field)]
    sources = asked.residual_at(asked.points, component)
    values = asked.density() * space.kernel(response, sources)
    return asked.answer("Green's function", values)


def green_step(
    problem: Problem,
    model: Model,
    theta: Tensor,
    points: Tensor,
    *,
    cutoff: float | Cutoff = 1e-8,
    seed: int = 0,
) -> Tensor:
    """What one full natural-gradient step adds to the fields at points [n, d], to first order.

    That is ``- sum_b integral g_b(x, y) r_b(y) dy``, g as in ``green``: learning is the repeated
    application of a Green's function to the residual.

    Args:
        problem: the conditions.
        model: a network from the problem's coordinates to its fields.
        theta: parameters [P].
        points: where the fields are looked at, [n, d].
        cutoff: singular values of J at or below are dropped; a number is relative to the largest.
        seed: of the points of sampled conditions.

    Returns:
        ``[n, m]``, one column a field.

    Raises:
        TypeError, ValueError: an argument of another kind or shape, or a negative cutoff.
        NonFiniteError: a residual or derivative is NaN or infinite.
    """
    space = _space(problem, model, theta, cutoff, seed)
    check_points("points", points, len(problem.coordinates), model.device)
    features = value_features(problem, model, theta, points)  # [m, n, P]
    return -(features @ space.step()).T


def spectrum(
    problem: Problem,
    model: Model,
    theta: Tensor,
    *,
    cutoff: float | Cutoff = 1e-8,
    seed: int = 0,
) -> Spectrum:
    """Singular values of J, the threshold, and how much of the residual the directions see.

    For another system than a PDE's: ``TangentSpace(system.linearise(theta), cutoff).spectrum()``.

    Args:
        problem: the conditions.
        model: a network from the problem's coordinates to its fields.
        theta: parameters [P].
        cutoff: singular values at or below are dropped; a number is relative to the largest.
        seed: of the points of sampled conditions.

    Raises:
        TypeError, ValueError: an argument of another kind or shape, or a negative cutoff.
        NonFiniteError: a residual or derivative is NaN or infinite.
    """
    return _space(problem, model, theta, cutoff, seed).spectrum()


def tangent_projection(
    problem: Problem,
    model: Model,
    theta: Tensor,
    values: Tensor | None = None,
    *,
    cutoff: float | Cutoff = 1e-8,
    seed: int = 0,
) -> Tensor:
    """The part ``U_k U_k^T v`` of v that lies in the tangent space.

    For another system than a PDE's: ``TangentSpace(system.linearise(theta), cutoff).project(v)``.

    Args:
        problem: the conditions.
        model: a network from the problem's coordinates to its fields.
        theta: parameters [P].
        values: v [S] or [q, S], ordered and scaled like the residual of ``anagram_ext.jacobian``;
            that residual by default.
        cutoff: singular values at or below are dropped; a number is relative to the largest.
        seed: of the points of sampled conditions.

    Returns:
        As ``values``.

    Raises:
        TypeError, ValueError: an argument of another kind or shape, or a negative cutoff.
        NonFiniteError: a residual or derivative is NaN or infinite.
    """
    space = _space(problem, model, theta, cutoff, seed)
    if values is None:
        return space.project(space.residual)
    S = len(space.residual)
    check_kind("values", values, Tensor, f"a tensor [{S}] or [q, {S}]")
    if values.dtype != space.residual.dtype or values.ndim not in {1, 2} or values.shape[-1] != S:
        raise ValueError(
            f"values must be a {space.residual.dtype} tensor [{S}] or [q, {S}], got "
            f"{list(values.shape)} of {values.dtype}"
        )
    return space.project(values)


def _space(
    problem: Problem, model: Model, theta: Tensor, cutoff: float | Cutoff, seed: int
) -> TangentSpace:
    system = PdeSystem(problem, model, check_seed(seed))
    return TangentSpace(system.linearise(theta), cutoff)


def _field(problem: Problem, field: str | None) -> int:
    if field is None:
        return 0
    if field not in problem.fields:
        raise ValueError(f"field must be one of {problem.fields}, got {field!r}")
    return problem.fields.index(field)
