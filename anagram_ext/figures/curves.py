"""Curves of a history: how loss and errors fell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from anagram_ext.figures import canvas

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

_SERIES: Final = {  # column: label, style: the two losses often lie upon each other
    "loss": ("loss", "-"),
    "held_out_loss": ("loss on held-out points", "--"),
    "l2_error": ("L2 error", "-"),
}
# Of these the best so far is what a run would give back; that of an error nobody could choose by.
_CHOSEN_BY: Final = ("loss", "held_out_loss")
_OF_CONDITION: Final = "loss/"
SIZE: Final = (12.0, 4.0)  # inches of the whole history


def convergence(history: Mapping[str, np.ndarray], path: str | Path, title: str = "") -> None:
    """Draws loss and L2 error against the step and against the training seconds.

    Where a loss rises in between, the best one so far is drawn over it.

    Args:
        history: columns ``step``, ``seconds``, ``loss``, ``held_out_loss``, ``l2_error``, each
            ``[rows]``.
        path: PNG file to write.
        title: line above the figure.
    """
    figure = canvas.new_figure(10, 4, title)
    _against_both(canvas.panels(figure, 1, 2, sharey=True)[0], history)
    canvas.write(figure, path)


def draw(figure: FigureBase, history: Mapping[str, np.ndarray]) -> None:
    """Draws what ``convergence`` does and, beside it, the losses of the conditions.

    Args:
        figure: a figure, or a part of one.
        history: columns as in ``convergence``, and ``loss/NAME`` for each condition.
    """
    names = [name for name in history if _of_condition(name)]
    row = canvas.panels(figure, 1, 2 + bool(names), sharey=True)[0]
    _against_both(row[:2], history)
    if names:
        for name in names:
            condition = name.removeprefix(_OF_CONDITION).replace("$", r"\$")  # no formula
            _line(row[2], history["step"], history[name], f"loss of {condition}")
        canvas.logarithmic(row[2], "step")


def in_a_row(histories: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Histories of runs one after the other as one for ``draw``, with a gap between two runs.

    Args:
        histories: columns as in ``draw``, one mapping or more.

    Returns:
        The same columns, nan in the row between two runs and for conditions that a run has not;
        steps and seconds go on counting.
    """
    conditions = [name for history in histories for name in history if _of_condition(name)]
    names = dict.fromkeys(["step", "seconds", *_SERIES, *conditions])
    columns: dict[str, list[np.ndarray]] = {name: [] for name in names}
    gone = {"step": 0.0, "seconds": 0.0}
    for history in histories:
        rows = len(history["step"])
        for name, parts in columns.items():
            column = np.asarray(history.get(name, np.full(rows, np.nan)), dtype=np.float64)
            parts += [np.full(int(bool(parts)), np.nan), column + gone.get(name, 0.0)]
        if rows:
            gone = {name: float(columns[name][-1][-1]) for name in gone}
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def _best_so_far(history: Mapping[str, np.ndarray], name: str) -> np.ndarray:
    """The lowest value up to each row, begun anew behind a gap."""
    gaps = np.flatnonzero(np.isnan(history["step"]))
    return np.concatenate([np.fmin.accumulate(part) for part in np.split(history[name], gaps)])


def _of_condition(name: str) -> bool:
    return name.startswith(_OF_CONDITION)


def _against_both(row: Any, history: Mapping[str, np.ndarray]) -> None:
    """All series, in the first axes against the step, in the second against seconds."""
    for axes, horizontal in zip(row, ("step", "seconds"), strict=True):
        for (name, (label, style)), colour in zip(_SERIES.items(), canvas.PALETTE, strict=False):
            looks = {"color": colour, "linestyle": style}
            line = _line(axes, history[horizontal], history[name], label, **looks)
            if line is None or name not in _CHOSEN_BY:
                continue
            best = _best_so_far(history, name)
            if np.any(best < history[name]):
                line.set(alpha=0.35, label=f"_{label}")  # not in the legend
                axes.plot(history[horizontal], best, label=f"{label}, best so far", **looks)
        canvas.logarithmic(axes, horizontal)
    if row[1].get_legend() is not None:
        row[1].get_legend().remove()  # that of the first is enough


def _line(axes: Any, horizontal: np.ndarray, values: np.ndarray, label: str, **looks: str) -> Any:
    """A line, unless there is nothing that a logarithmic axis could show."""
    if not np.any(values > 0):
        return None
    return axes.plot(horizontal, values, label=label, **looks)[0]
