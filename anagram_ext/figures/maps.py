"""Maps of a solution in two coordinates, and of its error."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.figures import canvas
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.solution import exact_values

if TYPE_CHECKING:
    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem

PIXELS: Final = 201  # points an axis of a map


def solution_maps(problem: Problem, model: Model, theta: Tensor, path: str | Path) -> None:
    """Draws each field of a problem in two coordinates and, where known, its error.

    Args:
        problem: a problem in two coordinates.
        model: the trained network.
        theta: its parameters, ``[P]``.
        path: PNG file to write.

    Raises:
        ValueError: the problem has another number of coordinates.
    """
    if len(problem.coordinates) != 2:
        raise ValueError(f"coordinates must be two for a map, got {problem.coordinates}")
    ticks = _ticks(problem)
    points = torch.cartesian_prod(*ticks)  # [PIXELS^2, 2]
    values = model(theta, points.to(theta.dtype)).cpu().double()  # [PIXELS^2, m]
    exact = None
    if problem.solution is not None:
        exact = exact_values(problem, Coordinates(problem.coordinates, points))  # [PIXELS^2, m]

    rows = [values] if exact is None else [values, (values - exact).abs()]
    labels = ["{}", "|error of {}|"]
    count = len(problem.fields)
    extent = tuple(float(axis[end]) for axis in ticks for end in (0, -1))
    figure = canvas.new_figure(4.6 * len(rows), 3.8 * count)
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
    canvas.write(figure, path)


def _ticks(problem: Problem) -> list[Tensor]:
    """Equispaced values ``[PIXELS]`` on each axis of the box around all conditions."""
    conditions = problem.conditions.values()
    corners = torch.cat([_corners(condition.places_for(0)) for condition in conditions])
    lower, upper = corners.amin(0).tolist(), corners.amax(0).tolist()
    return [
        torch.linspace(a, b, PIXELS, dtype=torch.float64) for a, b in zip(lower, upper, strict=True)
    ]


def _corners(points: Tensor) -> Tensor:
    """Points ``[k, d]`` as far apart as the region that the given ones say they come from.

    Points that come from nowhere in particular are all there is to their region.
    """
    region = getattr(points, "region", None)
    if region is None:
        return points.double()
    return torch.tensor(region.bounds, dtype=torch.float64).T  # lower, upper
