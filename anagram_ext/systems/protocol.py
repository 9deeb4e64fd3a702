"""What a training method sees: a nonlinear least-squares problem r(theta) = 0, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from anagram_ext.linear.jacobian import Jacobian


J_co = TypeVar("J_co", bound="Jacobian", covariant=True)


@dataclass(frozen=True)
class Linearisation(Generic[J_co]):
    """The residual and its derivative at one point.

    Attributes:
        residual: r [S].
        loss: ``1/2 ||r||^2``.
        jacobian: J [S, P]; holds until the system is linearised again or draws new points.
    """

    residual: Tensor
    loss: float
    jacobian: J_co


class System(Protocol):
    """The residual r [S] as a function of the parameters theta [P]; the loss is ``1/2 ||r||^2``.

    Vectors are whole, wherever the rows of J are. A system keeps buffers: one thread at a time.
    """

    @property
    def n_rows(self) -> int:
        """S."""

    @property
    def n_parameters(self) -> int:
        """P."""

    @property
    def draws(self) -> int:
        """How often the points of the rows have changed; losses of two draws do not compare."""

    @property
    def redrawn(self) -> Sequence[str]:
        """Names of the parts of r whose points change during training."""

    def residuals(self, thetas: Tensor) -> Tensor:
        """The residuals [q, S] of parameter vectors [q, P]; they may be non-finite."""

    def losses(self, thetas: Tensor) -> Tensor:
        """The losses [q] of parameter vectors [q, P]; infinite where not finite."""

    def gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient J^T r [P], without storing J.

        Raises:
            NonFiniteError: the residual or the gradient is NaN or infinite.
        """

    def linearise(self, theta: Tensor) -> Linearisation[Jacobian]:
        """Residual, loss and Jacobian at theta [P].

        Raises:
            NonFiniteError: the residual or a derivative is NaN or infinite.
            MemoryError: J can neither be stored nor streamed.
        """


def half_squares(residuals: Tensor) -> Tensor:
    """The losses ``1/2 ||r||^2`` [q] of residuals [q, S]."""
    return 0.5 * residuals.square().sum(dim=-1)
