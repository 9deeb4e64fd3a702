"""Natural Levenberg-Marquardt: the damping is chosen by trust in the model, not by the loss."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.methods.chord import accelerated, polished
from anagram_ext.methods.damped_model import DampedModel, Trial
from anagram_ext.methods.protocol import State, StepInfo
from anagram_ext.methods.stop import Stop

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.protocol import System

# What was tried in the place of these numbers, on which problems: docs/adr/010 and 024.
FIRST_DAMPING: Final = 1e-4  # all dampings in units of the largest squared singular value
LEAST_DAMPING: Final = 1e-24  # a singular value of 1e-12: four digits above the rounding of J
BACK: Final = 1e-2  # a scan begins at this multiple of the last damping
LADDER: Final = 10.0  # and tries multiples of this
BATCH: Final = 3  # that many at once
FINER: Final = 2  # dampings tried between the last refused and the first trusted one
RUNG: Final = LADDER ** (1 / (FINER + 1))
AT_ONCE: Final = 7  # of a large problem, two steps of the ladder: what one factorisation serves
CLIMB: Final = 1e3  # from the trusted damping to the greedy one, until a large problem knows better

TRUSTED: Final = 0.5  # longest correction of a trustworthy step, relative to the step

RECORD: Final = 0.1  # a new record is a loss below this share of the old one
RESOLVED_RECORD: Final = 0.5  # the same where the damping is at its least
PROMISING: Final = 1.0  # it is sought where the floor is below this multiple of it
MAX_POLISHING: Final = 2  # chord iterations of the candidate
FLOOR: Final = 0.25  # the share of the best loss below which a floor promises another one
CONFIRMED: Final = 3  # that many steps that promise no other record end the run
STATIONARY: Final = 1 - 1e-12  # the share of the loss that remains at a stationary point
AT_LEAST: Final = 1.001  # roundings of a ladder that ends at the least damping

PRESS_EVERY: Final = 10  # steps: leverages cost some 4 % of one, unless somebody else needs them

PATIENCE: Final = 50  # steps without a loss below half of the best one
NO_PROGRESS: Final = f"no progress: the best loss has not halved in {PATIENCE} steps"
RESOLVED: Final = Stop.NO_PROGRESS.because("the least damping is trusted and promises no less")

# Floors that do not halve in so many steps have stalled: the best iterate is moved so far, in
# scaled parameters, along directions that the residual hardly sees.
STALLED: Final = 30
SHAKES: Final = 2  # at most
SHAKE: Final = 0.5  # length of the move
WEAK: Final = 1e-4  # the damping below which directions count as hardly seen
NEAR: Final = 1e-20  # not below this share of the first loss: near round-off a shake loses more


class NaturalLM:
    """Full steps with the least damping whose linear model is still trustworthy.

    Trust is judged in parameter space by Deuflhard's simplified Newton correction: after the step,
    the same factorisation is applied to the new residual, and what it would still add must be short
    beside the step. The loss may rise on the way: insisting that it falls forces tiny steps along
    curved valleys. Chord iterations then make use of the same factorisation a few more times.
    What measures progress is the floor, the loss that the damped linear model cannot remove: where
    it is low enough, a second, greedy candidate (the damping with the smallest loss) is sought,
    and taken when it sets a clear record; where it stalls, the best iterate is shaken; where it is
    no lower than the best loss with the least damping trusted, double precision has no more to
    give.

    Source: the natural level function of P. Deuflhard, "Newton Methods for Nonlinear Problems"
    (Springer 2004), sections 4.3 and 4.4, applied to the damped steps of Levenberg (1944) and
    Marquardt (1963); floors and records are our own.
    """

    name = "natural_lm"
    default_steps = 250
    evaluate_every = 1

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._system = system
        self._theta = theta
        self._damping = FIRST_DAMPING
        self._rank = 0
        self._searched = 0.0
        self._draws = system.draws
        self._first = math.nan
        self._best = theta
        self._record = math.inf
        self._milestone = math.inf
        self._idle = 0
        self._lowest_floor = math.inf
        self._stalled = 0
        self._shakes = 0
        self._confirmed = 0
        self._taken = 0
        self._climb = CLIMB

    def state(self) -> State:
        """What ``restore`` needs to go on from here."""
        return {
            "theta": self._theta,
            "damping": self._damping,
            "rank": self._rank,
            "searched": self._searched,
            "draws": self._draws,
            "first": self._first,
            "best": self._best,
            "record": self._record,
            "milestone": self._milestone,
            "idle": self._idle,
            "lowest_floor": self._lowest_floor,
            "stalled": self._stalled,
            "shakes": self._shakes,
            "confirmed": self._confirmed,
            "taken": self._taken,
            "climb": self._climb,
        }

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken."""
        self.start(system, state["theta"])
        for name, value in state.items():
            setattr(self, f"_{name}", value)

    def go_on_from(self, theta: Tensor) -> None:
        """Takes another iterate [P] for the next step; all else stays as it is."""
        self._theta = theta

    def step(self) -> StepInfo:
        """Linearise and factorise once, probe dampings, correct, choose."""
        least = max(LEAST_DAMPING, BACK * self._damping)
        model = DampedModel(self._system, self._theta, least, searched=self._searched)
        if self._draws != self._system.draws:  # losses on other points do not compare
            self._draws, self._record = self._system.draws, model.loss
        if math.isnan(self._first):
            self._first = model.loss
        trusted, larger = _scan(model, least)
        resolved = trusted.damping <= AT_LEAST * LEAST_DAMPING and trusted.ratio <= TRUSTED
        floor = model.floor(trusted.damping)
        chosen, rule = accelerated(model, trusted), "trusted"
        needed = (RESOLVED_RECORD if resolved else RECORD) * self._record
        if floor < PROMISING * needed:  # larger dampings have larger floors
            greedy = polished(model, self._greedy(model, trusted, larger), MAX_POLISHING)
            if greedy.loss < needed and greedy.loss < chosen.loss:
                chosen, rule = greedy, "record"
        report = _report(model, chosen, rule)
        if self._system.redrawn:  # whoever draws the points wants to know
            report = replace(report, leverages=model.leverages(chosen.damping))
        if self._system.redrawn or self._taken % PRESS_EVERY == 0:
            report = replace(report, press=model.press(chosen))
        self._taken += 1
        self._theta, self._damping = chosen.theta, trusted.damping
        rank = report.rank or 0
        self._searched = model.search_expected(rank, self._rank)
        self._rank = rank
        if chosen.loss < self._record:
            self._record, self._best = chosen.loss, chosen.theta
        # A stationary point is not trusted: its steps are rounding, and so are their corrections.
        # Floors rise with the damping: the least one is not asked for where a larger one is low.
        bar = STATIONARY * model.loss
        stationary = floor > bar and model.floor(least) > bar
        self._confirmed += (resolved and floor > FLOOR * self._record) or stationary
        return replace(report, stop=self._stop(model, chosen.loss, floor))

    def _greedy(self, model: DampedModel, trusted: Trial, larger: list[Trial]) -> Trial:
        """The damping with the smallest loss, larger than the trusted one or the same."""
        if not model.large:
            return _lowest(model, trusted, larger)
        found = _lowest_of_large(model, [trusted, *larger], self._climb * trusted.damping)
        self._climb = found.damping / trusted.damping
        return found

    def _stop(self, model: DampedModel, loss: float, floor: float) -> str | None:
        """Why there is nothing more to gain, None while there is."""
        # On redrawn points only the loss before the step is an honest one.
        judged = model.loss if self._system.redrawn else loss
        if judged < 0.5 * self._milestone:
            self._milestone, self._idle = judged, 0
        else:
            self._idle += 1
        fixed = not self._system.redrawn
        if fixed and self._confirmed >= CONFIRMED:
            return RESOLVED
        if fixed and self._shakes < SHAKES and self._record > NEAR * self._first:
            self._watch(model, floor)
            return None
        return NO_PROGRESS if self._idle >= PATIENCE else None

    def _watch(self, model: DampedModel, floor: float) -> None:
        """Shakes the best iterate when floors stall."""
        if floor < 0.5 * self._lowest_floor:
            self._lowest_floor, self._stalled = floor, 0
        else:
            self._stalled += 1
        if self._stalled < STALLED:
            return
        self._shakes += 1
        self._lowest_floor, self._stalled = math.inf, 0
        generator = torch.Generator().manual_seed(self._shakes)
        noise = torch.randn(len(self._best), generator=generator, dtype=torch.float64)
        self._theta = model.shaken(self._best, noise.to(self._best), SHAKE, WEAK)


