"""The classic Levenberg-Marquardt method, the baseline of nonlinear least squares."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from anagram_ext.methods.damped_model import DampedModel
from anagram_ext.methods.protocol import State, StepInfo

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.protocol import System

FIRST_DAMPING: Final = 1e-3  # in units of the largest squared singular value
MOST_DAMPING: Final = 1e8  # a step is 1e-8 of one along the gradient there: nothing is left to try
# Singular values that natural_lm does without make up half of a step here: the damping is larger.
LEFT_OUT: Final = 1e-4
NO_PROGRESS: Final = "no progress: no damping lowers the loss"


class LevenbergMarquardt:
    """Damped full steps that lower the loss; the damping follows actual over predicted reduction.

    Source: Levenberg (1944), Marquardt (1963); the update of the damping is the one of Nielsen,
    "Damping parameter in Marquardt's method" (IMM-REP-1999-05). One factorisation serves all
    dampings that a step has to try.
    """

    name = "levenberg_marquardt"
    default_steps = 500
    evaluate_every = 1

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._system = system
        self._theta = theta
        self._damping = FIRST_DAMPING
        self._rank = 0
        self._searched = 0.0

    def state(self) -> State:
        """What ``restore`` needs to go on from here."""
        return {
            "theta": self._theta,
            "damping": self._damping,
            "rank": self._rank,
            "searched": self._searched,
        }

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken."""
        self.start(system, state["theta"])
        self._damping, self._rank = state["damping"], state["rank"]
        self._searched = state["searched"]

    def step(self) -> StepInfo:
        """Raises the damping until the loss falls, then adapts it to the gain."""
        model = DampedModel(
            self._system, self._theta, self._damping, left_out=LEFT_OUT, searched=self._searched
        )
        growth = 2.0
        while True:
            (trial,) = model.trials([self._damping])
            if trial.loss < model.loss or self._damping > MOST_DAMPING:
                break
            self._damping *= growth
            growth *= 2.0

        lowered = trial.loss < model.loss
        predicted = model.predicted(trial)
        gain = (model.loss - trial.loss) / predicted if predicted > 0 else math.nan
        if lowered:
            self._theta = trial.theta
            self._damping *= max(1 / 3, 1 - (2 * gain - 1) ** 3)
        rank = model.rank(trial.damping)
        self._searched = model.search_expected(rank, self._rank)
        self._rank = rank
        return StepInfo(
            theta=self._theta,
            loss=trial.loss if lowered else model.loss,
            step_size=1.0 if lowered else 0.0,
            accepted="loss fell" if lowered else "none",
            rank=self._rank,
            cutoff=math.sqrt(trial.damping),
            stop=None if lowered else NO_PROGRESS,
            factorisations=1,
            evaluations=model.evaluations,
            captured=model.captured(trial.damping),
            gain=gain,
        )
