"""Adam with the learning-rate schedule of the ANaGRAM comparison."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final, cast

import torch

from anagram_ext.checks import positive_number
from anagram_ext.methods.protocol import State, StepInfo

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.protocol import System

# Learning rate and milestones are those of the baseline in the ANaGRAM paper (arXiv 2412.10782).
DECAY_STEPS: Final = (15_000, 25_000, 35_000, 45_000)
DECAY: Final = 0.1


class Adam:
    """``torch.optim.Adam`` on the native loss gradient, learning rate x 0.1 at four milestones.

    Args:
        learning_rate: the first learning rate.
    """

    name = "adam"
    default_steps = 20_001
    evaluate_every = 50

    def __init__(self, learning_rate: float = 1e-3) -> None:
        self._learning_rate = positive_number("learning_rate", learning_rate)
        # The first optimiser of a process loads much of torch: now, not in the timed start.
        torch.optim.Adam([torch.zeros(1)])

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._system = system
        self._theta = theta.clone()
        self._optimizer = torch.optim.Adam([self._theta], lr=self._learning_rate)
        self._schedule = torch.optim.lr_scheduler.MultiStepLR(
            self._optimizer, milestones=list(DECAY_STEPS), gamma=DECAY
        )
        _, self._theta.grad = system.gradient(self._theta)

    def state(self) -> State:
        """What ``restore`` needs to go on from here."""
        return {
            "theta": self._theta.clone(),
            "gradient": cast("Tensor", self._theta.grad).clone(),
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken."""
        self.start(system, state["theta"])
        self._optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        self._schedule.load_state_dict(state["schedule"])
        # Redrawn points that it belongs to are gone; states of earlier versions do not hold it.
        self._theta.grad = state.get("gradient", self._theta.grad)

    def step(self) -> StepInfo:
        """One update; the gradient at the new iterate also gives its loss, so none is wasted."""
        learning_rate = float(self._schedule.get_last_lr()[0])
        self._optimizer.step()
        self._schedule.step()
        loss, self._theta.grad = self._system.gradient(self._theta)
        return StepInfo(
            theta=self._theta.clone(),
            loss=loss,
            step_size=learning_rate,
            accepted="always",
            evaluations=1,
        )
