"""Gradient descent baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anagram_ext.methods.descent import Descent

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.methods.protocol import State, StepInfo
    from anagram_ext.systems.protocol import System


class GradientDescent:
    """Steepest descent with the same grid line search as ANaGRAM."""

    name = "gd"
    default_steps = 2_001
    evaluate_every = 10

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._system = system
        self._theta = theta
        self._descend = Descent()

    def state(self) -> State:
        """What ``restore`` needs to go on from here."""
        return {"theta": self._theta, "idle": self._descend.idle}

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken."""
        self.start(system, state["theta"])
        self._descend.idle = state["idle"]

    def step(self) -> StepInfo:
        """One step against the gradient."""
        loss, gradient = self._system.gradient(self._theta)
        info = self._descend(self._system, self._theta, loss, gradient)
        self._theta = info.theta
        return info
