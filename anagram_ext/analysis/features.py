"""Tangent features: derivatives in theta of what a condition, or the model, says at any points."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from anagram_ext.pde.condition import Condition
from anagram_ext.systems.pde_system import PdeSystem

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem


def residual_features(
    problem: Problem, model: Model, theta: Tensor, points: Tensor, condition: str
) -> Tensor:
    """``d D[u](y) / d theta`` [C, n, P] of a condition's C residuals at points [n, d], unscaled.

    Raises:
        ValueError: the problem has no such condition, or its residual makes no sense at the points.
    """
    asked = problem.conditions[condition]
    if asked.fixed or asked.n_columns(1) > 1:
        raise ValueError(
            f"condition {condition!r} must make sense at single points of any kind, got a "
            f"{type(asked).__name__}"
        )
    moved = replace(asked, points=points, weight=1.0)
    return _rows(problem, model, theta, condition, moved)


def value_features(problem: Problem, model: Model, theta: Tensor, points: Tensor) -> Tensor:
    """``d u(x) / d theta`` [m, n, P] of the m fields at points [n, d]."""
    m = len(problem.fields)

    def values(*arguments: Any) -> tuple[Any, ...]:
        return arguments[:m]  # behind the fields come coordinates, and whatever else there is

    return _rows(problem, model, theta, "values", Condition(values, points))


def _rows(problem: Problem, model: Model, theta: Tensor, name: str, condition: Condition) -> Tensor:
    alone = replace(
        problem,
        conditions={name: condition},
        row_scaling="none",
        solution=None,
        evaluation=None,
        model=None,
    )
    _, rows = PdeSystem(alone, model).residual_and_matrix(theta)
    points = condition.points_for(0)
    return rows.reshape(-1, len(points), model.n_parameters)
