"""What ranks make together of the rows that each of them evaluates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch

from anagram_ext.linear.spread import Spread
from anagram_ext.systems.protocol import Linearisation

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.linear.shares import Shares


class OwnRows(Protocol):
    """Some rows of a system, as functions of its parameters."""

    def residuals(self, thetas: Tensor) -> Tensor:
        """The residuals [q, S_k] of parameter vectors [q, P]."""

    def losses(self, thetas: Tensor) -> Tensor:
        """Their losses [q]."""

    def gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient J^T r [P]."""


class SpreadRows:
    """All rows of a system, of which each rank evaluates its own; every call is collective.

    What comes back is whole, and the same on all ranks. For q residuals a rank sends q S / ranks
    numbers, for q losses q, for a gradient P.

    Args:
        own: the rows of this rank.
        shares: which ones those are.
    """

    def __init__(self, own: OwnRows, shares: Shares) -> None:
        self._own, self._shares, self._group = own, shares, shares.group

    def residuals(self, thetas: Tensor) -> Tensor:
        """The residuals [q, S] of parameter vectors [q, P]; they may be non-finite."""
        return self._shares.whole(self._own.residuals(thetas))

    def losses(self, thetas: Tensor) -> Tensor:
        """The losses [q] of parameter vectors [q, P]; infinite where not finite."""
        losses = self._group.sum(self._own.losses(thetas))
        return torch.nan_to_num(losses, nan=math.inf, posinf=math.inf)

    def gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient J^T r [P], without storing J."""
        loss, gradient = self._group.together(lambda: self._own.gradient(theta))
        total = self._group.sum(torch.cat([gradient.new_tensor([loss]), gradient]))
        return float(total[0]), total[1:]

    def linearised(
        self, own: Callable[[], Linearisation[Jacobian]], theta: Tensor
    ) -> Linearisation[Jacobian]:
        """Residual, loss and Jacobian, whose rows stay on their ranks.

        Args:
            own: linearises the rows of this rank.
            theta: where, [P].
        """
        mine = self._group.together(own)
        residual = self._shares.whole(mine.residual)
        loss = 0.5 * float(residual @ residual)
        return Linearisation(residual, loss, Spread(mine.jacobian, self._shares, theta))
