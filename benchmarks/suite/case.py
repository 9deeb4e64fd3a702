"""What a published problem is: who published what about it, and how it is trained here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

import anagram_ext as ax

FRESH = 10_000  # points of the error, none of them trained on


@dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
        error: what the case measures, as its ``measure`` says.
        seconds: time in the method.
        parameters: P.
        rows: S, of the last window.
        loss: of the run, the largest of all windows.
        warning: what the run says is wrong with it.
        notes: further numbers by name.
    """

    error: float
    seconds: float
    parameters: int
    rows: int
    loss: float
    warning: str | None
    notes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A published problem.

    Attributes:
        source: where it is defined.
        published: the best published number, and whose.
        measure: what ``error`` is, such as "relative L2".
        run: trains from a seed.
    """

    source: str
    published: str
    measure: str
    run: Callable[[int], Outcome]


def outcome(run: ax.TrainResult, error: float | None = None, **notes: float) -> Outcome:
    """The outcome of one run; the relative L2 error unless another is given."""
    return Outcome(
        error=run.l2_relative if error is None else error,
        seconds=run.seconds,
        parameters=run.model.n_parameters,
        rows=int(notes.pop("rows", 0)),
        loss=run.loss,
        warning=run.warning,
        notes=dict(notes),
    )


def relative(found: torch.Tensor, exact: torch.Tensor) -> float:
    """The relative L2 error of values."""
    size = float(exact.square().sum())
    return math.sqrt(float((found - exact).square().sum()) / size)
