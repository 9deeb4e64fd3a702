"""The loss that rounding errors alone make."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.protocol import System


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
