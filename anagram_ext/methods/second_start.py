"""``natural_lm``, and a second start by another method where it is lost far from any fit."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from anagram_ext.methods.levenberg_marquardt import LevenbergMarquardt
from anagram_ext.methods.natural_lm import NaturalLM
from anagram_ext.methods.steepest import removable

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.methods.protocol import Method, State, StepInfo
    from anagram_ext.systems.protocol import System

FAR: Final = 1e-2  # share of the first loss above which a fit is none
STATIONARY: Final = 1e-8  # share of the loss that a minimum may leave to the steepest step


class SecondStart:
    """``natural_lm``; where it ends far from a fit and at no minimum, Levenberg-Marquardt instead.

    The trust of ``natural_lm`` lets the loss rise, which is how it leaves curved valleys, and how
    a few starts of a fit end where activations are saturated and J is nearly zero. There is no way
    back from there, while the cautious method that starts where the first one did finds one
    (measured in ``docs/least_squares.md``). Whoever calls keeps the best iterate of both.
    """

    name = NaturalLM.name
    default_steps = NaturalLM.default_steps
    evaluate_every = NaturalLM.evaluate_every

    def __init__(self) -> None:
        self._method: Method = NaturalLM()

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._method = NaturalLM()
        self._method.start(system, theta)
        self._system, self._first = system, theta
        self._first_loss = self._lowest = math.inf
        self._best = theta

    def state(self) -> State:
        """What ``restore`` needs to go on from here."""
        known: dict[str, Any] = {
            "first": self._first,
            "first_loss": self._first_loss,
            "lowest": self._lowest,
            "best": self._best,
        }
        return known | {"second": self._second, "method": self._method.state()}

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken."""
        self.start(system, state["first"])
        if state["second"]:
            self._method = LevenbergMarquardt()
        self._method.restore(system, state["method"])
        self._first_loss, self._lowest = state["first_loss"], state["lowest"]
        self._best = state["best"]

    def step(self) -> StepInfo:
        """One step of the method that has its turn."""
        if math.isinf(self._first_loss):
            self._first_loss = float(self._system.losses(self._first[None])[0])
        info = self._method.step()
        if info.loss < self._lowest:
            self._lowest, self._best = info.loss, info.theta
        if self._second or not self._lost(info):
            return info
        self._method = LevenbergMarquardt()
        self._method.start(self._system, self._first)
        return replace(info, stop=None, captured=math.nan)

    @property
    def _second(self) -> bool:
        return isinstance(self._method, LevenbergMarquardt)

    def _lost(self, info: StepInfo) -> bool:
        """Whether it has given up at neither a fit nor a minimum; until then it may find back."""
        if not info.stop or self._lowest <= FAR * self._first_loss:
            return False
        return not removable(self._system, self._best) <= STATIONARY  # nan where J is zero
