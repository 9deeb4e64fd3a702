"""A region with one coordinate mapped to another interval: the same design in a time window."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from torch import Tensor

from anagram_ext.checks import places
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampler import Sampler

if TYPE_CHECKING:
    from anagram_ext.geometry.designs import Array, Bounds
    from anagram_ext.geometry.region import Region

Interval = tuple[float, float]


@dataclass(frozen=True)
class Stretch:
    """The affine map of one coordinate from an interval to another one.

    Attributes:
        axis: which column of the points.
        old: the interval it comes from.
        new: the interval it goes to.
        places: how many points stand side by side in a row: two in pairs.
    """

    axis: int
    old: Interval
    new: Interval
    places: int = 1

    @property
    def factor(self) -> float:
        """How much longer the new interval is."""
        return (self.new[1] - self.new[0]) / (self.old[1] - self.old[0])

    def forth(self, value: float) -> float:
        """One coordinate mapped; ends go to ends without rounding."""
        if value in self.old:
            return self.new[self.old.index(value)]
        return self.new[0] + (value - self.old[0]) * self.factor

    def points(self, points: Tensor) -> Points:
        """Points [n, d] mapped; they know the mapped region and the same normals.

        Normals stay right where they do not point along the coordinate, or along it alone.
        """
        moved = points.as_subclass(Tensor).clone()
        for axis in range(self.axis, points.shape[1], points.shape[1] // self.places):
            column = points[:, axis]
            moved[:, axis] = (self.new[0] + (column - self.old[0]) * self.factor).clamp(*self.new)
            for old, new in zip(self.old, self.new, strict=True):
                moved[column == old, axis] = new
        region = getattr(points, "region", None)
        return Points(
            moved,
            None if region is None else Stretched(region, self),
            getattr(points, "normals", None),
        )

    def design(self, points: Tensor | Sampler) -> Tensor | Sampler:
        """The same points, or the same sampler, in the new interval."""
        if isinstance(points, Tensor):
            return self.points(points)
        candidates = points.candidates
        return replace(
            points,
            draw=lambda seed: self.points(points.draw(seed)),
            candidates=None if candidates is None else cast("Sampler", self.design(candidates)),
            region=None if points.region is None else Stretched(points.region, self),
        )


@dataclass(frozen=True)
class Stretched:
    """A region with one coordinate mapped.

    Attributes:
        region: what is mapped.
        stretch: how.
    """

    region: Region
    stretch: Stretch

    @property
    def names(self) -> tuple[str, ...]:
        """The d coordinate names, in the order of the columns of all points."""
        return self.region.names

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate."""
        bounds = list(self.region.bounds)
        lower, upper = bounds[self.stretch.axis]
        bounds[self.stretch.axis] = (self.stretch.forth(lower), self.stretch.forth(upper))
        return tuple(bounds)

    @property
    def dimension(self) -> int:
        """Of the set: d for a domain, d - 1 for its boundary."""
        return self.region.dimension

    @property
    def measure(self) -> float:
        """Length, area or volume of a set that is a product with an interval of the coordinate."""
        lower, upper = self.region.bounds[self.stretch.axis]
        return self.region.measure * (self.stretch.factor if lower < upper else 1.0)

    def place(self, unit: Array) -> Points:
        """The points [n, d] of the set that belong to points [n, d] of the unit cube."""
        placed = self.stretch.points(self.region.place(unit))
        return Points(placed.as_subclass(Tensor), self, placed.normals)

    def boundary(self, part: Any = None) -> Stretched:
        """The boundary of a domain, or a part of it by its name."""
        return Stretched(self.region.boundary(part), self.stretch)

    def grid(self, n: int, /) -> Points:
        """Regular ``Points``."""
        return self.stretch.points(self.region.grid(n))

    def quadrature(self, n: int, /) -> Points:
        """``Points`` with weights [n], for sets that are products with the coordinate."""
        points = self.region.quadrature(n)
        moved = self.stretch.points(points)
        lower, upper = self.region.bounds[self.stretch.axis]
        weights = points.weights * (self.stretch.factor if lower < upper else 1.0)
        return Points(moved.as_subclass(Tensor), self, moved.normals, weights)

    def distance(self, points: Tensor) -> Tensor:
        """Distance from the boundary in the coordinates of the region that is mapped, [n]."""
        return self.region.distance(self._back(points))

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies in the set, edges included, [n] of bool."""
        return self.region.contains(self._back(points))

    def _back(self, points: Tensor) -> Tensor:
        stretch = self.stretch
        points = places("points", points, len(self.region.names) * stretch.places)
        column = points[:, stretch.axis]
        back = points.as_subclass(Tensor).clone()
        back[:, stretch.axis] = stretch.old[0] + (column - stretch.new[0]) / stretch.factor
        for old, new in zip(stretch.old, stretch.new, strict=True):
            back[column == new, stretch.axis] = old
        return back
