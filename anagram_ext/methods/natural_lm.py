"""Natural Levenberg-Marquardt: the damping is chosen by trust in the model, not by the loss."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from anagram_ext.methods.damped_model import DampedModel, Trial
from anagram_ext.methods.protocol import State, StepInfo

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.protocol import System

FIRST_DAMPING: Final = 1e-4  # all dampings in units of the largest squared singular value
LEAST_DAMPING: Final = 1e-24
BACK: Final = 1e-2  # a scan begins at this multiple of the last damping
LADDER: Final = 10.0  # and tries multiples of this
BATCH: Final = 6  # that many at once

TRUSTED: Final = 0.5  # longest correction of a trustworthy step, relative to the step
CONTRACTION: Final = 0.7  # chord iterations go on while each correction shrinks by this
MAX_CORRECTIONS: Final = 8
NEGLIGIBLE: Final = 1e-6  # a correction not worth making, relative to the step

RECORD: Final = 0.1  # a new record is a loss below this share of the old one
MAX_POLISHING: Final = 2

PATIENCE: Final = 50  # steps without a loss below half of the best one
NO_PROGRESS: Final = f"no progress: the best loss has not halved in {PATIENCE} steps"


class NaturalLM:
    """Full steps with the least damping whose linear model is still trustworthy.

    Trust is judged in parameter space by Deuflhard's simplified Newton correction: after the step,
    the same factorisation is applied to the new residual, and what it would still add must be short
    beside the step. The loss may rise on the way: insisting that it falls forces tiny steps along
    curved valleys. Chord iterations then make use of the same factorisation a few more times.
    A second, greedy candidate (the damping with the smallest loss) is taken only when it sets a
    clear record.

    Source: the natural level function of P. Deuflhard, "Newton Methods for Nonlinear Problems"
    (Springer 2004), sections 4.3 and 4.4, applied to the damped steps of Levenberg (1944) and
    Marquardt (1963); the record rule is our own.
    """

    name = "natural_lm"
    default_steps = 250
    evaluate_every = 1

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._system = system
        self._theta = theta
        self._damping = FIRST_DAMPING
        self._draws = system.draws
        self._record = math.inf
        self._milestone = math.inf
        self._idle = 0

    def state(self) -> State:
        """What ``restore`` needs to go on from here."""
        return {
            "theta": self._theta,
            "damping": self._damping,
            "draws": self._draws,
            "record": self._record,
            "milestone": self._milestone,
            "idle": self._idle,
        }

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken."""
        self.start(system, state["theta"])
        self._damping, self._draws = state["damping"], state["draws"]
        self._record, self._milestone = state["record"], state["milestone"]
        self._idle = state["idle"]

    def step(self) -> StepInfo:
        """Linearise and factorise once, probe dampings, correct, choose."""
        least = max(LEAST_DAMPING, BACK * self._damping)
        model = DampedModel(self._system, self._theta, least)
        if self._draws != self._system.draws:  # losses on other points do not compare
            self._draws, self._record = self._system.draws, model.loss
        trusted, ladder = _scan(model, least)
        bold = _correct(model, trusted)
        greedy = _polish(model, _lowest(model, trusted, ladder))
        if greedy.loss < RECORD * self._record and greedy.loss < bold.loss:
            chosen, rule = greedy, "record"
        else:
            chosen, rule = bold, "trusted"
        self._theta = chosen.theta
        self._damping = trusted.damping
        self._record = min(self._record, chosen.loss)
        # On redrawn points only the loss before the step is an honest one.
        stop = self._stop(model.loss if self._system.redrawn else chosen.loss)
        return replace(_report(model, chosen, rule), stop=stop)

    def _stop(self, loss: float) -> str | None:
        if loss < 0.5 * self._milestone:
            self._milestone, self._idle = loss, 0
        else:
            self._idle += 1
        return NO_PROGRESS if self._idle >= PATIENCE else None


def _scan(model: DampedModel, first: float) -> tuple[Trial, list[Trial]]:
    """The least damping of a geometric ladder that can be trusted, and the larger ones tried."""
    while True:
        trials = model.trials([first * LADDER**k for k in range(BATCH)])
        for k, trial in enumerate(trials):
            # An endless damping makes an endlessly short step: give up looking for a better one.
            if trial.ratio <= TRUSTED or trial.damping > 1 / LEAST_DAMPING:
                return trial, trials[k + 1 :]
        first *= LADDER**BATCH


def _correct(model: DampedModel, trial: Trial) -> Trial:
    """Chord iterations while they contract."""
    length = float(trial.step.norm())
    for _ in range(MAX_CORRECTIONS):
        following = model.corrected(trial)
        if not math.isfinite(following.loss):
            return trial
        contracted = following.correction.norm() <= CONTRACTION * trial.correction.norm()
        trial = following
        if not contracted or float(trial.correction.norm()) < NEGLIGIBLE * length:
            return trial
    return trial


def _lowest(model: DampedModel, trusted: Trial, ladder: list[Trial]) -> Trial:
    """The smallest loss up the ladder, until two dampings in a row bring no improvement."""
    best, failures, last = trusted, 0, trusted.damping
    pending = list(ladder)
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


def _polish(model: DampedModel, trial: Trial) -> Trial:
    """A few chord iterations while they lower the loss."""
    for _ in range(MAX_POLISHING):
        following = model.corrected(trial)
        if not following.loss < trial.loss:
            break
        trial = following
    return trial


def _report(model: DampedModel, chosen: Trial, rule: str) -> StepInfo:
    rank = model.rank(chosen.damping)
    predicted = model.predicted(chosen)
    return StepInfo(
        theta=chosen.theta,
        loss=chosen.loss,
        step_size=1.0,
        accepted=rule,
        rank=rank,
        cutoff=math.sqrt(chosen.damping),
        factorisations=1,
        evaluations=model.evaluations,
        captured=model.captured(rank),
        gain=(model.loss - chosen.loss) / predicted if predicted > 0 else math.nan,
    )
