"""The residual of a module whose rows each rank makes of its own data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anagram_ext.linear.shares import Shares
from anagram_ext.systems.spread_rows import SpreadRows

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.group import Group
    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.systems.protocol import Linearisation
    from anagram_ext.systems.torch_system import TorchSystem


class SpreadTorchSystem:
    """The residuals of the ``TorchSystem`` of every rank, rank after rank; calls are collective.

    Args:
        own: that of this rank. The parameters are those of all of them; residuals, their number,
            frozen parameters and buffers are its own.
        group: the ranks.

    Attributes:
        flat: the module with its parameters as one vector.
        n_rows: S, those of all ranks.
        n_parameters: P.
        draws: 0: the rows stay what they are.
        redrawn: none.
    """

    def __init__(self, own: TorchSystem, group: Group) -> None:
        shares = Shares.in_order(group, own.n_rows)
        self._own, self._rows = own, SpreadRows(own, shares)
        self.flat = own.flat
        self.n_rows = shares.n_rows
        self.n_parameters = own.n_parameters
        self.draws, self.redrawn = own.draws, own.redrawn

    def residuals(self, thetas: Tensor) -> Tensor:
        """The residuals [q, S] of parameter vectors [q, P]; they may be non-finite."""
        return self._rows.residuals(thetas)

    def losses(self, thetas: Tensor) -> Tensor:
        """The losses [q] of parameter vectors [q, P]; infinite where not finite."""
        return self._rows.losses(thetas)

    def gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient J^T r [P], without storing J.

        Raises:
            NonFiniteError: the residual or the gradient is NaN or infinite on some rank.
        """
        return self._rows.gradient(theta)

    def linearise(self, theta: Tensor) -> Linearisation[Jacobian]:
        """The residual r [S], its loss and its Jacobian J [S, P], whose rows stay on their ranks.

        Raises:
            NonFiniteError: the residual or a derivative is NaN or infinite on some rank.
            MemoryError: the rows of some rank can neither be stored nor streamed.
        """
        return self._rows.linearised(lambda: self._own.linearise(theta), theta.detach())
