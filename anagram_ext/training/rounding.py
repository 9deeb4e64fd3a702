"""The loss that rounding errors alone make, and when a run has come down to it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.systems.protocol import System

# A loss that is hardly more than rounding makes, and does not halve any more, is rounding as well.
# Runs that fit their rows exactly end at 0.4 to a few times of it, those that conditioning stops at
# thousands of times and more (docs/adr/024).
HARDLY_MORE: Final = 10.0
IDLE: Final = 5  # rows of the history


def rounding_loss(system: System, theta: Tensor) -> float:
    """The loss that rounding errors alone can make at theta [P].

    The parameters are moved by one unit in the last place: where that changes the residual by as
    much as its own size, no optimiser can tell better parameters from worse.
    """
    signs = torch.ones_like(theta)
    signs[::2] = -1.0
    neighbour = torch.nextafter(theta, signs * math.inf)
    here, there = system.residuals(torch.stack([theta, neighbour]))
    return 0.5 * float((there - here).square().sum())


@dataclass
class RoundOff:
    """Watches the training loss of a run come down to rounding errors.

    Attributes:
        milestone: half of the least loss that was noticed.
        idle: steps since then.
    """

    milestone: float = math.inf
    idle: int = 0

    def notice(self, loss: float) -> None:
        """Takes note of the loss after a step; to be called once for each."""
        if loss <= self.milestone:
            self.milestone, self.idle = 0.5 * loss, 0
        else:
            self.idle += 1

    def reached(self, loss: float, rounding: float, every: int) -> bool:
        """Whether a loss is no more than rounding errors, or hardly more and stays there.

        Args:
            loss: the latest one.
            rounding: what rounding errors alone can make there.
            every: steps for each row of the history: those of slow methods are cheap.
        """
        stays = self.idle >= IDLE * every
        return loss <= (HARDLY_MORE if stays else 1.0) * rounding

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs to go on from here."""
        return asdict(self)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state."""
        for name, value in state.items():
            setattr(self, name, value)
