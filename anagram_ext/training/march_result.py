"""What comes out of a march: the runs of all windows, judged as one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from anagram_ext.geometry.held_out import evaluation_points
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.solution import values_to_compare
from anagram_ext.training.inherited import inherited_error
from anagram_ext.training.windowed import Windowed
from anagram_ext.verdicts.criteria import FAILED_ERROR, SOLVED_ERROR
from anagram_ext.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

    from anagram_ext.pde.problem import Problem
    from anagram_ext.training.result import TrainResult
    from anagram_ext.training.windows import Windows


@dataclass(frozen=True, repr=False)
class MarchResult(Windowed):
    """A solution in windows of time.

    Attributes:
        runs: the run of every window, in order.
        times: the ends of the windows, one more than there are windows.
        coordinate: the name of the time.
    """

    runs: Sequence[TrainResult]
    times: Sequence[float]
    coordinate: str
    _problem: Problem
    _plan: Windows = field(compare=False)

    @property
    def _coordinates(self) -> tuple[str, ...]:
        return self._problem.coordinates

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draws how all windows went and the solution at all times; see ``TrainResult.plot``.

        Args:
            path: PNG file to write; none by default.

        Returns:
            The figure, a ``matplotlib.figure.Figure`` that belongs to no window.
        """
        first = self.runs[0]
        name = f"{self._problem.name}, {first.method}, seed {first.seed}"
        return self._drawn(self._problem, path, name)

    @property
    def loss(self) -> float:
        """The largest loss of a window."""
        return max(run.loss for run in self.runs)

    @property
    def seconds(self) -> float:
        """Time spent in the method in all windows."""
        return sum(run.seconds for run in self.runs)

    @cached_property
    def estimated_error(self) -> float:
        """The relative error of the fields at all times, as far as points never seen tell.

        What a window inherits from those before it is part of it; nan if unknown. The first access
        costs about two steps a window.
        """
        windows = [self._window(k) for k in range(len(self.runs))]
        return inherited_error(self.runs, windows, self._plan.problem)

    @property
    def warning(self) -> str | None:
        """What is wrong with the first window that something is wrong with, or with all of them.

        None if nothing is.
        """
        for k, run in enumerate(self.runs):
            if run.warning:
                return f"window {k}, {self.coordinate} in {self._window(k)}: {run.warning}"
        if self.verdict is Verdict.SOLVED:
            return None
        return (
            "every window is solved, but each inherits the errors of those before: the relative "
            f"error may be as large as {self.estimated_error:.1e}; train the windows further: more "
            "steps, points or a larger network"
        )

    @property
    def verdict(self) -> Verdict:
        """That of the first window which is not solved, each judged by itself alone.

        If all of them are: that of the whole, by its ``estimated_error``.
        """
        for run in self.runs:
            if run.verdict is not Verdict.SOLVED:
                return run.verdict
        if self.estimated_error <= SOLVED_ERROR:
            return Verdict.SOLVED
        return Verdict.STALLED if self.estimated_error > FAILED_ERROR else Verdict.CONVERGED

    @property
    def l2_error(self) -> float:
        """Root mean square error against the solution; nan when the problem has none."""
        return self._errors()[0]

    @property
    def l2_relative(self) -> float:
        """The same over the root mean square of the solution."""
        return self._errors()[1]

    def __repr__(self) -> str:
        """One line without arrays."""
        return (
            f"MarchResult({self.verdict}: {len(self.runs)} windows of {self.coordinate} in "
            f"[{self.times[0]:g}, {self.times[-1]:g}]: loss {self.loss:.2e}, L2 "
            f"{self.l2_error:.2e}, {self.seconds:.2f} s)"
        )

    def _window(self, k: int) -> tuple[float, float]:
        return self.times[k], self.times[k + 1]

    def _errors(self) -> tuple[float, float]:
        if self._problem.solution is None:
            return math.nan, math.nan
        points = self._problem.evaluation
        if points is None:
            points = evaluation_points(c.places_for(0) for c in self._problem.conditions.values())
        at = Coordinates(self._problem.coordinates, points.to("cpu", torch.float64))
        exact = values_to_compare(self._problem, at)
        error = float((self(points).cpu() - exact).square().mean().sqrt())
        return error, error / float(exact.square().mean().sqrt())
