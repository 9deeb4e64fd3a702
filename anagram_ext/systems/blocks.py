"""What a condition brings to a system: its rows of the residual and of the Jacobian."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Block(Protocol):
    """The rows of one condition; it writes into its part of what a system stacks.

    Attributes:
        n_rows: number of rows, component after component of the condition's residual.
        n_components: C, number of residuals a point.
    """

    n_rows: int

    @property
    def n_components(self) -> int:
        """C, number of residuals a point."""

    def residuals(self, thetas: Tensor, rows: Tensor) -> None:
        """Writes the residuals of parameter vectors [q, P] into ``rows`` [q, n_rows]."""

    def losses(self, thetas: Tensor, losses: Tensor) -> None:
        """Adds ``1/2 ||rows||^2`` for each of several parameter vectors to ``losses`` [q]."""

    def linearise(self, theta: Tensor, rows: Tensor, jacobian: Tensor) -> None:
        """Writes the residual [n_rows] and its Jacobian [n_rows, P]."""

    def prepare(self, theta: Tensor, rows: Tensor) -> Tensor:
        """Writes the residual [n_rows]; returns seeds [C, K, m, n] for the products below."""

    def some_rows(self, theta: Tensor, seeds: Tensor, part: slice) -> Tensor:
        """The rows [C * k, P] of the Jacobian that belong to k of the points."""

    def matvec(self, theta: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v into ``out`` [n_rows], v [P]."""

    def rmatvec(self, theta: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [P], w [n_rows]."""

    def gradient(self, theta: Tensor, rows: Tensor, gradient: Tensor) -> None:
        """Writes the residual [n_rows] and adds J^T r to ``gradient`` [P]."""

    def doubt(self) -> Tensor | None:
        """A number that is not finite if the last derivatives were not; None: they were checked.

        Each check of numbers on a GPU waits for it. So they are left to whoever reads the loss.
        """

    def check_finite(self, rows: Tensor) -> None:
        """Raises NonFiniteError naming the first point where a row [n_rows] is not finite.

        Or where a derivative is not that is in doubt.
        """
