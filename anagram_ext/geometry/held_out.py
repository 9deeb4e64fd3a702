"""Points of the same region that no training step sees."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from anagram_ext.geometry.designs import scale, sobol_design

_N_EVALUATION = 10_000


def held_out_points(points: Tensor, seed: int) -> Tensor | None:
    """As many new points [n, d] of the region that the given points seem to fill.

    The region is the bounding box of the points. When every point lies on a face of that box, the
    points are taken for a boundary, and each new point keeps the coordinates that hold its model on
    a face.
    """
    lower, upper = points.min(dim=0).values, points.max(dim=0).values
    fresh = _sobol_between(lower, upper, len(points), seed).to(points.dtype)
    pinned = (points == lower) | (points == upper)  # [n, d]
    if bool(pinned.any(dim=1).all()):
        fresh = torch.where(pinned, points, fresh)
    return fresh


def evaluation_points(point_sets: Iterable[Tensor], seed: int = 0) -> Tensor:
    """Sobol points in the bounding box of all given points, [10 000, d]."""
    everything = torch.cat([points.cpu() for points in point_sets])
    return _sobol_between(
        everything.min(dim=0).values, everything.max(dim=0).values, _N_EVALUATION, seed
    )


def _sobol_between(lower: Tensor, upper: Tensor, n: int, seed: int) -> Tensor:
    bounds = tuple(zip(lower.tolist(), upper.tolist(), strict=True))
    unit = sobol_design(np.random.default_rng(seed), n, len(bounds))
    return torch.from_numpy(scale(bounds, unit))
