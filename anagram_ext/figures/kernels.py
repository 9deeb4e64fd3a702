"""Pictures of kernels and of the spectrum of a Jacobian.

Colours as in all figures (``canvas``), maps in purple and orange where the sign matters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anagram_ext.figures import canvas

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.analysis.question import Kernel
    from anagram_ext.analysis.tangent_space import Spectrum

_ROWS: Final = 16  # base points drawn at most, four a row
_COMPARED: Final = 4  # base points drawn at most beside the true kernel, one a row


def kernel(
    kernel: Kernel,
    path: str | Path,
    exact: Callable[[Tensor, Tensor], Tensor] | None = None,
    title: str = "",
) -> None:
    """Draws a kernel: curves in one coordinate, maps in two, each base point as a cross.

    Args:
        kernel: of base points in one or two coordinates; in two, its points form a grid.
        path: PNG file to write.
        exact: the true kernel, of base points [q, d] and points [n, d], drawn beside it.
        title: line above the figure; the name of the kernel by default.

    Raises:
        ValueError: the kernel has other coordinates, or points that form no grid.
    """
    true = None if exact is None else exact(kernel.at.cpu(), kernel.points.cpu()).numpy()
    title = title or kernel.name
    dimension = kernel.points.shape[1]
    if dimension == 1:
        figure = _curves(kernel, true, title)
    elif dimension == 2:
        figure = _rows(kernel, title) if true is None else _beside(kernel, true, title)
    else:
        raise ValueError(f"kernel must be of one or two coordinates, got {kernel.coordinates}")
    canvas.write(figure, path)


def spectrum(spectra: Mapping[str, Spectrum], path: str | Path, title: str = "") -> None:
    """Draws singular values with their cutoff, and what of the residual they do not see.

    Args:
        spectra: by label, such as ``{"start": ..., "end": ...}``.
        path: PNG file to write.
        title: line above the figure.
    """
    figure = canvas.new_figure(10, 4, title)
    values, missed = figure.subplots(1, 2)
    for (label, found), colour in zip(spectra.items(), cycle(canvas.PALETTE), strict=False):
        sigma = found.singular_values.cpu().numpy()
        number = np.arange(1, len(sigma) + 1)
        values.plot(number, np.where(sigma > 0, sigma, np.nan), color=colour, label=label)
        values.axhline(found.cutoff, color=colour, linestyle=":", linewidth=1)
        rest = 1 - found.captured.cpu().numpy()
        missed.plot(number, np.maximum(rest, 1e-16), color=colour, label=label)
        missed.axvline(found.rank, color=colour, linestyle=":", linewidth=1)
    canvas.logarithmic(values, "number")
    values.set_title("singular values of J (dotted: cutoff)")
    canvas.logarithmic(missed, "directions kept")
    missed.set_title("share of the squared residual not seen (dotted: rank)")
    canvas.write(figure, path)


def _curves(kernel: Kernel, true: np.ndarray | None, title: str) -> Any:
    """In one coordinate: a curve a base point, the true one dashed."""
    figure = canvas.new_figure(7, 4.5, title)
    axes = figure.subplots()
    order = kernel.points[:, 0].argsort().cpu().numpy()
    at, y = kernel.at[:, 0].cpu().numpy(), kernel.points[:, 0].cpu().numpy()[order]
    values = kernel.values.cpu().numpy()[:, order]
    for i, colour in zip(range(len(at)), cycle(canvas.PALETTE), strict=False):
        axes.plot(y, values[i], color=colour, label=f"{kernel.coordinates[0]} = {at[i]:.3g}")
        if true is not None:
            axes.plot(y, true[i][order], color="black", linestyle="--", linewidth=1)
        axes.plot(at[i], np.interp(at[i], y, values[i]), "x", color="black")
    if true is not None:
        axes.plot([], [], color="black", linestyle="--", linewidth=1, label="true")
    axes.set_xlabel(kernel.coordinates[0])
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    return figure


def _rows(kernel: Kernel, title: str) -> Any:
    """In two coordinates: a map a base point, each on its own scale around zero."""
    images, extent = _images(kernel, kernel.values)
    images = images[:_ROWS]
    columns = min(4, len(images))
    lines = -(-len(images) // columns)
    figure = canvas.new_figure(2.6 * columns, 2.4 * lines + 0.4, title)
    grid = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[len(images) :]:
        axes.set_axis_off()
    for axes, image, at in zip(grid.flat, images, kernel.at.tolist(), strict=False):
        largest = np.abs(image).max() or 1.0
        _map(axes, image, extent, at, cmap="PuOr_r", vmin=-largest, vmax=largest)
        axes.set_title(f"|max| {largest:.2g}", fontsize=9)
    for axes in grid[-1]:
        axes.set_xlabel(kernel.coordinates[0])
    for axes in grid[:, 0]:
        axes.set_ylabel(kernel.coordinates[1])
    return figure


def _beside(kernel: Kernel, true: np.ndarray, title: str) -> Any:
    """In two coordinates: of each base point the kernel, the true one, and the difference."""
    found, extent = _images(kernel, kernel.values)
    known, _ = _images(kernel, kernel.values.new_tensor(true))
    found, known = found[:_COMPARED], known[:_COMPARED]
    figure = canvas.new_figure(11, 3.2 * len(found) + 0.4, title)
    grid = figure.subplots(len(found), 3, squeeze=False, sharex=True, sharey=True)
    for line, image, right, at in zip(grid, found, known, kernel.at.tolist(), strict=False):
        finite = right[np.isfinite(right)]
        scale = {"cmap": canvas.COLOUR_MAP, "vmin": min(finite.min(), 0), "vmax": finite.max()}
        error = image - right
        largest = np.nanmax(np.abs(error)) or 1.0
        signed = {"cmap": "PuOr_r", "vmin": -largest, "vmax": largest}
        for axes, data, name, colours in zip(
            line,
            (image, right, error),
            ("on the tangent space", "true", "difference"),
            (scale, scale, signed),
            strict=True,
        ):
            figure.colorbar(_map(axes, data, extent, at, **colours), ax=axes)
            axes.set_title(name)
            axes.set_xlabel(kernel.coordinates[0])
        line[0].set_ylabel(kernel.coordinates[1])
    return figure


def _map(axes: Any, image: np.ndarray, extent: Any, at: list[float], **colours: Any) -> Any:
    drawn = axes.imshow(image, origin="lower", extent=extent, aspect="auto", **colours)
    axes.plot(*at, "x", color="white", markeredgewidth=3, markersize=8)
    axes.plot(*at, "x", color="black", markeredgewidth=1.2, markersize=7)
    return drawn


def _images(kernel: Kernel, values: Tensor) -> tuple[np.ndarray, tuple[float, ...]]:
    """Values [q, n] as images [q, second coordinate, first], and the edges of their pixels."""
    points = kernel.points.cpu().numpy()
    ticks = [np.unique(points[:, i]) for i in range(2)]
    shape = tuple(len(axis) for axis in ticks)
    if min(shape) < 2 or shape[0] * shape[1] != len(points):
        raise ValueError(f"points must form a grid for a map, got {len(points)} points")
    order = np.lexsort((points[:, 1], points[:, 0]))
    images = values.cpu().numpy()[:, order].reshape(-1, *shape).transpose(0, 2, 1)
    halves = [(axis[-1] - axis[0]) / (2 * (len(axis) - 1)) for axis in ticks]
    extent = tuple(
        float(axis[end] + sign * half)
        for axis, half in zip(ticks, halves, strict=True)
        for end, sign in ((0, -1), (-1, 1))
    )
    return images, extent
