"""Union, difference and intersection in any number of coordinates, by signed distance.

In the plane there is more: see ``planar``. Here points come by rejection, their numbers exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from anagram_ext.geometry.designs import (
    Array,
    Bounds,
    Mask,
    scale,
    sobol_design,
    tensor_product,
)
from anagram_ext.geometry.planar import as_planar
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.product import Parts, product
from anagram_ext.geometry.sampled import Sampled
from anagram_ext.geometry.subset import Subset, obeying, subset

if TYPE_CHECKING:
    from anagram_ext.geometry.region import Region

_ROUNDING: Final = 1e-12  # of the size
_ASIDE: Final = 1e-7  # of the size: so far to either side of a boundary one looks
_PROBES: Final = 4096  # points of a boundary by which one sees whether two shapes overlap


class Solid:
    """The operators of shapes in any number of coordinates."""

    def __or__(self, other: object) -> Any:
        return _operation("or", self, other)

    def __and__(self, other: object) -> Any:
        return _operation("and", self, other)

    def __sub__(self, other: object) -> Any:
        return _operation("minus", self, other)

    def __mul__(self, other: object) -> Any:
        return product(self, other)


@dataclass(frozen=True)
class Composite(Sampled, Solid):
    """Two shapes, united, intersected or subtracted from each other.

    The measure is exact where the shapes do not overlap or lie in each other with room to spare,
    and else good to about four digits.

    Attributes:
        operation: ``"or"``, ``"and"`` or ``"minus"``.
        left: a shape of full dimension.
        right: another one in the same coordinates.
    """

    operation: str
    left: Any
    right: Any

    def __post_init__(self) -> None:
        if not self._inside.share:
            raise ValueError(f"shape must have a volume, got an empty one: {self!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinate names."""
        return tuple(self.left.names)

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate of a box that holds the shape."""
        pairs = zip(self.left.bounds, self.right.bounds, strict=True)
        if self.operation == "or":
            return tuple((min(a, c), max(b, d)) for (a, b), (c, d) in pairs)
        if self.operation == "and":
            return tuple((max(a, c), min(b, d)) for (a, b), (c, d) in pairs)
        return tuple(self.left.bounds)

    @property
    def dimension(self) -> int:
        """As many as there are coordinates."""
        return len(self.names)

    @cached_property
    def measure(self) -> float:
        """The volume."""
        left, right = self.left, self.right
        in_left, in_right = _strictly(left, right), _strictly(right, left)
        apart = not in_left.any() and not in_right.any()
        if self.operation == "or" and apart:
            return float(left.measure + right.measure)
        if self.operation == "minus" and in_left.all() and not in_right.any():
            return float(left.measure - right.measure)
        return float(self._inside.measure)

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies in it, boundary included, [n] of bool."""
        return self.distance(points) <= _ROUNDING * self._size

    def interior(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies inside, [n] of bool; on the boundary either."""
        left, right = _interior(self.left, points), _interior(self.right, points)
        if self.operation == "or":
            return left | right
        return left & (right if self.operation == "and" else ~right)

    def distance(self, points: Tensor) -> Tensor:
        """Negative inside, positive outside, at points [n, d]; [n].

        The distance from the boundary next to a single shape, less where two of them are near.
        """
        left, right = self.left.distance(points), self.right.distance(points)
        if self.operation == "or":
            return torch.minimum(left, right)
        return torch.maximum(left, right if self.operation == "and" else -right)

    def place(self, unit: Array) -> Points:
        """Points [n, d] in it for those of the unit cube: where one is outside, a further one."""
        return self._own(self._inside.place(unit))

    def sobol(self, n: int) -> Any:
        """The first ``n`` points in it of a scrambled Sobol sequence in the bounding box."""
        sampler = self._inside.sobol(n)
        return type(sampler)(n, lambda seed: self._own(sampler.draw(seed)), region=self)

    def grid(self, *counts: int) -> Points:
        """Those points of an equispaced grid of the bounding box that lie in it."""
        return self._own(self._inside.grid(*counts))

    def quadrature(self, n: int) -> Points:
        """n^d quasi-random points of equal weight: sums are integrals to a few digits."""
        points = self._inside.quadrature(n)
        weights = torch.full((len(points),), self.measure / len(points), dtype=torch.float64)
        return Points(points, region=self, weights=weights)

    def boundary(self, part: Any = None) -> Any:
        """The boundary, or a part of it.

        Args:
            part: the name of a shape it is made of, or a rule on points and normals.

        Raises:
            ValueError: no part of the boundary has the name, or obeys the rule.
        """
        if part is None or isinstance(part, str):
            found = self._sides(part)
            if not found:
                raise ValueError(f"no part of the boundary is {part!r}: there are {self.parts}")
            return found[0] if len(found) == 1 else Parts(tuple(found))
        if not callable(part):
            raise TypeError(f"part must be a name or a rule on points, got {part!r}")
        pieces = self.boundary()
        found = [
            one for side in getattr(pieces, "parts", (pieces,)) for one in _obeying(side, part)
        ]
        if not found:
            raise ValueError("rule must hold somewhere on the boundary, got one that does not")
        return found[0] if len(found) == 1 else Parts(tuple(found))

    @property
    def parts(self) -> tuple[str, ...]:
        """The names that ``boundary`` knows."""
        return tuple(dict.fromkeys(_name(leaf) for leaf, _ in _leaves(self, 1.0)))

    def __repr__(self) -> str:
        sign = {"or": "|", "and": "&", "minus": "-"}[self.operation]
        return f"({self.left!r} {sign} {self.right!r})"

    def _sides(self, name: str | None) -> list[Subset]:
        """What of the boundary of each shape is boundary of the whole."""
        found: list[Subset] = []
        earlier: list[Any] = []
        for leaf, sign in _leaves(self, 1.0):
            if name is None or name == _name(leaf):
                found += subset(leaf.boundary(), self._seen(tuple(earlier)), sign)
            earlier.append(leaf)
        return found

    def _seen(self, earlier: tuple[Any, ...]) -> Any:
        """Keeps points between inside and outside of the whole, not those of earlier shapes."""
        step, same = _ASIDE * self._size, 1e-10 * self._size

        def keep(points: Points) -> Mask:
            assert points.normals is not None
            here = points.as_subclass(Tensor)
            inner = self.interior(here - step * points.normals)
            outer = self.interior(here + step * points.normals)
            kept = inner != outer
            for leaf in earlier:
                kept[kept.clone()] = leaf.distance(here[kept]).abs() > same
            return np.asarray(kept)

        return keep

    @cached_property
    def _size(self) -> float:
        bounds = np.asarray([*self.left.bounds, *self.right.bounds])
        return float(max((bounds[:, 1] - bounds[:, 0]).max(), 1e-3 * np.abs(bounds).max()))

    @cached_property
    def _inside(self) -> Subset:
        box: Any = Bounding(self.names, self.bounds)
        return Subset(box, lambda p: np.asarray(self.interior(p)))

    def _own(self, points: Tensor) -> Points:
        return Points(points, region=self)


@dataclass(frozen=True)
class Bounding:
    """As much of a box as a subset asks for."""

    names: tuple[str, ...]
    bounds: Bounds

    @property
    def dimension(self) -> int:
        """As many as there are coordinates."""
        return len(self.names)

    @property
    def measure(self) -> float:
        """The volume."""
        return float(np.prod([upper - lower for lower, upper in self.bounds]))

    def place(self, unit: Array) -> Points:
        """Points [n, d] in it for those of the unit cube."""
        return Points(torch.from_numpy(scale(self.bounds, unit)))

    def grid(self, *counts: int) -> Points:
        """Equispaced points inside."""
        along = counts * len(self.names) if len(counts) == 1 else counts
        ticks = [
            np.linspace(a, b, n + 2)[1:-1] for (a, b), n in zip(self.bounds, along, strict=True)
        ]
        return Points(torch.from_numpy(tensor_product(ticks)))


def _operation(operation: str, left: Any, right: Any) -> Any:
    """A set operation on two shapes; NotImplemented for anything else.

    Raises:
        ValueError: shapes in other coordinates, or boundaries.
    """
    if not hasattr(right, "distance") or not hasattr(right, "names"):
        return NotImplemented
    for shape in (left, right):
        if shape.dimension != len(shape.names):
            raise ValueError(f"set operations need shapes of full dimension, got {shape!r}")
    if left.names != right.names:
        raise ValueError(
            f"shapes must have the same coordinates, got {left.names} and {right.names}"
        )
    planar = as_planar(left), as_planar(right)
    if planar[0] is not None and planar[1] is not None:
        return planar[0].combined(operation, planar[1])
    return Composite(operation, left, right)


def _interior(shape: Any, points: Tensor) -> Tensor:
    """Whether points [n, d] lie inside of a shape, by the quickest way it knows, [n] of bool."""
    inside: Tensor = (
        shape.interior(points) if hasattr(shape, "interior") else shape.distance(points) < 0
    )
    return inside


def _leaves(shape: Any, sign: float) -> list[tuple[Any, float]]:
    """The shapes that a composite is made of, -1 with those subtracted."""
    if not isinstance(shape, Composite):
        return [(shape, sign)]
    other = -sign if shape.operation == "minus" else sign
    return [*_leaves(shape.left, sign), *_leaves(shape.right, other)]


def _name(leaf: Any) -> str:
    return str(getattr(leaf, "name", type(leaf).__name__.lower()))


def _strictly(shape: Region, other: Region) -> Mask:
    """Which of some points on the boundary of ``other`` lie inside of ``shape``."""
    unit = sobol_design(np.random.default_rng(1), _PROBES, len(shape.names))
    return np.asarray(_interior(shape, other.boundary().place(unit)))


def _obeying(side: Any, rule: Any) -> list[Any]:
    try:
        return [obeying(side, rule)]
    except ValueError:
        return []
