"""Conditions that hold integrals of the fields: means, fluxes, norms, Fredholm, Volterra."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from numbers import Real

import torch
from torch import Tensor

from anagram_ext.checks import check_kind, check_points, elements, finite_number
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.quadrature import Lines
from anagram_ext.geometry.sampler import Sampler
from anagram_ext.geometry.stretched import Stretch
from anagram_ext.pde.condition import Condition, Residual, check_region

Nodes = Callable[[Tensor], tuple[Tensor, Tensor]]  # [n, d] -> [n, q, d] and weights [n, q]


def _nothing(*arguments: object) -> object:
    raise NotImplementedError(arguments)


@dataclass(frozen=True, init=False)
class Integral(Condition):
    """An integral of the fields that has to have a given value: one row for the whole of it.

    ``Integral(lambda u, x: u, square.quadrature(16), equals=1.0)``.

    Attributes:
        integrand: called like the residual of a ``Condition``, at the nodes of the quadrature;
            returns [q], or a tuple of C of them for C integrals. It need not be linear.
        points: the nodes [q, d], ``Points`` that carry their quadrature ``weights``.
        equals: the value, or one for each of the C integrals.
        weight: factor of this condition in the loss; the row is not divided by the number of nodes.
        exact: whether ``train`` moves the parameters that it found by the little that makes the
            integral hold to rounding errors.

    Raises:
        TypeError: an argument of another kind.
        ValueError: points without weights, values that are not finite.
    """

    integrand: Residual = _nothing
    equals: float | tuple[float, ...] = 0.0
    exact: bool = False

    def __init__(
        self,
        integrand: Residual,
        points: Points,
        equals: float | Sequence[float] = 0.0,
        weight: float = 1.0,
        exact: bool = False,
    ) -> None:
        check_kind("Integral: exact", exact, bool, "True or False")
        if not callable(integrand):
            raise TypeError(f"Integral: integrand must be callable, got {integrand!r}")
        _check_weighted("Integral: points", points)
        values = _values(equals)
        single = isinstance(equals, Real)
        object.__setattr__(self, "integrand", integrand)
        object.__setattr__(self, "equals", values[0] if single else values)
        object.__setattr__(self, "exact", exact)
        object.__setattr__(self, "residual", _Difference(values))
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "weight", weight)
        self.__post_init__()

    @property
    def fixed(self) -> bool:
        """A quadrature has its nodes: others would be another condition."""
        return True

    @property
    def n_points(self) -> int:
        """One row, whatever the number of nodes."""
        return 1

    def in_window(self, stretch: Stretch) -> Integral:
        """Raises ValueError: an integral over all of the time is none over a part of it."""
        del stretch
        raise ValueError(
            "an Integral must not be marched: say it at every time as an IntegroDifferential with "
            "over=box.across('x', 16), got one over all times"
        )


@dataclass(frozen=True, init=False)
class IntegroDifferential(Condition):
    """An equation at n points that holds an integral of the fields at each of them.

    Fredholm: ``u(x) - integral of K(x, y) u(y) over all y = f(x)``::

        IntegroDifferential(
            lambda u, x, I: u - I - f(x.x),
            line.grid(30),
            integrand=lambda u, y, x: K(x.x, y.x) * u,
            over=line.quadrature(20),
        )

    Volterra: ``over=line.up_to("x", 20)``.

    Attributes:
        residual: called with the fields and coordinates of the point, the integral (a tuple of
            them where the integrand returns several) and, if it takes one argument more, the
            unknowns; returns [n] or a tuple of several.
        points: where the equation holds, as for a ``Condition``.
        integrand: called with the fields and coordinates of the nodes, the coordinates of the point
            that the integral belongs to and, if it takes one argument more, the unknowns.
        over: what is integrated over: ``Points`` [q, d] with quadrature ``weights``, the same for
            every point; or a function that gives nodes [n, q, d] and weights [n, q] for points
            [n, d], such as ``box.up_to("x", 16)`` or ``box.across("v", 16)``.
        weight: factor of this condition in the loss.

    Raises:
        TypeError: an argument of another kind.
        ValueError: nodes without weights.
    """

    integrand: Residual = _nothing
    over: Points | Nodes = field(default=_nothing)  # type: ignore[assignment] # always given

    def __init__(
        self,
        residual: Residual,
        points: Tensor | Sampler,
        *,
        integrand: Residual,
        over: Points | Nodes,
        weight: float = 1.0,
    ) -> None:
        if not callable(integrand):
            raise TypeError(f"IntegroDifferential: integrand must be callable, got {integrand!r}")
        if isinstance(over, Points):
            _check_weighted("IntegroDifferential: over", over)
            over = over.copied()
        elif not callable(over):
            raise TypeError(
                "IntegroDifferential: over must be Points that carry weights, such as "
                f"box.quadrature(16), or a function of points, got {over!r}"
            )
        object.__setattr__(self, "integrand", integrand)
        object.__setattr__(self, "over", over)
        object.__setattr__(self, "residual", residual)
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "weight", weight)
        self.__post_init__()

    def check(self, name: str, coordinates: tuple[str, ...]) -> None:
        """Raises unless points and nodes fit the coordinates of a problem."""
        super().check(name, coordinates)
        what = f"over of condition {name!r}"
        check_region(what, self.over, coordinates)
        if isinstance(self.over, Lines) and self.over.names != coordinates:
            raise ValueError(
                f"{what} must have the coordinates {coordinates} in this order, got lines in "
                f"{self.over.names}"
            )
        if isinstance(self.over, Points):
            check_points(what, self.over, len(coordinates))

    def in_window(self, stretch: Stretch) -> IntegroDifferential:
        """The same equation in a part of the time, unless it looks at other times."""
        if not isinstance(self.over, Lines) or self.over.axis == stretch.axis:
            raise ValueError(
                "an IntegroDifferential must integrate along lines at one time to be marched, such "
                f"as over=box.across('x', 16), got {self.over!r}"
            )
        return IntegroDifferential(
            self.residual,
            stretch.design(self.points),
            integrand=self.integrand,
            over=self.over,
            weight=self.weight,
        )

    def nodes_for(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Nodes [n, q, d] and weights [n, q] of points [n, d], where these are.

        Raises:
            TypeError: ``over`` returned anything but a pair of tensors.
            ValueError: of other shapes, or with values that are not finite.
        """
        assert not isinstance(self.over, Points)
        returned: object = self.over(points)
        if not isinstance(returned, (tuple, list)) or len(returned) != 2:
            raise TypeError(f"over must return nodes and weights, got {type(returned).__name__}")
        nodes, weights = returned
        for part in (nodes, weights):
            check_kind("each of nodes and weights that over returns", part, Tensor, "a tensor")
        n, d = points.shape
        if nodes.ndim != 3 or nodes.shape[::2] != (n, d) or weights.shape != nodes.shape[:2]:
            raise ValueError(
                f"over must return nodes [{n}, q, {d}] and weights [{n}, q], got "
                f"{list(nodes.shape)} and {list(weights.shape)}"
            )
        if not bool(nodes.isfinite().all()) or not bool(weights.isfinite().all()):
            raise ValueError("over must return finite nodes and weights, got others")
        return nodes.to(points), weights.to(points)


