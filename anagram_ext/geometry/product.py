"""The product of two regions, such as an interval of time and a shape, and unions of parts."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import places
from anagram_ext.geometry.designs import Array, Bounds
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampled import Sampled

if TYPE_CHECKING:
    from anagram_ext.geometry.region import Region

_TIME: Final = ("t",)


@dataclass(frozen=True)
class Product(Sampled):
    """All pairs of a point of one region and a point of another: ``Interval(t=(0, 1)) * disk``.

    Attributes:
        first: the region whose coordinates come first.
        second: the region of the remaining coordinates.
    """

    first: Region
    second: Region

    def __post_init__(self) -> None:
        shared = set(self.first.names) & set(self.second.names)
        if shared:
            raise ValueError(
                f"factors of a product must have different coordinates, got {min(shared)!r} in both"
            )

    def __mul__(self, other: object) -> Any:
        return product(self, other)

    @property
    def names(self) -> tuple[str, ...]:
        """Of all coordinates, those of the first factor first."""
        return (*self.first.names, *self.second.names)

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate."""
        return (*self.first.bounds, *self.second.bounds)

    @property
    def dimension(self) -> int:
        """The sum of those of the factors."""
        return self.first.dimension + self.second.dimension

    @property
    def measure(self) -> float:
        """The product of those of the factors."""
        return self.first.measure * self.second.measure

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies in it, edges included, [n] of bool."""
        points = places("points", points, len(self.names))
        k = len(self.first.names)
        return self.first.contains(points[:, :k]) & self.second.contains(points[:, k:])

    def distance(self, points: Tensor) -> Tensor:
        """Signed distance of points [n, d] from the boundary, negative inside, [n].

        Exact where those of both factors are. All sides count, the ends of time as well.
        """
        k = len(self.first.names)
        points = places("points", points, len(self.names))
        parts = (self.first.distance(points[:, :k]), self.second.distance(points[:, k:]))
        outside = torch.hypot(*(part.clamp(min=0) for part in parts))
        return outside + torch.maximum(*parts).clamp(max=0)

    def place(self, unit: Array) -> Points:
        """Points [n, d] of the product for those of the unit cube: even ones stay even."""
        k = len(self.first.names)
        return self._joined(self.first.place(unit[:, :k]), self.second.place(unit[:, k:]))

    def grid(self, *counts: int) -> Points:
        """All pairs of a point of a grid of the first factor and one of the second, [n, d].

        Args:
            counts: one number for both factors, or those of the first factor and one or more for
                the second.
        """
        k = self.first.dimension
        split = (counts, counts) if len(counts) == 1 else (counts[:k], counts[k:])
        return self._pairs(*(f.grid(*c) for f, c in zip(self._factors, split, strict=True)))

    def quadrature(self, *counts: int) -> Points:
        """All pairs of quadrature points of the factors, with the products of their weights.

        Args:
            counts: one number for both factors, or one for each.

        Raises:
            ValueError: other than one or two numbers.
        """
        if len(counts) not in {1, 2}:
            raise ValueError(f"quadrature takes one number or one for each factor, got {counts}")
        a, b = counts if len(counts) == 2 else counts * 2
        return self._pairs(self.first.quadrature(a), self.second.quadrature(b))

    def boundary(self, part: Any = None) -> Product | Parts:
        """The boundary, or a part of it.

        That of a product with time, ``Interval(t=...) * shape``, is time x the boundary of the
        shape: where boundary conditions are given. Its ends are ``face(t=...)``. Of any other
        product all sides.

        Args:
            part: a name or a rule that the factors' ``boundary`` knows: of the shape, or else of
                the first factor.
        """
        if part is None:
            if self.first.names == _TIME:
                return Product(self.first, self.second.boundary())
            if self.second.names == _TIME:
                return Product(self.first.boundary(), self.second)
            return Parts(
                (
                    Product(self.first.boundary(), self.second),
                    Product(self.first, self.second.boundary()),
                )
            )
        if self.second.names == _TIME:
            return Product(self.first.boundary(part), self.second)
        return Product(self.first, self.second.boundary(part))

    def face(self, **fixed: float) -> Product:
        """The part where one coordinate of a box among the factors is fixed: ``face(t=0)``.

        Raises:
            ValueError: several coordinates, or one that no box among the factors has.
        """
        return self._where("face", lambda factor: factor.face(**fixed), fixed)

    def faces(self, *names: str) -> Product:
        """Lower and upper face of each named coordinate of a box among the factors."""
        return self._where("faces", lambda factor: factor.faces(*names), names)

    def clip(self, **intervals: tuple[float, float]) -> Product:
        """The part where coordinates lie in the given intervals: ``clip(t=(0, 0.1))``.

        Raises:
            ValueError: nothing is left, or a coordinate belongs to a shape that cannot be clipped.
        """
        clipped: Product = self
        for name, interval in intervals.items():
            own = {name: interval}
            clipped = clipped._where("clip", partial(_clip, own), (name,))
        return clipped

    def __repr__(self) -> str:
        return f"{self.first!r} * {self.second!r}"

    @property
    def _factors(self) -> tuple[Any, Any]:
        return self.first, self.second

    def _where(self, method: str, change: Callable[[Any], Region], names: Any) -> Product:
        """The product with that factor changed to which all the names belong."""
        for name in names:
            if name not in self.names:
                raise ValueError(f"unknown coordinate {name!r}: there are {self.names}")
        wanted = set(names)
        for k, factor in enumerate(self._factors):
            if wanted and wanted <= set(factor.names):
                if not hasattr(factor, method):
                    raise ValueError(f"{method} needs an interval in {sorted(wanted)}: {factor!r}")
                changed = change(factor)
                return Product(changed, self.second) if k == 0 else Product(self.first, changed)
        raise ValueError(f"{method} needs coordinates of one factor of {self!r}, got {names}")

    def _pairs(self, a: Points, b: Points) -> Points:
        """All pairs, those with the first point of ``a`` first."""
        m, n = len(a), len(b)
        i = torch.arange(m).repeat_interleave(n)
        j = torch.arange(n).repeat(m)
        return self._joined(a.taken(i), b.taken(j))

    def _joined(self, a: Points, b: Points) -> Points:
        """Points [n, d] side by side, with the normals of a boundary and the products of weights.

        Where both factors are boundaries, as at an edge, there is no one normal.
        """
        normals = None
        if (a.normals is None) != (b.normals is None):
            parts = [
                torch.zeros(p.shape, dtype=p.dtype) if p.normals is None else p.normals
                for p in (a, b)
            ]
            normals = torch.cat(parts, dim=1)
        weights = None if a.weights is None or b.weights is None else a.weights * b.weights
        joined = torch.cat([a.as_subclass(Tensor), b.as_subclass(Tensor)], dim=1)
        return Points(joined, region=self, normals=normals, weights=weights)


@dataclass(frozen=True)
class Parts(Sampled):
    """Several regions in the same coordinates that do not overlap, such as sides of a solid.

    Attributes:
        parts: the regions.
    """

    parts: tuple[Region, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinate names."""
        return self.parts[0].names

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate, over all parts."""
        return tuple(
            (min(lower for lower, _ in along), max(upper for _, upper in along))
            for along in zip(*(part.bounds for part in self.parts), strict=True)
        )

    @property
    def dimension(self) -> int:
        """Of the parts."""
        return self.parts[0].dimension

    @property
    def measure(self) -> float:
        """Of all parts together."""
        return math.fsum(part.measure for part in self.parts)

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies in a part, edges included, [n] of bool."""
        points = places("points", points, len(self.names))
        return torch.stack([part.contains(points) for part in self.parts]).any(dim=0)

    def distance(self, points: Tensor) -> Tensor:
        """Distance of points [n, d] from the nearest part, [n]."""
        points = places("points", points, len(self.names))
        return torch.stack([part.distance(points) for part in self.parts]).amin(dim=0)

    def place(self, unit: Array) -> Points:
        """Points [n, d] for those of the unit cube: the first coordinate chooses the part."""
        ends = np.cumsum([part.measure for part in self.parts])
        target = unit[:, 0] * ends[-1]
        chosen = np.minimum(np.searchsorted(ends, target, side="right"), len(ends) - 1)
        placed, normals = np.empty(unit.shape), np.empty(unit.shape)
        known = True
        for k, part in enumerate(self.parts):
            rows = chosen == k
            if not rows.any():
                continue
            along = np.clip((target[rows] - ends[k]) / part.measure + 1, 0, 1)
            points = part.place(np.column_stack([along, unit[rows, 1:]]))
            placed[rows] = points.numpy()
            known = known and points.normals is not None
            if points.normals is not None:
                normals[rows] = points.normals.numpy()
        return Points(
            torch.from_numpy(placed),
            region=self,
            normals=torch.from_numpy(normals) if known else None,
        )

    def grid(self, *counts: int) -> Points:
        """The grids of all parts."""
        return self._together([part.grid(*counts) for part in self.parts])

    def quadrature(self, *counts: int) -> Points:
        """The quadrature points of all parts."""
        return self._together([part.quadrature(*counts) for part in self.parts])

    def boundary(self, part: Any = None) -> Region:
        """The boundary of a domain.

        Raises:
            ValueError: always, for these are parts of a boundary already.
        """
        raise ValueError(f"boundary must be that of a domain, got {self!r}, part {part!r}")

    def _together(self, pieces: list[Points]) -> Points:
        def joined(what: str) -> Tensor | None:
            known = [getattr(piece, what) for piece in pieces]
            return None if any(k is None for k in known) else torch.cat(known)

        points = torch.cat([piece.as_subclass(Tensor) for piece in pieces])
        return Points(points, region=self, normals=joined("normals"), weights=joined("weights"))


def _clip(intervals: dict[str, tuple[float, float]], factor: Any) -> Any:
    return factor.clip(**intervals)


def product(first: Any, second: Any) -> Any:
    """The product of two regions; NotImplemented for anything else."""
    if not all(hasattr(region, "place") and hasattr(region, "names") for region in (first, second)):
        return NotImplemented
    return Product(first, second)
