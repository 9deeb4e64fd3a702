"""Curves of a history: how loss and errors fell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np

from anagram_ext.figures import canvas

_SERIES: Final = {
    "loss": "loss",
    "held_out_loss": "loss on held-out points",
    "l2_error": "L2 error",
}


def convergence(history: Mapping[str, np.ndarray], path: str | Path, title: str = "") -> None:
    """Draws loss and L2 error against the step and against the training seconds.

    Args:
        history: columns ``step``, ``seconds``, ``loss``, ``held_out_loss``, ``l2_error``, each
            ``[rows]``.
        path: PNG file to write.
        title: line above the figure.
    """
    figure = canvas.new_figure(10, 4, title)
    for axes, horizontal in zip(
        figure.subplots(1, 2, sharey=True), ("step", "seconds"), strict=True
    ):
        for name, label in _SERIES.items():
            values = history[name]
            if np.any(values > 0):
                axes.plot(history[horizontal], values, label=label)
        canvas.logarithmic(axes, horizontal)
    canvas.write(figure, path)
