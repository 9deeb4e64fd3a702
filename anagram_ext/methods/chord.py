"""Chord iterations: what one factorisation still gives after its step is done."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.linear.transfer import read, uploaded

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.methods.damped_model import DampedModel, Trial

CONTRACTION: Final = 0.7  # a chord iteration pays while it shortens the correction to this share
MAX_CORRECTIONS: Final = 8  # each costs an evaluation; the next step would begin with a new J
MAX_FAILURES: Final = 2  # iterations in a row that do not pay
NEGLIGIBLE: Final = 1e-6  # a correction not worth making, relative to the step
INDEPENDENT: Final = 1e-8  # differences of corrections that are shorter than this carry nothing


def accelerated(model: DampedModel, trial: Trial) -> Trial:
    """Solves the damped problem by chord iterations, Anderson's way.

    A chord iteration adds the correction that the factorisation at the old iterate wants at the
    new one. Each new step is the combination of all so far whose correction would be shortest if
    corrections were affine in the step, plus that correction.

    Source: D. G. Anderson, "Iterative procedures for nonlinear integral equations" (J. ACM 12,
    1965), with the depth of the whole iteration.

    Returns:
        The trial with the shortest correction; the first one if none is shorter.
    """
    steps, corrections = [trial.step], [trial.correction]
    length, shortest = trial.lengths
    best, failures = trial, 0
    negligible = NEGLIGIBLE * length
    following_step = trial.step + trial.correction
    for _ in range(MAX_CORRECTIONS):
        end = model.end(trial.damping, following_step)
        steps.append(end.steps[0])
        corrections.append(end.corrections[0])
        # What the next step takes is computed before anybody waits, and read with the rest.
        numbers, small = read(end.numbers, _triangle(corrections))
        (following,) = model.known(end, numbers.tolist())
        if not math.isfinite(following.loss):
            break
        length = following.lengths[1]
        failures = 0 if length <= CONTRACTION * shortest else failures + 1
        if length < shortest:
            best, shortest = following, length
        if failures == MAX_FAILURES or length < negligible:
            break
        following_step = _next(steps, corrections, small)
    return best


def polished(model: DampedModel, trial: Trial, most: int) -> Trial:
    """Plain chord iterations, at most so many, while they lower the loss."""
    for _ in range(most):
        following = model.at(trial.damping, trial.step + trial.correction)
        if not following.loss < trial.loss:
            break
        trial = following
    return trial


def _triangle(corrections: list[Tensor]) -> Tensor:
    """R and Q^T c [j, j + 1]: the changes [n, j] of corrections as Q R, and the last one c."""
    Q, R = torch.linalg.qr(_differences(corrections))
    return torch.cat([R, (Q.T @ corrections[-1])[:, None]], dim=1)


def _next(steps: list[Tensor], corrections: list[Tensor], small: Tensor) -> Tensor:
    """Where Anderson's method goes from the steps so far and what each still wanted.

    A few columns: only their triangle has left the device, for a driver that drops what is not
    independent.
    """
    combined: Tensor = torch.linalg.lstsq(
        small[:, :-1].contiguous(), small[:, -1:].contiguous(), rcond=INDEPENDENT, driver="gelsd"
    ).solution
    changes = _differences(steps) + _differences(corrections)  # [n, j]
    return steps[-1] + corrections[-1] - (changes @ uploaded(combined, changes))[:, 0]


def _differences(vectors: list[Tensor]) -> Tensor:
    columns = torch.stack(vectors, dim=1)
    return columns[:, 1:] - columns[:, :-1]
