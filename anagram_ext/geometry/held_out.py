"""Points of the same region that no training step sees.

They come from the region that the points belong to. Plain tensors know none; then the points
themselves have to show that they fill a box, or faces of one, before anything is drawn from it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from torch import Tensor

from anagram_ext.geometry.designs import scale, sobol_design

if TYPE_CHECKING:
    from anagram_ext.geometry.region import Region

N_EVALUATION: Final = 10_000  # points at which errors are measured, see docs/problems.md
# Of evenly spread points so many lie in a cell of the occupancy test on average; a cell is then
# empty by chance with probability exp(-6), one of four corners with 1 %.
_POINTS_A_CELL: Final = 6
_EMPTY_SHARE: Final = 0.03  # that may be: ten times that probability, and less than most holes
_LEAST_CELLS: Final = 3  # along each coordinate: with two, a ring passes for a square


def held_out_points(points: Tensor, seed: int, times: int = 1) -> Tensor | None:
    """New points of the region that the given points [n, d] fill.

    Args:
        points: the given ones.
        seed: of the new ones.
        times: how many times as many.

    Returns:
        Sobol points [times * n, d], or None where the region is not known and the points fill no
        box. Those of a known region carry the normals of a boundary.
    """
    rng = np.random.default_rng(seed)
    region = _region_of(points)
    if region is not None:
        n = times * len(points)
        placed: Tensor = region.place(sobol_design(rng, n, points.shape[1]))
        return placed
    if getattr(points, "normals", None) is not None:
        return None  # new points would need normals, which a bounding box does not know
    points = points.repeat(times, 1)
    lower, upper = points.amin(dim=0), points.amax(dim=0)
    pinned = (points == lower) | (points == upper)  # [n, d]
    fresh = _sobol_between(lower, upper, len(points), rng).to(points.dtype)
    if bool(pinned.any(dim=1).all()):
        # Each new point keeps the coordinates that hold its model on a face.
        return torch.where(pinned, points, fresh) if _fill_faces(points, lower, upper) else None
    return fresh if _fill_box(points, lower, upper) else None


def evaluation_points(point_sets: Iterable[Tensor], seed: int = 0) -> Tensor:
    """Where a solution is compared, [10 000, d]: Sobol points of the domain.

    The domain is the union of the regions of full dimension, as far as the point sets know theirs;
    else the box that the points fill, or whose faces they fill; else the points themselves.
    """
    sets = list(point_sets)
    domains = _distinct(
        region
        for region in map(_region_of, sets)
        if region is not None and region.dimension == len(region.names)
    )
    rng = np.random.default_rng(seed)
    if domains:
        shares = _shares([region.measure for region in domains])
        parts = [
            region.place(sobol_design(rng, share, len(region.names)))
            for region, share in zip(domains, shares, strict=True)
        ]
        return torch.cat([part.as_subclass(Tensor) for part in parts])
    everything = torch.cat([points.cpu() for points in sets])
    lower, upper = everything.amin(dim=0), everything.amax(dim=0)
    pinned = (everything == lower) | (everything == upper)
    on_faces = bool(pinned.any(dim=1).all()) and _fill_faces(everything, lower, upper)
    if on_faces or _fill_box(everything, lower, upper):
        return _sobol_between(lower, upper, N_EVALUATION, rng)
    return everything


def _region_of(points: Tensor) -> Region | None:
    return getattr(points, "region", None)


def _distinct(regions: Iterable[Region]) -> list[Region]:
    kept: list[Region] = []
    for region in regions:
        if region not in kept:
            kept.append(region)
    return kept


def _shares(measures: list[float]) -> list[int]:
    """10 000 points in proportion to the measures."""
    ends = np.rint(N_EVALUATION * np.cumsum([0.0, *measures]) / sum(measures)).astype(int)
    return [int(n) for n in np.diff(ends)]


def _fill_box(points: Tensor, lower: Tensor, upper: Tensor) -> bool:
    """Whether the points [n, d] evidently fill the box: a complete grid, or no gap that shows.

    Points on a line are believed; in two or more dimensions too few to tell are not.
    """
    free = lower < upper
    inside = points[:, free]
    d = inside.shape[1]
    if d <= 1:
        return True
    ticks = [len(set(column.tolist())) for column in inside.unbind(dim=1)]
    if len({tuple(point) for point in inside.tolist()}) == math.prod(ticks):
        return True  # a complete grid, however coarse
    along = int((len(points) / _POINTS_A_CELL) ** (1 / d))
    if along < _LEAST_CELLS:
        return False
    unit = (inside - lower[free]) / (upper - lower)[free]
    cells = (unit * along).long().clamp(max=along - 1)  # [n, d]
    filled = {tuple(cell) for cell in cells.tolist()}
    corners = set(itertools.product({0, along - 1}, repeat=d))
    return corners <= filled and along**d - len(filled) <= math.ceil(_EMPTY_SHARE * along**d)


def _fill_faces(points: Tensor, lower: Tensor, upper: Tensor) -> bool:
    """Whether the points fill each face of the box that holds more than an edge of them."""
    for axis in range(points.shape[1]):
        for end in (lower, upper):
            on_face = points[points[:, axis] == end[axis]]
            others = torch.arange(points.shape[1]) != axis
            inside = ((on_face > lower) & (on_face < upper))[:, others].any(dim=1)
            if bool(inside.any()) and not _fill_box(
                on_face[:, others], lower[others], upper[others]
            ):
                return False
    return True


def _sobol_between(lower: Tensor, upper: Tensor, n: int, rng: np.random.Generator) -> Tensor:
    bounds = tuple(zip(lower.tolist(), upper.tolist(), strict=True))
    return torch.from_numpy(scale(bounds, sobol_design(rng, n, len(bounds))))