def _scan(model: DampedModel, first: float) -> tuple[Trial, list[Trial]]:
    """The least damping that can be trusted, and the larger ones that were tried."""
    if model.large:
        return _scan_of_large(model, first)
    refused: float | None = None
    while True:
        trials = model.trials([first * LADDER**k for k in range(BATCH)])
        for k, trial in enumerate(trials):
            # An endless damping makes an endlessly short step: give up looking for a better one.
            if trial.damping > 1 / LEAST_DAMPING:
                return trial, trials[k + 1 :]
            if trial.ratio <= TRUSTED:
                finer = None if refused is None else _between(model, refused)
                return (trial, trials[k + 1 :]) if finer is None else (finer, trials[k:])
            refused = trial.damping
        first *= LADDER**BATCH


def _scan_of_large(model: DampedModel, first: float) -> tuple[Trial, list[Trial]]:
    """The same where solving costs more than evaluating, and neighbouring dampings share a solver.

    So all that one factorisation serves, the finer dampings too, are tried at once: from a
    twentieth of the last damping to five times as much.
    """
    if first > LEAST_DAMPING:
        first *= RUNG**2
    while True:
        trials = model.trials(_rungs(first))
        for k, trial in enumerate(trials):
            if trial.ratio <= TRUSTED or trial.damping > 1 / LEAST_DAMPING:
                return trial, trials[k + 1 :]
        first *= RUNG**AT_ONCE


