"""What a region looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from anagram_ext.geometry.designs import Array, sobol_design

_ALONG: Final = np.linspace(0, 1, 101)
_DOTS: Final = 2000  # points of a surface in space


def plot(region: Any, where: Any) -> None:
    """Draws a region of one to three coordinates, its boundary coloured and labelled by name.

    Args:
        region: any.
        where: PNG file to write, or axes of matplotlib (in space: those of a 3-D projection).

    Raises:
        TypeError: ``where`` is something else.
        ValueError: a region in more than three coordinates.
    """
    if not isinstance(where, (str, Path)) and not callable(getattr(where, "plot", None)):
        raise TypeError(f"where must be a path or axes of matplotlib, got {where!r}")
    d = len(region.names)
    if d > 3:
        raise ValueError(f"plot shows up to three coordinates, got {region.names}")
    if not isinstance(where, (str, Path)):
        _draw(region, where)
        return
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4.5), layout="constrained")
    _draw(region, figure.add_subplot(projection="3d" if d == 3 else None))
    figure.savefig(where, format="png")


def _draw(region: Any, axes: Any) -> None:
    names = region.names
    if len(names) == 2:
        _draw_plane(region, axes)
        axes.set(xlabel=names[0], ylabel=names[1], aspect="equal")
    elif len(names) == 3:
        surface = region.boundary() if region.dimension == 3 else region
        axes.scatter(*_dots(surface).T, s=2)
        axes.set(xlabel=names[0], ylabel=names[1], zlabel=names[2])
    else:
        x = _dots(region)[:, 0]
        axes.plot(np.sort(x), np.zeros(len(x)), ".")
        axes.set(xlabel=names[0], yticks=[])


def _draw_plane(region: Any, axes: Any) -> None:
    planar = region.planar() if hasattr(region, "planar") else None
    outline = region if planar is None else planar.boundary()
    for cell in () if planar is None else planar.cells:
        x = cell.left + (1 - np.cos(np.pi * _ALONG)) / 2 * (cell.right - cell.left)
        axes.fill_between(
            x, cell.lower.height(x), cell.upper.height(x), color="0.9", linewidth=0.3, zorder=0
        )
    if not hasattr(outline, "sides"):
        axes.plot(*_dots(region).T, ".", markersize=2)
        return
    colours: dict[str, str] = {}
    for side in outline.sides:
        name = _name(side.labels)
        known = name in colours
        colours.setdefault(name, f"C{len(colours) % 10}")
        points = side.curve.at(_ALONG)
        axes.plot(*points.T, color=colours[name], label=None if known else name)
    if len(colours) <= 10:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize="small")


def _name(labels: frozenset[str]) -> str:
    """The most telling one: ``rectangle.left`` rather than ``left`` or ``rectangle``."""
    return max(labels, key=lambda label: ("." in label, label))


def _dots(region: Any) -> Array:
    points = region.place(sobol_design(np.random.default_rng(0), _DOTS, len(region.names)))
    return np.asarray(points)
