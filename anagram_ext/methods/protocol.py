"""What the training loop asks of a training method, and what it is told in return."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.protocol import System


@dataclass(frozen=True)
class StepInfo:
    """One finished step of a method.

    Attributes:
        theta: parameters after the step, ``[P]``; a tensor that no later step writes into.
        loss: ``1/2 ||r(theta)||^2`` at ``theta``.
        step_size: multiple of the direction that was taken (the learning rate for Adam).
        accepted: the rule that accepted the step, in a few words.
        rank: singular values kept by the solve, None for methods without one.
        cutoff: the truncation threshold as it was given, None for methods without one.
        stop: why the method cannot go on, None while it can.
        factorisations: singular value decompositions done in this step.
        evaluations: residual or gradient evaluations done in this step.
        captured: ``||P_k r||^2 / ||r||^2``, the share of the residual (before the step) that the
            tangent space still sees; nan where the method does not know it.
        gain: actual over predicted reduction of the loss; nan where nothing was predicted.
        effective: the effective number of parameters at the damping of the step,
            ``sum sigma^2 / (sigma^2 + damping)``; nan where the method does not know it.
        press: the loss after the step as rows that it has not seen would have it, each left out in
            turn (see ``anagram_ext.linear.left_out``); nan where that was not worth its time.
        leverages: how many of them each row claims, ``[S]``, an estimate; None where the method
            does not know or the points stay the same.
    """

    theta: Tensor
    loss: float
    step_size: float
    accepted: str
    rank: int | None = None
    cutoff: float | None = None
    stop: str | None = None
    factorisations: int = 0
    evaluations: int = 0
    captured: float = math.nan
    gain: float = math.nan
    effective: float = math.nan
    press: float = math.nan
    leverages: Tensor | None = None


State = dict[str, Any]


class Method(Protocol):
    """A training method: keeps its own state and advances it one step at a time.

    Attributes:
        name: the registry name.
        default_steps: steps of a run that does not say how many.
        evaluate_every: steps between two evaluations of the errors, chosen so that these cost
            little beside the steps.
    """

    name: str
    default_steps: int
    evaluate_every: int

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the least-squares problem and the first iterate [P]; forgets any earlier run."""

    def state(self) -> State:
        """All that ``restore`` needs to go on from here: tensors, numbers, and dicts of them."""

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken, on the same least-squares problem.

        The iterates that follow are those of a method that was never interrupted.
        """

    def step(self) -> StepInfo:
        """Does one step and reports it.

        Raises:
            NonFiniteError: a residual or a gradient is NaN or infinite.
        """


@runtime_checkable
class Redirected(Protocol):
    """A method that can go on from another iterate than its own, on points tied to its damping.

    Its steps report ``effective`` and, on redrawn points, ``leverages``.
    """

    def go_on_from(self, theta: Tensor) -> None:
        """Takes another iterate [P] for the next step; all else stays as it is."""
