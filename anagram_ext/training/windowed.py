"""A solution in windows of time, whether it was just found or is read from a folder."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import torch

from anagram_ext.figures import curves, overview
from anagram_ext.models.piecewise import Piecewise

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from matplotlib.figure import Figure
    from torch import Tensor

    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem


class Window(Protocol):
    """The run of one window."""

    @property
    def model(self) -> Model:
        """The network of the window."""

    @property
    def theta(self) -> Tensor:
        """Its parameters, [P]."""

    @property
    def history(self) -> Mapping[str, np.ndarray]:
        """Columns by name."""


class Windowed(ABC):
    """What results of a march have in common, found or read back: one function for all times.

    Attributes:
        runs: the run of every window, in order.
        times: the ends of the windows, one more than there are windows.
        coordinate: the name of the time.
    """

    runs: Sequence[Window]
    times: Sequence[float]
    coordinate: str

    @property
    @abstractmethod
    def _coordinates(self) -> tuple[str, ...]:
        """The names of all coordinates."""

    @property
    def _reach(self) -> float:
        """The time from which on values are nan."""
        return math.inf

    @cached_property
    def model(self) -> Piecewise:
        """The networks of all windows as one: ``model(theta, points)`` gives the fields."""
        models = tuple(run.model for run in self.runs)
        return Piecewise(models, tuple(self.times), self._coordinates, self.coordinate, self._reach)

    @cached_property
    def theta(self) -> Tensor:
        """The parameters [P] of all windows in a row."""
        return torch.cat([run.theta for run in self.runs])

    def __call__(self, points: Tensor) -> Tensor:
        """The fields [n, m] at points [n, d], each from the window that it lies in."""
        return self.model(self.theta, points)

    def jet(self, points: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Fields and derivatives by name, each [n, m]; see ``MLP.jet``."""
        return self.model.jet(self.theta, points, names)

    def _drawn(self, problem: Problem | None, path: str | Path | None, name: str) -> Figure:
        """The histories of all windows above the solution at all times, where it is known."""
        history = curves.in_a_row([run.history for run in self.runs])
        solution = None if problem is None else (problem, self.model, self.theta)
        title = f"{name}, {len(self.runs)} windows of {self.coordinate}"
        return overview.run(history, solution, path, title)