class _Difference:
    """The residual of an integral condition: what the integrals miss of their values."""

    def __init__(self, values: tuple[float, ...]) -> None:
        self._values = values

    def __call__(self, integrals: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        found = integrals if isinstance(integrals, tuple) else (integrals,)
        if len(found) != len(self._values):
            raise ValueError(
                f"equals must hold one value for each of {len(found)} integrals, got {self._values}"
            )
        return tuple(one - value for one, value in zip(found, self._values, strict=True))


def _check_weighted(argument: str, points: object) -> None:
    wanted = "Points that carry weights, such as box.quadrature(16)"
    check_kind(argument, points, Points, wanted)
    assert isinstance(points, Points)
    if points.weights is None:
        raise ValueError(f"{argument} must be {wanted}, got {points!r} without weights")
    if not bool(torch.isfinite(points.weights).all()):
        raise ValueError(f"{argument} must have finite weights, got {points.weights.tolist()}")
    if not len(points):
        raise ValueError(f"{argument} must hold at least one node, got none")


def _values(equals: float | Sequence[float]) -> tuple[float, ...]:
    single = isinstance(equals, Real)
    numbers = (equals,) if single else elements("Integral: equals", equals, "numbers")
    if not numbers:
        raise ValueError(f"Integral: equals must hold at least one number, got {equals!r}")
    if isinstance(equals, (dict, set, bytes)):  # without the order or the kind of numbers
        raise TypeError(f"Integral: equals must be a number or a sequence of them, got {equals!r}")
    wanted = "a number or a sequence of numbers"
    return tuple(finite_number("Integral: equals", number, wanted) for number in numbers)
