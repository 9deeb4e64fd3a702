"""Figures of a run: convergence, solution, error.

Without pyplot: no window system is needed, and matplotlib's settings and open figures stay as the
caller has them. Matplotlib is loaded with the first figure, since importing the package has to be
quick.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from anagram_ext.pde.coordinates import Coordinates

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor

    from anagram_ext.models.mlp import MLP
    from anagram_ext.pde.problem import Problem

PIXELS: Final = 201  # points an axis of a map
_SERIES: Final = {
    "loss": "loss",
    "held_out_loss": "loss on held-out points",
    "l2_error": "L2 error",
}


def convergence(history: Mapping[str, np.ndarray], path: str | Path, title: str = "") -> None:
    """Draws loss and L2 error against the step and against the training seconds.

    Args:
        history: columns `step`, `seconds`, `loss`, `held_out_loss`, `l2_error`, each `[rows]`.
        path: PNG file to write.
        title: line above the figure.
    """
    figure = new_figure(10, 4)
    for axes, horizontal in zip(
        figure.subplots(1, 2, sharey=True), ("step", "seconds"), strict=True
    ):
        for name, label in _SERIES.items():
            values = history[name]
            if np.any(values > 0):
                axes.plot(history[horizontal], values, label=label)
        logarithmic(axes, horizontal)
    figure.suptitle(title)
    write(figure, path)


def solution_maps(problem: Problem, model: MLP, theta: Tensor, path: str | Path) -> None:
    """Draws each field of a problem in two coordinates and, where known, its error.

    Args:
        problem: a problem in two coordinates.
        model: the trained network.
        theta: its parameters, `[P]`.
        path: PNG file to write.

    Raises:
        ValueError: the problem has another number of coordinates.
    """
    if len(problem.coordinates) != 2:
        raise ValueError(f"solution maps need two coordinates, got {problem.coordinates}")
    ticks = _ticks(problem)
    points = torch.cartesian_prod(*ticks)  # [PIXELS^2, 2]
    values = model(theta, points.to(theta.dtype)).cpu().double()  # [PIXELS^2, m]
    exact = _exact(problem, points)  # [PIXELS^2, m] or None

    rows = [values] if exact is None else [values, (values - exact).abs()]
    labels = ["{}", "|error of {}|"]
    count = len(problem.fields)
    extent = tuple(float(axis[end]) for axis in ticks for end in (0, -1))
    figure = new_figure(4.6 * len(rows), 3.8 * count)
    grid = figure.subplots(count, len(rows), squeeze=False)
    for i, field in enumerate(problem.fields):
        for axes, data, label in zip(grid[i], rows, labels, strict=False):
            image = data[:, i].reshape(PIXELS, PIXELS).numpy().T
            drawn = axes.imshow(image, origin="lower", extent=extent, aspect="auto")
            figure.colorbar(drawn, ax=axes)
            axes.set(
                title=label.format(field),
                xlabel=problem.coordinates[0],
                ylabel=problem.coordinates[1],
            )
    write(figure, path)


def _ticks(problem: Problem) -> list[Tensor]:
    """Equispaced values `[PIXELS]` on each axis of the box around all points of the problem."""
    points = torch.cat([c.points_for(0).double() for c in problem.conditions.values()])
    lower, upper = points.amin(0), points.amax(0)
    return [
        torch.linspace(float(a), float(b), PIXELS, dtype=torch.float64)
        for a, b in zip(lower, upper, strict=True)
    ]


def _exact(problem: Problem, points: Tensor) -> Tensor | None:
    """The solution `[n, m]` at points `[n, 2]`, None when it is unknown."""
    if problem.solution is None:
        return None
    values = problem.solution(Coordinates(tuple(problem.coordinates), points))
    columns = values if isinstance(values, tuple) else (values,)
    return torch.stack(columns, dim=1)


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, that makes room for its labels."""
    from matplotlib.figure import Figure  # noqa: PLC0415 -- see above

    return Figure(figsize=(width, height), layout="constrained")


def logarithmic(axes: Any, horizontal: str) -> None:
    """Labels the axes; the vertical one is logarithmic once it has something to show."""
    axes.set_xlabel(horizontal)
    axes.grid(visible=True, alpha=0.3)
    if axes.lines:
        axes.set_yscale("log")
        axes.legend()


def write(figure: Figure, path: str | Path) -> None:
    """Writes a PNG file."""
    figure.savefig(path, format="png")
