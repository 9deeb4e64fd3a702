"""Points the training never sees, and the error against a known solution."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from anagram_ext.geometry.designs import scale, sobol_design
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.solution import exact_values

if TYPE_CHECKING:
    from anagram_ext.models.mlp import MLP
    from anagram_ext.pde.problem import Problem

_N_EVALUATION = 10_000


def fresh_points(points: Tensor, seed: int) -> Tensor:
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


class SolutionError:
    """The L2 error of a network against the solution of its problem.

    Args:
        problem: with a solution.
        model: the network.
        points: where to compare, [n, d].

    Raises:
        ValueError: if the solution does not return one tensor [n] for each field.
    """

    def __init__(self, problem: Problem, model: MLP, points: Tensor) -> None:
        self._model = model
        self._points = points.to(model.device, model.dtype)
        # The solution is evaluated in double precision whatever the model computes in.
        coordinates = Coordinates(problem.coordinates, points.to("cpu", torch.float64))
        self._exact = exact_values(problem, coordinates).to(model.device)  # [n, m]

    def __call__(self, theta: Tensor) -> tuple[float, float]:
        """Root mean square error over points and fields, and the same relative to the solution."""
        error = self._model(theta, self._points) - self._exact
        absolute = math.sqrt(float(error.square().mean()))
        size = math.sqrt(float(self._exact.square().mean()))
        return absolute, absolute / size if size > 0 else math.inf
