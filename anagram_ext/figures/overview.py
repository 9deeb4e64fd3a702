"""A run at one look: how it went, what came out, how far off it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from anagram_ext.figures import canvas, curves, graphs, maps

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from torch import Tensor

    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem


def run(
    history: Mapping[str, np.ndarray],
    solution: tuple[Problem, maps.Fields, Tensor] | None = None,
    path: str | Path | None = None,
    title: str = "",
) -> Figure:
    """Draws a history above the solution that it led to and, where known, the error of that.

    Graphs in one coordinate, maps in two, slices in more (see ``maps.solution_slices``); errors in
    logarithmic colours.

    Args:
        history: columns as in ``curves.draw``.
        solution: the problem, the trained model and its parameters ``[P]``; the history alone is
            drawn by default.
        path: PNG file to write; none by default.
        title: line above the figure.

    Returns:
        The figure, which belongs to no window.
    """
    width, height = curves.SIZE
    if solution is None:
        figure = canvas.new_figure(width, height, title)
        curves.draw(figure, history)
    else:
        problem = solution[0]
        in_one = len(problem.coordinates) == 1
        rows = len(problem.fields) if in_one else maps.rows_of(problem)
        _, below = canvas.size_of(problem, rows)
        figure = canvas.new_figure(width, height + below, title)
        parts = figure.subfigures(2, 1, squeeze=False, height_ratios=(height, below))
        upper, lower = parts[:, 0]
        curves.draw(upper, history)
        (graphs if in_one else maps).draw(lower, *solution)
    if path is not None:
        canvas.write(figure, path)
    return figure


def solution(problem: Problem, model: Model, theta: Tensor, path: str | Path) -> None:
    """Draws the fields of a problem in any number of coordinates and, where known, their errors.

    Args:
        problem: the problem.
        model: the trained network.
        theta: its parameters, ``[P]``.
        path: PNG file to write.
    """
    kinds = {1: graphs.solution_graphs, 2: maps.solution_maps}
    kinds.get(len(problem.coordinates), maps.solution_slices)(problem, model, theta, path)
