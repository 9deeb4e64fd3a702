"""Graphs of a solution in one coordinate, and of its error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.figures import canvas
from anagram_ext.figures.maps import Fields, bounds, sampled
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.solution import exact_values

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem

TICKS: Final = 1001  # points of a graph


def solution_graphs(problem: Problem, model: Model, theta: Tensor, path: str | Path) -> None:
    """Draws each field of a problem in one coordinate and, where known, its error.

    Args:
        problem: a problem in one coordinate.
        model: the trained network.
        theta: its parameters, ``[P]``.
        path: PNG file to write.

    Raises:
        ValueError: the problem has more coordinates.
    """
    if len(problem.coordinates) != 1:
        raise ValueError(f"coordinates must be one for a graph, got {problem.coordinates}")
    figure = canvas.new_figure(*canvas.size_of(problem, len(problem.fields)))
    draw(figure, problem, model, theta)
    canvas.write(figure, path)


def draw(figure: FigureBase, problem: Problem, model: Fields, theta: Tensor) -> None:
    """Draws into a figure, or into a part of one, what ``solution_graphs`` does."""
    ((lower, upper),) = bounds(problem)
    x = torch.linspace(lower, upper, TICKS, dtype=torch.float64)[:, None]
    values, errors = sampled(problem, model, theta, x)
    for i, row in enumerate(canvas.panels(figure, len(problem.fields), 1 if errors is None else 2)):
        name = problem.fields[i]
        row[0].plot(x[:, 0], values[:, i], label="network")
        row[0].set(title=name, xlabel=problem.coordinates[0])
        if errors is not None:
            exact = exact_values(problem, Coordinates(problem.coordinates, x))[:, i]
            row[0].plot(x[:, 0], exact, "--", label="solution")
            row[0].legend()
            row[1].plot(x[:, 0], errors[:, i], label=f"|error of {name}|")
            canvas.logarithmic(row[1], problem.coordinates[0])
