"""A run in progress: the state that the training loop advances."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import torch

from anagram_ext.errors import NonFiniteError
from anagram_ext.methods import Method, Redirected, StepInfo, Stop
from anagram_ext.training.coupling import Coupling
from anagram_ext.training.exactly import met_exactly
from anagram_ext.training.growth import FACTOR, STANDS_STILL, Growth, Prospects
from anagram_ext.training.history import COLUMNS, HELD_OUT, LOSS, History, Row
from anagram_ext.training.renewal import renewed
from anagram_ext.training.result import TrainResult
from anagram_ext.training.rounding import RoundOff, rounding_loss
from anagram_ext.verdicts.clashes import clash
from anagram_ext.verdicts.evidence import gather, losses_on_unseen
from anagram_ext.verdicts.facts import Facts
from anagram_ext.verdicts.line_ends import on_boundary
from anagram_ext.verdicts.strays import stray
from anagram_ext.verdicts.validation import Validation, total
from anagram_ext.verdicts.verdict import judge

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.models.protocol import Model, Widening
    from anagram_ext.systems.pde_system import PdeSystem

LOOK_BACK: Final = 10  # steps, at least, in which a loss that still falls has halved
ENDS: Final = STANDS_STILL | {Stop.ROUND_OFF}  # of a run that has done what it can
TIMES: Final = frozenset({"t", "time", "tau"})  # usual names of a time


class Run:
    """The state of a run: best iterate, time, counters, history.

    Args:
        system: the least-squares problem.
        validation: what its iterates are judged by.
        method: what solves it.
        theta: first iterate, ``[P]``.
        history: where the rows go.
        coupled: whether redrawn points are tied to the damping, where the method knows one.
        grows: whether the network is widened where it is the limit.
        renews: whether neurons are made anew in the first steps, see ``renewed``.

    Attributes:
        first_rows: S of the first points.
        first_parameters: P of the first network.
        growth: what widens the network; None where it stays.
        ended: why a run that was taken up again had come to an end that no limit set; None if not.
    """

    def __init__(
        self,
        system: PdeSystem,
        validation: Validation,
        method: Method,
        theta: Tensor,
        history: History,
        *,
        coupled: bool = False,
        grows: bool = False,
        renews: bool = True,
    ) -> None:
        self.system = system
        self._validation = validation
        self.method = method
        self.history = history
        self.first_rows = system.n_rows
        self.first_parameters = system.n_parameters
        self.growth = Growth() if grows else None
        self.ended: str | None = None
        self._renews = renews
        self._coupling: Coupling | None = None
        if coupled and system.redrawn and isinstance(method, Redirected):
            self._coupling = Coupling(system)
        self._round_off = RoundOff()
        self.steps = 0
        self.seconds = 0.0
        self.factorisations = 0
        self.evaluations = 0
        self.first_loss = float(system.losses(theta[None])[0])
        self._given = theta  # that the run began with, in its first network
        self._first = theta  # the same function in the network of now
        self._theta = theta  # the latest iterate
        # Replaced in one instant: Ctrl-C may come any time.
        self._best = (validation.merit(theta, self.first_loss), self.first_loss, theta)

    @property
    def coupled(self) -> bool:
        """Whether points are tied to the damping."""
        return self._coupling is not None

    @property
    def theta(self) -> Tensor:
        """The latest iterate, ``[P]``; a copy."""
        return self._theta.clone()

    @property
    def loss(self) -> float:
        """The loss of the latest row of the history."""
        return self.history.last.loss

    @property
    def best_theta(self) -> Tensor:
        """The best iterate so far."""
        return self._best[2]

    @property
    def merit(self) -> float:
        """What the best iterate has least of, see ``Validation.merit``."""
        return self._best[0]

    def prospects(self) -> Prospects:
        """What a wider network could be expected to do."""
        merit, _, theta = self._best
        wider, _ = self._wider(theta)
        losses = self._validation.losses(theta)
        unseen = losses_on_unseen(self.system, self._validation, theta, self._first)
        known = {name: loss for name, loss in unseen.items() if not math.isnan(loss)}
        training = sum(losses[name] for name in known)
        gap = sum(known.values()) / training if training > 0 else math.nan
        rounding = rounding_loss(self.system, theta)
        rows = math.inf if self.coupled else self.system.n_rows
        return Prospects(merit, gap, sum(losses.values()), rounding, wider.n_parameters, rows)

    def widen(self) -> None:
        """Goes on from the best iterate with a wider network of the same function."""
        merit, loss, theta = self._best
        wider, larger = self._wider(theta)
        self._change_to(wider, (merit, loss, larger))
        with self._clock():
            self.method.start(self.system, larger)

    def _wider(self, theta: Tensor) -> tuple[Model, Tensor]:
        """The wider network and its parameters with the function of ``theta``."""
        model = cast("Widening", self.system.model)
        return model.widened(theta, FACTOR, seed=self.system.n_parameters)

    def _change_to(self, wider: Model, best: tuple[float, float, Tensor]) -> None:
        """Takes the wider network, and the best iterate in it, for all that follows."""
        _, first = self._wider(self._first)
        system = self.system.rebuilt(wider, self.system.balance)
        system.skip_draws(self.system.draws)
        validation = Validation(system)
        # All at once, when all is there: Ctrl-C may come any time.
        self.system, self._validation, self._best = system, validation, best
        self._first, self._theta = first, best[2]
        if self._coupling is not None:
            self._coupling.move_to(system)

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs to go on from here, without the method and the history."""
        merit, loss, theta = self._best
        return {
            "ended": self.ended,
            "steps": self.steps,
            "seconds": self.seconds,
            "factorisations": self.factorisations,
            "evaluations": self.evaluations,
            "first_loss": self.first_loss,
            "given": self._given,
            "theta": self._theta,
            "best": (merit, loss, theta),
            "draws": self.system.draws,
            "coupling": None if self._coupling is None else self._coupling.state(),
            "growth": None if self.growth is None else self.growth.state(),
            "round_off": self._round_off.state(),
            "renews": self._renews,
        }

    def restore(self, state: Mapping[str, Any], method: Mapping[str, Any]) -> None:
        """Goes on from a state of the run and one of its method."""
        if self.growth is not None:
            self.growth.restore(state["growth"])
            for _ in range(self.growth.times):
                wider, first = self._wider(self._first)
                self._change_to(wider, (math.inf, math.inf, first))  # the best one is read below
        self.ended = state.get("ended")  # states of earlier versions do not hold it
        self.steps, self.seconds = state["steps"], state["seconds"]
        self.factorisations, self.evaluations = state["factorisations"], state["evaluations"]
        self.first_loss, self._theta = state["first_loss"], state["theta"]
        merit, loss, theta = state["best"]
        self._best = (merit, loss, theta)
        self.system.skip_draws(state["draws"])
        self._round_off.restore(state.get("round_off", {}))  # as for ``ended``
        self._renews = state.get("renews", True)
        if self._coupling is not None:
            self._coupling.restore(state["coupling"], state["draws"])
        self.method.restore(self.system, dict(method))

    def losses_by_condition(self, theta: Tensor) -> dict[str, float]:
        """The losses at parameters [P] on the points of now, by name of their column."""
        return self._further(theta, self._validation.held_out_losses(theta))

    def start(self) -> None:
        """Records the first iterate and hands it to the method."""
        self.history.append(*self._row(StepInfo(self.best_theta, self.first_loss, math.nan, "")))
        with self._clock():
            self.method.start(self.system, self.best_theta)

    def step(self) -> StepInfo:
        """One step of the method, counted and timed.

        Raises:
            NonFiniteError: the loss is NaN or infinite.
        """
        with self._clock():
            self._draw()
            self._renew()
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
        if self._coupling is not None:
            self._coupling.after_step(info, merit)
        self._round_off.notice(info.loss)
        return info

    def record(self, info: StepInfo) -> None:
        """Evaluates the errors of an iterate and adds a row to the history."""
        self.history.append(*self._row(info))

    def at_round_off(self, info: StepInfo) -> bool:
        """Whether the loss of an iterate is no more than rounding errors, or hardly more for long.

        On points that are redrawn the losses of two steps do not compare: it is the former there.
        """
        if info.loss > torch.finfo(info.theta.dtype).eps * self.first_loss:
            return False  # far away: not worth two evaluations
        rounding = rounding_loss(self.system, info.theta)
        if self.system.redrawn:
            return info.loss <= rounding
        return self._round_off.reached(info.loss, rounding, self.method.evaluate_every)

    def end(self, stop_reason: str) -> None:
        """Takes note of the end, if more steps or seconds would not change it."""
        if self.growth is None and Stop.of(stop_reason) in ENDS:
            self.ended = str(stop_reason)

    def result(self, stop_reason: str, seed: int) -> TrainResult:
        """The best iterate with its errors, the history, and what it amounts to."""
        _, loss, best = self._best
        theta = met_exactly(self.system, best)
        if theta is not best:
            loss = float(self.system.losses(theta[None])[0])
        l2_error, l2_relative = self._validation.l2_error(theta)
        facts = self._facts(theta, loss, stop_reason)
        judgement = judge(facts)
        return TrainResult(
            theta=theta,
            model=self.system.model,
            history=self.history.columns(),
            loss=loss,
            l2_error=l2_error,
            l2_relative=l2_relative,
            held_out_loss=total(facts.held_out_losses),
            seconds=self.seconds,
            steps=self.steps,
            stop_reason=stop_reason,
            method=self.method.name,
            seed=seed,
            warning=judgement.warning,
            verdict=judgement.verdict,
            losses=facts.losses,
            held_out_losses=facts.held_out_losses,
            facts=facts,
            problem=self.system.problem,
        )

    def _facts(self, theta: Tensor, loss: float, stop_reason: str) -> Facts:
        """What the verdict on an iterate goes by."""
        validation = self._validation
        evidence = gather(self.system, validation, theta, self._first)
        return Facts(
            stop=Stop.of(stop_reason),
            steps=self.steps,
            loss=loss,
            first_loss=self.first_loss,
            rounding_loss=rounding_loss(self.system, theta),
            eps=torch.finfo(theta.dtype).eps,
            losses=validation.losses(theta),
            held_out_losses=validation.held_out_losses(theta),
            unseen=validation.why_unseen(),
            measured=validation.measured(),
            relative=evidence.relative,
            estimate=evidence.error.likely,
            worst=evidence.error.worst,
            loosest=evidence.error.loosest,
            beyond=evidence.error.beyond,
            free=evidence.unseen.free,
            press=evidence.unseen.press,
            objections=evidence.objections,
            unchecked=evidence.unchecked,
            missing=evidence.missing,
            clash=clash(self.system),
            stray=stray(self.system),
            not_finite=evidence.not_finite,
            weights=self.system.weights,
            on_boundary=on_boundary(self.system),
            hiding=self.system.hiding,
            improving=self._improving(),
            redrawn=bool(self.system.redrawn),
            n_rows=self.system.n_rows,
            n_parameters=self.system.n_parameters,
            effective=self.history.most_effective,
            evolves=not TIMES.isdisjoint(self.system.problem.coordinates),
        )

    def _draw(self) -> None:
        """New points for the next step, where there are any to come."""
        if self._coupling is not None and isinstance(self.method, Redirected):
            start = self._coupling.before_step(self._theta)
            if start is not self._theta:
                self._theta = start
                self.method.go_on_from(start)
        elif self.system.redrawn:
            self.system.redraw(self._theta)

    def _renew(self) -> None:
        """Makes neurons that hardly matter anew, where it is time to; none of a given iterate."""
        if self._renews and isinstance(self.method, Redirected):
            start = renewed(self.system, self._theta, self.steps)
            if start is not self._theta:
                self._theta = start
                self.method.go_on_from(start)

    def _improving(self) -> bool:
        """Whether the loss halved in the last quarter of the steps, or in the last few."""
        history = self.history.columns()
        column = "held_out_loss" if self.system.redrawn and self._validation.held_out else "loss"
        best = np.fmin.accumulate(history[column])
        last = history["step"][-1]
        before = np.searchsorted(history["step"], min(0.75 * last, last - LOOK_BACK))
        return bool(best[-1] < 0.5 * best[before])

    def _row(self, info: StepInfo) -> tuple[Row, dict[str, float]]:
        """The numbers of an iterate, and its losses by condition."""
        l2_error, l2_relative = self._validation.l2_error(info.theta)
        reported = {name: getattr(info, name) for name in COLUMNS if hasattr(info, name)}
        counted = {
            "step": self.steps,
            "seconds": self.seconds,
            "factorisations": self.factorisations,  # of the run, not of the step
            "evaluations": self.evaluations,
            "rows": self.system.n_rows,
            "parameters": self.system.n_parameters,
        }
        held_out_losses = self._validation.held_out_losses(info.theta)
        measured = {
            "l2_error": l2_error,
            "l2_relative": l2_relative,
            "held_out_loss": total(held_out_losses),
        }
        return Row(**(reported | counted | measured)), self._further(info.theta, held_out_losses)

    def _further(self, theta: Tensor, held_out_losses: Mapping[str, float]) -> dict[str, float]:
        """The losses by condition, by name of their column."""
        by_condition = {LOSS: self._validation.losses(theta), HELD_OUT: held_out_losses}
        return {
            f"{kind}{name}": loss
            for kind, losses in by_condition.items()
            for name, loss in losses.items()
        }

    @contextmanager
    def _clock(self) -> Iterator[None]:
        begin = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - begin