def _between(model: DampedModel, refused: float) -> Trial | None:
    """The least damping that can be trusted within the step of the ladder above a refused one."""
    shares = [LADDER ** ((k + 1) / (FINER + 1)) for k in range(FINER)]
    trials = model.trials([refused * share for share in shares])
    return next((trial for trial in trials if trial.ratio <= TRUSTED), None)


def _lowest(model: DampedModel, trusted: Trial, larger: list[Trial]) -> Trial:
    """The smallest loss up the ladder, until two dampings in a row bring no improvement."""
    best, failures, last = trusted, 0, trusted.damping
    pending = list(larger)
    while failures < 2:
        if not pending:
            pending = model.trials([last * LADDER, last * LADDER**2])
        trial = pending.pop(0)
        last = trial.damping
        if trial.loss < best.loss:
            best, failures = trial, 0
        else:
            failures += 1
    return best


def _lowest_of_large(model: DampedModel, tried: list[Trial], around: float) -> Trial:
    """The same where a factorisation serves two steps of the ladder.

    The loss falls and rises again with the damping, so what is tried first surrounds a guess.

    Args:
        model: the damped model.
        tried: the trusted trial and larger ones, by damping, closely spaced.
        around: the guess.
    """
    lowest = min(tried, key=lambda trial: trial.loss)
    if lowest is not tried[-1]:
        return lowest
    above = tried[-1].damping * RUNG
    first = max(round(math.log(around / above, RUNG)) - AT_ONCE // 2, 0)  # in rungs
    losses = model.losses(_rungs(above * RUNG**first))
    while True:
        best = min(range(len(losses)), key=losses.__getitem__)
        if first and (best == 0 or losses[best] > lowest.loss):
            further = min(first, AT_ONCE)
            first -= further
            losses = model.losses(_rungs(above * RUNG**first, further)) + losses
        elif best == len(losses) - 1 and above * RUNG ** (first + best) < 1 / LEAST_DAMPING:
            losses += model.losses(_rungs(above * RUNG ** (first + best + 1)))
        else:
            break
    better = losses[best] < lowest.loss
    return model.trials([above * RUNG ** (first + best)])[0] if better else lowest


def _rungs(first: float, count: int = AT_ONCE) -> list[float]:
    """So many dampings from the first one up."""
    return [first * RUNG**k for k in range(count)]


def _report(model: DampedModel, shown: Trial, rule: str) -> StepInfo:
    predicted, effective = model.outcome(shown)
    return StepInfo(
        theta=shown.theta,
        loss=shown.loss,
        step_size=1.0,
        accepted=rule,
        rank=model.rank(shown.damping),
        cutoff=math.sqrt(shown.damping),
        factorisations=1,
        evaluations=model.evaluations,
        captured=model.captured(shown.damping),
        gain=(model.loss - shown.loss) / predicted if predicted > 0 else math.nan,
        effective=effective,
    )
