"""What all figures share: an empty figure, its axes, its file, and what to do when drawing fails.

Without pyplot: no window system is needed, and matplotlib's settings and open figures stay as the
caller has them. Matplotlib is loaded with the first figure, since importing the package has to be
quick.

Colours can be told apart by the colour-blind: lines after Okabe & Ito ("Color Universal Design",
2008) without its yellow, maps in cividis.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure, FigureBase

    from anagram_ext.pde.problem import Problem

PALETTE: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
COLOUR_MAP: Final = "cividis"


def new_figure(width: float, height: float, title: str = "") -> Figure:
    """An empty figure, in inches, that makes room for its labels.

    Args:
        width: in inches.
        height: in inches.
        title: line above all axes, taken as it is: a name may hold a dollar sign.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    if title:
        figure.suptitle(title, parse_math=False)
    return figure


def size_of(problem: Problem, rows: int) -> tuple[float, float]:
    """Inches for rows of one field each, with its error beside it where that is known."""
    return 4.6 * (1 if problem.solution is None else 2), 3.8 * rows


def panels(figure: FigureBase, rows: int, columns: int, **options: Any) -> Any:
    """Axes ``[rows, columns]`` whose lines have our colours; dashed when those are used up.

    Args:
        figure: a figure, or a part of one.
        rows: of axes.
        columns: of axes.
        **options: passed on to ``subplots``.
    """
    from cycler import cycler

    grid = figure.subplots(rows, columns, squeeze=False, **options)
    for axes in grid.flat:
        axes.set_prop_cycle(cycler(linestyle=["-", "--", ":"]) * cycler(color=PALETTE))
    return grid


def logarithmic(axes: Any, horizontal: str) -> None:
    """Labels the axes; the vertical one is logarithmic once it has something to show."""
    axes.set_xlabel(horizontal)
    axes.grid(visible=True, alpha=0.3)
    if axes.lines:
        axes.set_yscale("log")
        axes.legend(fontsize="small")


def write(figure: Figure, path: str | Path) -> None:
    """Writes a PNG file."""
    figure.savefig(path, format="png")


def complaint(path: Path, draw: Callable[[], None]) -> str | None:
    """Draws; returns why there is no figure, None when there is one.

    Whatever goes wrong, in matplotlib or in the user's solution: the numbers that were to be drawn
    have taken long to find, and a figure can be drawn again.
    """
    try:
        draw()
    except Exception as error:
        return f"{path.name} was not drawn: {type(error).__name__}: {error}"
    return None
