"""What a kernel is asked for, checked, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch import Tensor

from anagram_ext.analysis.features import residual_features
from anagram_ext.checks import check_integer, check_kind, check_points
from anagram_ext.pde.problem import Problem

if TYPE_CHECKING:
    from anagram_ext.geometry.region import Region
    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.condition import Condition

_TICKS = {1: 201, 2: 41}  # of the default grid, an axis

At: TypeAlias = Tensor | Sequence[float]


@dataclass(frozen=True, repr=False)
class Kernel:
    """Values of a kernel at pairs of points.

    Attributes:
        values: ``[q, n]``; row i belongs to base point i, column j to point j.
        at: base points ``[q, d]``.
        points: ``[n, d]``.
        coordinates: names of the d columns.
        name: ``"NTK"``, ``"NNTK"`` or ``"Green's function"``.
    """

    values: Tensor
    at: Tensor
    points: Tensor
    coordinates: tuple[str, ...]
    name: str

    def __repr__(self) -> str:
        return f"Kernel({self.name}, {len(self.at)} base points, {len(self.points)} points)"


class Question:
    """The checked arguments that all kernels share."""

    def __init__(
        self,
        problem: Problem,
        model: Model,
        theta: Tensor,
        *,
        at: At,
        points: Tensor | None,
        of: str | None,
    ) -> None:
        check_kind("problem", problem, Problem, "a Problem")
        problem.check_model(model)
        self._problem, self._model, self._theta = problem, model, theta
        self._of = next(iter(problem.conditions)) if of is None else of
        check_kind("of", self._of, str, "the name of a condition")
        if self._of not in problem.conditions:
            raise ValueError(f"of must be one of {tuple(problem.conditions)}, got {of!r}")
        dimension = len(problem.coordinates)
        self.at = _base_points(at, dimension)
        check_points("at", self.at, dimension, model.device)
        self.points = self._grid() if points is None else points
        check_points("points", self.points, dimension, model.device)

    def residual_at(self, points: Tensor, component: int) -> Tensor:
        """The features [n, P] of one component of the condition."""
        features = residual_features(self._problem, self._model, self._theta, points, self._of)
        if check_integer("component", component, least=0) >= len(features):
            raise ValueError(
                f"component must be one of the {len(features)} residuals of {self._of!r}, "
                f"got {component}"
            )
        return features[component]

    def density(self) -> float:
        """``w_b / |Omega_b|``: weight of a point in the inner product, over its share of Omega."""
        condition = self._problem.conditions[self._of]
        region = _region(condition)
        measure = 1.0 if region is None else float(region.measure)
        n = 1 if self._problem.row_scaling == "mean" else len(condition.points_for(0))
        return condition.weight * n / measure

    def answer(self, name: str, values: Tensor) -> Kernel:
        """The kernel with all that a picture needs."""
        return Kernel(values, self.at, self.points, self._problem.coordinates, name)

    def _grid(self) -> Tensor:
        bounds = _bounds(self._problem.conditions[self._of])
        d = len(bounds)
        if d not in _TICKS:
            raise ValueError(f"points must be given in {d} coordinates, got None")
        ticks = [torch.linspace(a, b, _TICKS[d], dtype=torch.float64) for a, b in bounds]
        return torch.cartesian_prod(*ticks).reshape(-1, d)


def _base_points(at: Any, dimension: int) -> Tensor:
    """Base points [q, d]; a sequence of d numbers is one."""
    if isinstance(at, Tensor):
        return at
    check_kind("at", at, (tuple, list), "a tensor [q, d] or the coordinates of one point")
    if len(at) != dimension:
        raise ValueError(f"at must have {dimension} coordinates, got {at!r}")
    return torch.tensor([[float(value) for value in at]], dtype=torch.float64)


def _region(condition: Condition) -> Region | None:
    region: Region | None = getattr(condition.points, "region", None)
    return region


def _bounds(condition: Condition) -> list[tuple[float, float]]:
    """The (lower, upper) of each coordinate."""
    region = _region(condition)
    if region is not None:
        return list(region.bounds)
    points = condition.points_for(0)
    return list(zip(points.amin(0).tolist(), points.amax(0).tolist(), strict=True))
