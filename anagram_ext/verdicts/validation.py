"""What a run is judged by: points it never trains on, and the error against a known solution."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.geometry.held_out import evaluation_points
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.integral import Integral
from anagram_ext.pde.paired import Paired
from anagram_ext.pde.solution import values_to_compare

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.condition import Condition
    from anagram_ext.pde.problem import Problem
    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.systems.stack import Stack

# Held-out points for each training point. As many as those would fall between the boundary and a
# grid beside it too seldom, and would tell iterates on redrawn points apart by chance.
TIMES: Final = 4

_DATA: Final = "its values belong to its own points"
_INTEGRAL: Final = "other nodes would be another integral"
_UNKNOWN: Final = (
    "its points are given as a tensor and fill no box: their region is not known "
    "(take them from a region such as ax.Box, or attach one with ax.Points)"
)


class Validation:
    """Held-out loss and L2 error of parameters; both look at points that stay the same.

    Args:
        system: the problem and the model.

    Attributes:
        unseen: names of the conditions that have no held-out points: measured data, or points of
            an unknown region.
        held_out: the held-out rows of all others.
    """

    def __init__(self, system: PdeSystem) -> None:
        self._system = system
        held_out = system.held_out(TIMES)
        self.held_out: dict[str, Stack] = {
            name: stack for name, stack in held_out.items() if stack is not None
        }
        self.unseen = tuple(name for name, stack in held_out.items() if stack is None)
        self._fixed = system.part(self.unseen)
        self._solution = _solution_error(system)

    def why_unseen(self) -> dict[str, str]:
        """Why nothing is held out, for each condition of which that is so."""
        measured = self.measured()
        of_regions = {name: _DATA if name in measured else _UNKNOWN for name in self.unseen}
        return of_regions | dict.fromkeys(self._integrals(), _INTEGRAL)

    def measured(self) -> frozenset[str]:
        """The conditions that hold values of their own."""
        holds_data = self._system.holds_data
        return frozenset(filter(holds_data, self.unseen)) - self._integrals()

    def looks_everywhere(self) -> bool:
        """Whether the held-out points of some condition extend in all coordinates."""
        problem = self._system.problem
        return any(extends(problem.conditions[name], problem.coordinates) for name in self.held_out)

    def _integrals(self) -> frozenset[str]:
        conditions = self._system.problem.conditions
        return frozenset(name for name in self.unseen if isinstance(conditions[name], Integral))

    def losses(self, theta: Tensor) -> dict[str, float]:
        """The training loss of each condition, at the points of now."""
        return {
            name: float(self._system.part((name,)).losses(theta[None])[0])
            for name in self._system.problem.conditions
        }

    def held_out_losses(self, theta: Tensor) -> dict[str, float]:
        """The loss of each condition on held-out points: inf where not finite, nan without any."""
        return {
            name: float(self.held_out[name].losses(theta[None])[0])
            if name in self.held_out
            else math.nan
            for name in self._system.problem.conditions
        }

    def held_out_loss(self, theta: Tensor) -> float:
        """The loss on held-out points of the conditions that have some.

        inf where it is not finite, nan when no condition has any.
        """
        return total(self.held_out_losses(theta))

    def merit(self, theta: Tensor, loss: float) -> float:
        """What the best iterate has least of.

        On points that stay the same that is the loss; on redrawn points, where the losses of two
        draws do not compare, the held-out loss and that of the conditions that have none. Neither
        depends on the draws of the run: more steps never return a worse iterate.
        """
        if not self._system.redrawn:
            return loss
        return self.held_out_loss(theta) + self.loss_without_held_out(theta)

    def loss_without_held_out(self, theta: Tensor) -> float:
        """The training loss of the conditions that have no held-out points."""
        return float(self._fixed.losses(theta[None])[0]) if self.unseen else 0.0

    def l2_error(self, theta: Tensor) -> tuple[float, float]:
        """Root mean square error against the problem's solution, absolute and relative.

        Both are nan when the problem has no solution.
        """
        return (math.nan, math.nan) if self._solution is None else self._solution(theta)


def extends(condition: Condition, names: tuple[str, ...]) -> bool:
    """Whether the points of a condition extend in all coordinates."""
    points = condition.points
    region = getattr(points, "region", None)
    if isinstance(condition, Paired) or not condition.n_points:
        return False
    if region is not None:
        return bool(region.dimension == len(names))
    return isinstance(points, Tensor) and bool((points.amax(dim=0) > points.amin(dim=0)).all())


def total(held_out_losses: Mapping[str, float]) -> float:
    """The sum over the conditions that have held-out points; nan when none has any."""
    known = [loss for loss in held_out_losses.values() if not math.isnan(loss)]
    return sum(known) if known else math.nan


def _solution_error(system: PdeSystem) -> SolutionError | None:
    problem = system.problem
    if problem.solution is None:
        return None
    points = problem.evaluation
    if points is None:
        points = evaluation_points(c.places_for(0) for c in problem.conditions.values())
    return SolutionError(problem, system.model, points)


class SolutionError:
    """The L2 error of a network against the solution of its problem.

    Args:
        problem: with a solution.
        model: the network.
        points: where to compare, [n, d].

    Raises:
        ValueError: if the solution does not return one tensor [n] for each field, or is not finite.
    """

    def __init__(self, problem: Problem, model: Model, points: Tensor) -> None:
        self._model = model
        self._points = points.to(model.device, model.dtype)
        # The solution is evaluated in double precision whatever the model computes in.
        coordinates = Coordinates(problem.coordinates, points.to("cpu", torch.float64))
        self._exact = values_to_compare(problem, coordinates).to(model.device)  # [n, m]

    def __call__(self, theta: Tensor) -> tuple[float, float]:
        """Root mean square error over points and fields, and the same relative to the solution."""
        error = self._model(theta, self._points) - self._exact
        absolute = math.sqrt(float(error.square().mean()))
        size = math.sqrt(float(self._exact.square().mean()))
        return absolute, absolute / size if size > 0 else math.inf
