"""Maps of a solution over its domain, and of its error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import torch
from torch import Tensor

from anagram_ext.figures import canvas
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.solution import exact_values

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize
    from matplotlib.figure import FigureBase

    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem

PIXELS: Final = 201  # points an axis of a map

Fields: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"  # theta [P], points [n, d] to [n, m]
Plane: TypeAlias = "tuple[int, int, list[tuple[int, float]]]"  # its axes, values of all others


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
    _write(problem, model, theta, path)


def solution_slices(problem: Problem, model: Model, theta: Tensor, path: str | Path) -> None:
    """Draws each field of a problem in three or more coordinates, as maps of its last two.

    The first coordinate has three values, at a tenth, the middle and nine tenths of its interval;
    those between it and the last two are in the middle of theirs.

    Args:
        problem: a problem in three or more coordinates.
        model: the trained network.
        theta: its parameters, ``[P]``.
        path: PNG file to write.

    Raises:
        ValueError: the problem has fewer coordinates.
    """
    d = len(problem.coordinates)
    if d < 3:
        raise ValueError(f"coordinates must be three or more for slices, got {problem.coordinates}")
    _write(problem, model, theta, path)


def _write(problem: Problem, model: Model, theta: Tensor, path: str | Path) -> None:
    figure = canvas.new_figure(*canvas.size_of(problem, rows_of(problem)))
    draw(figure, problem, model, theta)
    canvas.write(figure, path)


def rows_of(problem: Problem) -> int:
    """How many rows of maps a problem in two or more coordinates has."""
    return len(problem.fields) * len(_planes(problem))


def _planes(problem: Problem) -> list[Plane]:
    """One plane in two coordinates, three slices in more."""
    d = len(problem.coordinates)
    if d == 2:
        return [(0, 1, [])]
    lower, upper = torch.tensor(bounds(problem), dtype=torch.float64).T
    middles = [(k, float(lower[k] + upper[k]) / 2) for k in range(1, d - 2)]
    first = [float(lower[0] + share * (upper[0] - lower[0])) for share in (0.1, 0.5, 0.9)]
    return [(d - 2, d - 1, [(0, at), *middles]) for at in first]


def draw(figure: FigureBase, problem: Problem, model: Fields, theta: Tensor) -> None:
    """Draws into a figure, or into a part of one, what the functions above do.

    Args:
        figure: where.
        problem: a problem in two or more coordinates.
        model: the trained network.
        theta: its parameters, ``[P]``.
    """
    wide = 1 if problem.solution is None else 2
    rows = iter(canvas.panels(figure, rows_of(problem), wide))
    for across, up, fixed in _planes(problem):
        ticks = [_ticks(problem)[axis] for axis in (across, up)]
        points = torch.empty((PIXELS**2, len(problem.coordinates)), dtype=torch.float64)
        points[:, [across, up]] = torch.cartesian_prod(*ticks)
        for axis, value in fixed:
            points[:, axis] = value
        values, errors = sampled(problem, model, theta, points)
        at = ", ".join(f"{problem.coordinates[axis]}={value:.3g}" for axis, value in fixed)
        left, right, bottom, top = (float(axis[end]) for axis in ticks for end in (0, -1))
        extent = left, right, bottom, top
        labels = {"xlabel": problem.coordinates[across], "ylabel": problem.coordinates[up]}
        for i, field in enumerate(problem.fields):
            name = f"{field} at {at}" if at else field
            row = next(rows)
            _map(figure, row[0], values[:, i], extent, title=name, **labels)
            if errors is not None:
                _map(
                    figure,
                    row[1],
                    errors[:, i],
                    extent,
                    scale="log",
                    title=f"|error of {name}|",
                    **labels,
                )


def sampled(
    problem: Problem, model: Fields, theta: Tensor, points: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Values and, where a solution is known, errors at points [n, d]: [n, m] each.

    Points outside of the domain have none: NaN.
    """
    inside = in_domain(problem, points)
    values = torch.full((len(points), len(problem.fields)), torch.nan, dtype=torch.float64)
    values[inside] = model(theta, points[inside].to(theta)).cpu().double()
    if problem.solution is None:
        return values, None
    exact = exact_values(problem, Coordinates(problem.coordinates, points[inside]))
    errors = values.clone()
    errors[inside] = (values[inside] - exact).abs()
    return values, errors


def in_domain(problem: Problem, points: Tensor) -> Tensor:
    """Which of the points [n, d] lie in a region of full dimension of a condition, [n] of bool.

    All of them where no condition knows such a region.
    """
    regions = [getattr(c.points, "region", None) for c in problem.conditions.values()]
    domains = [r for r in regions if r is not None and r.dimension == len(r.names)]
    if not domains:
        return torch.ones(len(points), dtype=torch.bool)
    return torch.stack([region.contains(points) for region in domains]).any(dim=0)


def _map(
    figure: FigureBase,
    axes: Axes,
    data: Tensor,
    extent: tuple[float, float, float, float],
    *,
    scale: str = "linear",
    **labels: str,
) -> None:
    """One map with its colour bar.

    Args:
        figure: which it is part of.
        axes: where.
        data: one value a pixel, NaN outside of the domain, [PIXELS^2].
        extent: left, right, bottom, top.
        scale: ``"log"`` shows four decades below the largest value.
        labels: title and names of the axes.
    """
    image = data.reshape(PIXELS, PIXELS).numpy().T
    largest = float(np.nanmax(image, initial=0.0))
    norm = None
    if scale == "log" and 0 < largest < np.inf:
        norm = _logarithmic(1e-4 * largest, largest)
    drawn = axes.imshow(
        np.ma.masked_invalid(image),
        origin="lower",
        extent=extent,
        aspect="auto",
        norm=norm,
        cmap=canvas.COLOUR_MAP,
    )
    figure.colorbar(drawn, ax=axes)
    axes.set(**labels)


def _logarithmic(least: float, most: float) -> Normalize:
    from matplotlib.colors import LogNorm

    return LogNorm(least, most, clip=True)


def bounds(problem: Problem) -> list[tuple[float, float]]:
    """The (lower, upper) of each coordinate over all conditions."""
    conditions = problem.conditions.values()
    corners = torch.cat([_corners(condition.places_for(0)) for condition in conditions])
    return list(zip(corners.amin(0).tolist(), corners.amax(0).tolist(), strict=True))


def _ticks(problem: Problem) -> list[Tensor]:
    """Equispaced values ``[PIXELS]`` on each axis of the box around all conditions."""
    return [torch.linspace(a, b, PIXELS, dtype=torch.float64) for a, b in bounds(problem)]


def _corners(points: Tensor) -> Tensor:
    """Points ``[k, d]`` as far apart as the region that the given ones say they come from.

    Points that come from nowhere in particular are all there is to their region.
    """
    region = getattr(points, "region", None)
    if region is None:
        return points.double()
    return torch.tensor(region.bounds, dtype=torch.float64).T  # lower, upper
