"""How far a solution in windows of time may be from the true one: errors are handed on.

A window is judged by its own conditions, and one of these is to begin where the window before has
ended, right or wrong. So an error travels on, and may grow: of a hundred solved windows of a
chaotic system the last may show nothing but errors of the first.

To first order in every window: the residual on points never seen is ``J d``. The fields without
the change that the displacement d makes are the likely solution, and the next window has to begin
where that one ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import torch

from anagram_ext.errors import NonFiniteError, OutOfMemoryError
from anagram_ext.systems.own_scales import in_own_units
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.verdicts.error_estimate import displacement, points_of, sizes_to_compare
from anagram_ext.verdicts.evidence import blocks_to_judge
from anagram_ext.verdicts.validation import Validation

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.models.model import Model
    from anagram_ext.pde.problem import Problem
    from anagram_ext.training.result import TrainResult

Window = tuple[float, float]


def inherited_error(
    runs: Iterable[TrainResult],
    windows: Iterable[Window],
    problem_of: Callable[[Window, TrainResult | None], Problem],
) -> float:
    """The relative error of the fields in all windows, of the field for which it is largest.

    It costs about two steps a window; nan where it is not known.

    Args:
        runs: of the windows, in order.
        windows: the times in which they begin and end.
        problem_of: the problem of a window behind the run of another.
    """
    wrong, sizes = [], []  # squares by field, times the length of the window
    before: TrainResult | None = None
    try:
        for run, window in zip(runs, windows, strict=True):
            system = _system(problem_of(window, before), run)
            blocks = blocks_to_judge(system, Validation(system))
            likely = _Likely(cast("Model", run.model), displacement(system, blocks, run.theta))
            before = replace(run, model=cast("Model", likely))
            points = points_of(system, blocks)
            found = run.model(run.theta, points)
            length = window[1] - window[0]
            change = likely.change(run.model, run.theta, points)
            wrong.append(length * change.square().mean(dim=0))
            sizes.append(length * found.square().mean(dim=0))
    except (NonFiniteError, MemoryError, OutOfMemoryError):
        return math.nan
    lengths = sizes_to_compare(torch.stack(sizes).sum(dim=0).sqrt())
    return float((torch.stack(wrong).sum(dim=0).sqrt() / lengths).max())


class _Likely:
    """A model whose fields are without what a displacement of its parameters makes of them.

    Long steps in directions that hardly matter are no small change of a network, but of its
    tangent: only the derivative along the displacement counts, by central differences.

    Args:
        model: the network of a window.
        displacement: of its parameters, [P].
    """

    def __init__(self, model: Model, displacement: Tensor) -> None:
        self._model, self._displacement = model, displacement

    def change(self, function: Callable[..., Tensor], theta: Tensor, *arguments: Any) -> Tensor:
        """The change of ``function(theta, *arguments)`` to first order."""
        length = float(torch.linalg.vector_norm(self._displacement))
        if not length > 0:
            return torch.zeros_like(function(theta, *arguments))
        size = max(float(torch.linalg.vector_norm(theta)), 1.0)
        h = torch.finfo(theta.dtype).eps ** (1 / 3) * size / length
        ends = [function(theta + sign * h * self._displacement, *arguments) for sign in (1, -1)]
        change: Tensor = (ends[0] - ends[1]) / (2 * h)
        return change

    def jet(self, theta: Tensor, points: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """Fields and derivatives by name, each [n, m]."""
        if not names:
            return {}

        def jets(at: Tensor) -> Tensor:
            return torch.stack(list(self._model.jet(at, points, names).values()))

        likely = jets(theta) - self.change(jets, theta)
        return dict(zip(names, likely, strict=True))


def _system(problem: Problem, run: TrainResult) -> PdeSystem:
    """The rows of a window, weighted as for its training."""
    system = PdeSystem(problem, run.model, run.seed)
    return in_own_units(system, run.theta, run.theta, run.seed)
