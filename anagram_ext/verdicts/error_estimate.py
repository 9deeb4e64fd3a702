"""How far from the solution a residual may leave the fields, as the tangent space sees it.

To first order the error ``e`` of the fields and the residual r on fresh points come from one
displacement d of the parameters: ``r = J d`` and ``e = F d``, with F the Jacobian of the fields.
Unknown coefficients are looked at where it is asked what the conditions leave open.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import torch

from anagram_ext.errors import NonFiniteError, OutOfMemoryError
from anagram_ext.pde.condition import Condition
from anagram_ext.systems.integral import EquationSignature
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.systems.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.linear.factorisation import Factorisation
    from anagram_ext.systems.blocks import Block

# Singular values below this share of the largest one are rounding errors.
LEAST_SINGULAR: Final = 1e-12
# Directions with a singular value below this share have long steps, which multiply the rounding
# errors of a residual: they count where it is more than so many times these.
CERTAIN: Final = 1e-8
ABOVE_ROUNDING: Final = 10.0
POINTS: Final = 500  # at which the fields are compared
_LEAST_FIELD: Final = 1e-6  # a field below this share of the largest one counts as that large
_ITERATIONS: Final = 30  # of the power method
THE_FIELDS: Final = "the fields"


@dataclass(frozen=True)
class ErrorEstimate:
    """Relative errors of the fields, of the field for which they are largest; nan if unknown.

    Attributes:
        likely: the change of the fields by the Gauss-Newton step on the fresh points.
        worst: the largest change of fields and unknowns that any residual of the same length could
            stand for. Endless where the conditions do not determine them.
        loosest: what changes most there, in words.
        beyond: the part of ``worst`` that no condition looks at.
        sensitivity: the largest change of the fields for residuals of length one.
    """

    likely: float
    worst: float
    loosest: str = THE_FIELDS
    beyond: float = math.nan
    sensitivity: float = math.nan


UNKNOWN: Final = ErrorEstimate(math.nan, math.nan)


def is_plain(block: Block) -> bool:
    """Whether each row looks at one point: no pair of points and no integral."""
    return isinstance(block, PointwiseBlock) and isinstance(block.pointwise.signature, Signature)


def points_of(system: PdeSystem, blocks: Mapping[str, Block]) -> Tensor:
    """The points [n, d] at which the fields count.

    Those of all blocks whose rows look at one point each. Beside some of these, the points of
    equations with integrals as well: a field is as large as it is where its equation holds, not as
    at the one point where it begins. Alone they are none, as residuals of integrals prove little.
    """
    found = [
        block.coordinates.points
        for block in blocks.values()
        if isinstance(block, PointwiseBlock) and is_plain(block)
    ]
    if sum(map(len, found)):
        d = len(system.problem.coordinates)
        found += [
            block.coordinates.points[:, :d]  # nodes and weights may lie behind
            for block in blocks.values()
            if isinstance(block, PointwiseBlock)
            and isinstance(block.pointwise.signature, EquationSignature)
        ]
    none = torch.empty((0, len(system.problem.coordinates)), dtype=system.model.dtype)
    return torch.cat(found) if found else none.to(system.model.device)


def error_estimate(system: PdeSystem, blocks: Mapping[str, Block], theta: Tensor) -> ErrorEstimate:
    """The error that the residual on fresh points stands for.

    A residual says nothing of the error itself: in a chaotic system a small one spoils everything,
    and dividing an equation by 1000 changes no solution.

    Args:
        system: the least-squares problem.
        blocks: the rows of each condition at points that training did not see, where it has some.
        theta: the iterate to judge, [P].
    """
    try:
        return _estimate(system, blocks, theta)
    except (NonFiniteError, MemoryError, OutOfMemoryError):
        return UNKNOWN


def displacement(system: PdeSystem, blocks: Mapping[str, Block], theta: Tensor) -> Tensor:
    """The displacement [P] of the parameters that the residual of some rows stands for.

    Args:
        system: the least-squares problem.
        blocks: the rows, at points that training did not see.
        theta: the iterate, [P].

    Raises:
        NonFiniteError: naming condition and point.
        MemoryError: J can neither be stored nor streamed.
    """
    here = system.linearise_part(blocks, theta)
    factorisation = here.jacobian.factorise()
    step = _likely_step(system, blocks, theta, here.residual, factorisation)
    unused = len(factorisation.singular_values) - len(step)
    return factorisation.expand(torch.nn.functional.pad(step, (0, unused)))


def _likely_step(
    system: PdeSystem,
    blocks: Mapping[str, Block],
    theta: Tensor,
    residual: Tensor,
    factorisation: Factorisation,
) -> Tensor:
    """The Gauss-Newton step in terms of right singular vectors, [k], without rounding errors."""
    eps = torch.finfo(theta.dtype).eps
    k = factorisation.rank(max(LEAST_SINGULAR, 10 * eps))
    sigma = factorisation.singular_values[:k]
    seen = factorisation.project(residual)[:k]
    small = sigma <= max(CERTAIN, 10 * eps) * factorisation.largest
    if not bool(small.any()):
        return seen / sigma
    # Moved by one unit in the last place, it changes along these directions by rounding alone.
    neighbour = torch.nextafter(theta, theta.new_tensor(torch.inf))
    moved = system.residuals_of(blocks, neighbour)
    noise = factorisation.project(moved - residual)[:k][small].square().mean().sqrt()
    return torch.where(~small | (seen.abs() > ABOVE_ROUNDING * noise), seen / sigma, 0.0)


def sizes_to_compare(sizes: Tensor) -> Tensor:
    """The sizes of fields that errors are compared with: of next to nothing, a share of all."""
    least = max(_LEAST_FIELD * float(sizes.max()), torch.finfo(sizes.dtype).tiny)
    return sizes.clamp(min=least)


def _estimate(system: PdeSystem, blocks: Mapping[str, Block], theta: Tensor) -> ErrorEstimate:
    here = system.linearise_part(blocks, theta)
    factorisation = here.jacobian.factorise()  # in full: the directions have to be orthogonal
    if not factorisation.largest > 0:
        return UNKNOWN
    eps = torch.finfo(theta.dtype).eps
    least = max(LEAST_SINGULAR, 10 * eps)
    k = factorisation.rank(least)
    sigma = factorisation.singular_values[:k]
    directions = torch.eye(k, len(factorisation.singular_values)).to(theta)
    V = factorisation.expand(directions)  # [k, P]
    F = _values(system, blocks, theta)  # [fields + unknowns, n, P]
    n_fields = len(system.problem.fields)
    moved = F @ V.T  # [fields + unknowns, n, k]
    step = _likely_step(system, blocks, theta, here.residual, factorisation)
    likely = float(torch.linalg.vector_norm(moved[:n_fields] @ step, dim=1).max())

    length = float(torch.linalg.vector_norm(here.residual))
    rows = moved.flatten(0, 1)
    sensitivity = _norm(rows / (sigma + eps * factorisation.largest))
    seen = length * sensitivity
    beyond = F.flatten(0, 1) - rows @ V  # what no condition looks at
    # Along it the parameters may go as far as they are long, even where the residual vanishes.
    far = max(length / (least * factorisation.largest), float(torch.linalg.vector_norm(theta)))
    unseen = far * _norm(beyond)
    by_quantity = torch.linalg.vector_norm(beyond.view(len(F), -1), dim=1)
    names = [THE_FIELDS] * n_fields + _unknowns(system)
    loosest = names[int(by_quantity.argmax())] if unseen > seen else THE_FIELDS
    return ErrorEstimate(likely, math.hypot(seen, unseen), loosest, unseen, sensitivity)


def _unknowns(system: PdeSystem) -> list[str]:
    """The unknown numbers in words, in the order of the channels."""
    return [
        f"the unknown {name!r}"
        for name, unknown in system.model.unknowns.items()
        for _ in unknown.starts
    ]


def _values(system: PdeSystem, blocks: Mapping[str, Block], theta: Tensor) -> Tensor:
    """The Jacobian of fields and unknowns, relative to their sizes: [fields + unknowns, n, P].

    The size of a field is its root mean square; that of an unknown at least its first guess, or one
    where that is zero.
    """
    every = points_of(system, blocks).cpu()
    rng = torch.Generator().manual_seed(0)
    if not len(every):
        raise NonFiniteError("there is no point to compare the fields at")
    points = every[torch.randperm(len(every), generator=rng)[:POINTS]]
    n_fields = len(system.problem.fields)

    unknowns = system.model.unknowns

    def values(*arguments: Any) -> tuple[Any, ...]:
        found = [arguments[-1][name] for name in unknowns]
        numbers = (c if isinstance(c, tuple) else (c,) for c in found)
        return (*arguments[:n_fields], *itertools.chain.from_iterable(numbers))

    # Residuals that are the fields and unknowns themselves.
    problem = replace(
        system.problem,
        conditions={"values": Condition(values, points.to(torch.float64))},
        solution=None,
        evaluation=None,
        row_scaling="mean",
        model=None,
    )
    rows, matrix = PdeSystem(problem, system.model).residual_and_matrix(theta)
    guesses = [abs(start) or 1.0 for unknown in unknowns.values() for start in unknown.starts]
    n_values = n_fields + len(guesses)
    sizes = torch.linalg.vector_norm(rows.view(n_values, -1), dim=1)  # root mean squares
    # An unknown is compared with its first guess at least.
    fields = sizes_to_compare(sizes[:n_fields])
    others = sizes[n_fields:].maximum(torch.tensor(guesses).to(sizes))
    lengths = torch.cat([fields, others])
    relative: Tensor = matrix.view(n_values, -1, len(theta)) / lengths[:, None, None]
    return relative


def _norm(matrix: Tensor) -> float:
    """The largest singular value, by the power method."""
    rng = torch.Generator().manual_seed(0)
    v = torch.randn(matrix.shape[1], generator=rng, dtype=torch.float64).to(matrix)
    norm = 0.0
    for _ in range(_ITERATIONS):
        length = float(torch.linalg.vector_norm(v))
        if not 0 < length < math.inf:
            break
        image = matrix @ (v / length)
        norm = float(torch.linalg.vector_norm(image))
        v = matrix.T @ image
    return norm
