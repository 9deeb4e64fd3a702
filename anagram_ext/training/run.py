"""A run in progress: the state that the training loop advances."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from anagram_ext.errors import NonFiniteError
from anagram_ext.methods import Method, StepInfo
from anagram_ext.training.history import COLUMNS, History, Row
from anagram_ext.training.result import TrainResult

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.training.validation import Validation

HELD_OUT_RATIO = 100.0  # held-out loss over training loss that a caller has to know of


class Run:
    """The state of a run: best iterate, time, counters, history.

    Args:
        system: the least-squares problem.
        validation: what its iterates are judged by.
        method: what solves it.
        theta: first iterate, ``[P]``.
        history: where the rows go.
    """

    def __init__(
        self,
        system: PdeSystem,
        validation: Validation,
        method: Method,
        theta: Tensor,
        history: History,
    ) -> None:
        self.system = system
        self._validation = validation
        self.method = method
        self.history = history
        self.steps = 0
        self.seconds = 0.0
        self.factorisations = 0
        self.evaluations = 0
        self.first_loss = float(system.losses(theta[None])[0])
        self._theta = theta  # the latest iterate
        # Replaced in one instant: Ctrl-C may come any time.
        self._best = (validation.merit(theta, self.first_loss), self.first_loss, theta)

    @property
    def best_theta(self) -> Tensor:
        """The best iterate so far."""
        return self._best[2]

    def start(self) -> None:
        """Records the first iterate and hands it to the method."""
        self.history.append(self._row(StepInfo(self.best_theta, self.first_loss, math.nan, "")))
        with self._clock():
            self.method.start(self.system, self.best_theta)

    def step(self) -> StepInfo:
        """One step of the method, counted and timed.

        Raises:
            NonFiniteError: the loss is NaN or infinite.
        """
        with self._clock():
            if self.system.redrawn:
                self.system.redraw(self._theta)
            info = self.method.step()
        if not math.isfinite(info.loss):
            raise NonFiniteError(f"the loss became {info.loss} in step {self.steps + 1}")
        self.steps += 1
        self._theta = info.theta
        self.factorisations += info.factorisations
        self.evaluations += info.evaluations
        merit = self._validation.merit(info.theta, info.loss)
        if merit < self._best[0] or (merit == self._best[0] and info.loss < self._best[1]):
            self._best = (merit, info.loss, info.theta)
        return info

    def record(self, info: StepInfo) -> None:
        """Evaluates the errors of an iterate and adds a row to the history."""
        self.history.append(self._row(info))

    def at_round_off(self, info: StepInfo) -> bool:
        """Whether the loss of an iterate is no more than rounding errors."""
        if info.loss > torch.finfo(info.theta.dtype).eps * self.first_loss:
            return False  # far away: not worth two evaluations
        return info.loss <= self._rounding_loss(info.theta)

    def result(self, stop_reason: str, seed: int) -> TrainResult:
        """The best iterate with its errors, and the history."""
        _, loss, theta = self._best
        l2_error, l2_relative = self._validation.l2_error(theta)
        held_out_loss = self._validation.held_out_loss(theta)
        return TrainResult(
            theta=theta,
            model=self.system.model,
            history=self.history.columns(),
            loss=loss,
            l2_error=l2_error,
            l2_relative=l2_relative,
            held_out_loss=held_out_loss,
            seconds=self.seconds,
            steps=self.steps,
            stop_reason=stop_reason,
            method=self.method.name,
            seed=seed,
            warning=self._warning(loss, held_out_loss, theta),
        )

    def _warning(self, loss: float, held_out_loss: float, theta: Tensor) -> str | None:
        """Says so when the conditions hold at the training points alone.

        At round-off the training loss may be small by luck: no smaller loss than the rounding
        error, or than the first loss by all digits of its dtype, is asked of points that were
        never looked at.
        """
        loss -= self._validation.loss_without_held_out(theta)  # like with like
        if not held_out_loss > HELD_OUT_RATIO * loss:  # nan: nothing is known
            return None
        if held_out_loss <= torch.finfo(theta.dtype).eps * self.first_loss:
            return None
        if held_out_loss <= HELD_OUT_RATIO * self._rounding_loss(theta):
            return None
        return (
            f"the loss on held-out points, {held_out_loss:.1e}, is more than "
            f"{HELD_OUT_RATIO:.0f} times the training loss, {loss:.1e}: the conditions hold at the "
            "training points but less well between them; use more points or redraw them"
        )

    def _rounding_loss(self, theta: Tensor) -> float:
        """The loss that rounding errors alone can make.

        The parameters are moved by one unit in the last place: where that changes the residual
        by as much as its own size, no optimiser can tell better parameters from worse.
        """
        signs = torch.ones_like(theta)
        signs[::2] = -1.0
        neighbour = torch.nextafter(theta, signs * math.inf)
        here, there = self.system.residuals(torch.stack([theta, neighbour]))
        return 0.5 * float((there - here).square().sum())

    def _row(self, info: StepInfo) -> Row:
        l2_error, l2_relative = self._validation.l2_error(info.theta)
        reported = {name: getattr(info, name) for name in COLUMNS if hasattr(info, name)}
        counted = {
            "step": self.steps,
            "seconds": self.seconds,
            "factorisations": self.factorisations,  # of the run, not of the step
            "evaluations": self.evaluations,
        }
        measured = {
            "l2_error": l2_error,
            "l2_relative": l2_relative,
            "held_out_loss": self._validation.held_out_loss(info.theta),
        }
        return Row(**(reported | counted | measured))

    @contextmanager
    def _clock(self) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - begin
