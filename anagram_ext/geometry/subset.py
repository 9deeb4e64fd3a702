"""The points of a region that a rule keeps: sampled by rejection, with exact numbers of points."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from anagram_ext.checks import check_count, check_seed, places
from anagram_ext.geometry.designs import Array, Bounds, Mask, sobol_design
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.product import Parts
from anagram_ext.geometry.sampled import Sampled, follows
from anagram_ext.geometry.sampler import Sampler

if TYPE_CHECKING:
    from anagram_ext.geometry.region import Region

# Points by which the share that is kept is measured: quasi-random ones, to about 1e-4.
_MEASURING: Final = 2**16
_MOST: Final = 2**24  # points to try before it is said that nothing is there


@dataclass(frozen=True)
class Subset(Sampled):
    """Those points of a region that a rule keeps.

    What is not known in closed form is measured with 65 536 Sobol points: ``measure`` is good to
    about four digits, and exact where everything or nothing is kept.

    Attributes:
        base: the region that points are drawn from, evenly however few are taken of them.
        keep: which of its points [n, d] are kept, [n] of bool.
        sign: factor of the normals, -1 along the boundary of a hole.
    """

    base: Region
    keep: Callable[[Points], Mask]
    sign: float = 1.0

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinate names."""
        return self.base.names

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate of the region drawn from."""
        return self.base.bounds

    @property
    def dimension(self) -> int:
        """Of the region drawn from."""
        return self.base.dimension

    @property
    def measure(self) -> float:
        """That of the region times the share that is kept."""
        return self.base.measure * self.share

    @cached_property
    def share(self) -> float:
        """Which share of the region is kept."""
        unit = sobol_design(np.random.default_rng(0), _MEASURING, len(self.names))
        return float(np.mean(self.keep(self.base.place(unit))))

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies in it, [n] of bool."""
        points = places("points", points, len(self.names))
        inside: Tensor = self.base.contains(points)
        if not bool(inside.any()):
            return inside
        found = self.base.nearest(points[inside]) if hasattr(self.base, "nearest") else None
        chosen = Points(points[inside].double()) if found is None else found
        inside = inside.clone()
        inside[inside.nonzero()[:, 0]] = torch.from_numpy(self.keep(chosen))
        return inside

    def distance(self, points: Tensor) -> Tensor:
        """Distance of points [n, d] from the region that they are drawn from: a lower bound."""
        return self.base.distance(points)

    def place(self, unit: Array) -> Points:
        """Points [n, d] for those of the unit cube: where one is not kept, a further one."""
        points = self.base.place(unit)
        kept = np.flatnonzero(self.keep(points))
        seed = zlib.crc32(np.ascontiguousarray(unit).tobytes())  # the same for the same points
        further = self._first(len(unit) - len(kept), seed)
        return self._mixed(points, kept, further)

    def sobol(self, n: int) -> Sampler:
        """The first ``n`` points of a scrambled Sobol sequence that are kept."""
        check_count("n", n)
        return Sampler(n, lambda seed: self._own(self._first(n, check_seed(seed))), region=self)

    def grid(self, *counts: int) -> Points:
        """Those points of a grid of the region that are kept."""
        points = self.base.grid(*counts)
        return self._own(points.taken(torch.from_numpy(self.keep(points))))

    def quadrature(self, n: int) -> Points:
        """n^dimension quasi-random points of equal weight: sums are integrals to a few digits."""
        check_count("n", n)
        points = self._own(self._first(n**self.dimension, 0))
        weights = torch.full((len(points),), self.measure / len(points), dtype=torch.float64)
        return Points(points, self, points.normals, weights)

    def boundary(self, part: Any = None) -> Region:
        """The boundary of a domain.

        Raises:
            ValueError: always: it is not known here.
        """
        raise ValueError(f"boundary must be that of a shape, got {self!r}, part {part!r}")

    def _first(self, n: int, seed: int) -> Points:
        """The first n points [n, d] of a Sobol sequence in the region that are kept."""
        tried = max(16, math.ceil(1.1 * n / max(self.share, 1e-3)))
        while tried <= _MOST:
            unit = sobol_design(np.random.default_rng(seed), tried, len(self.names))
            points: Points = self.base.place(unit)
            kept = np.flatnonzero(self.keep(points))
            if len(kept) >= n:
                return points.taken(torch.from_numpy(kept[:n]))
            tried *= 2
        raise ValueError(f"region must have a measure, got an empty part of {self.base!r}")

    def _mixed(self, points: Points, kept: npt.NDArray[np.intp], further: Points) -> Points:
        """The points, those not kept replaced by further ones."""
        lost = np.setdiff1d(np.arange(len(points)), kept)
        order = torch.arange(len(points))
        order[torch.from_numpy(lost)] = len(points) + torch.arange(len(lost))
        normals = None
        if points.normals is not None and further.normals is not None:
            normals = torch.cat([points.normals, further.normals])
        everything = torch.cat([points.as_subclass(Tensor), further.as_subclass(Tensor)])
        return self._own(Points(everything, normals=normals).taken(order))

    def _own(self, points: Points) -> Points:
        normals = None if points.normals is None else self.sign * points.normals
        return Points(points, self, normals, points.weights)


def subset(base: Region, keep: Callable[[Points], Mask], sign: float = 1.0) -> list[Subset]:
    """The subsets of each separate piece of a region of which anything is kept."""
    pieces = base.separate() if hasattr(base, "separate") else [base]
    found = [Subset(piece, keep, sign) for piece in pieces]
    return [one for one in found if one.share > 0]


def obeying(region: Region, rule: Any) -> Region:
    """The part of a region where a rule such as ``lambda x: x.x < 0.5`` holds.

    Raises:
        TypeError: ``rule`` is no function.
        ValueError: it holds nowhere.
    """
    if not callable(rule):
        raise TypeError(f"part must be a name or a rule on points, got {rule!r}")
    found = subset(region, lambda points: follows(rule, points, region.names))
    if not found:
        raise ValueError(f"rule must hold somewhere on {region!r}, got one that does not")
    return found[0] if len(found) == 1 else Parts(tuple(found))
