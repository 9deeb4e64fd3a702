"""What a least-squares fit of a module leaves: parameters, their error bars, and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from anagram_ext.checks import positive_and_finite
from anagram_ext.figures import overview
from anagram_ext.methods import Stop
from anagram_ext.training.error_bars import ErrorBars

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from matplotlib.figure import Figure
    from torch import Tensor, nn

    from anagram_ext.systems.spread_torch import SpreadTorchSystem
    from anagram_ext.systems.torch_system import TorchSystem

MINIMUM: Final = 1e-8  # share of the squared residual that a minimum may leave to linear steps


@dataclass(frozen=True, repr=False, eq=False)
class LeastSquaresResult:
    """The best iterate of a fit, which the module now has as its parameters.

    Attributes:
        theta: the parameters [P], in the order of ``layout``.
        module: the module.
        system: the least-squares problem; that of all ranks of a group, whose calls are collective.
        loss: ``1/2 ||r||^2``.
        history: columns by name (see ``anagram_ext.training.history.Row``), one entry an evaluated
            step.
        seconds: time spent in the method.
        steps: finished steps.
        stop_reason: why the fit ended, in words; ``stop`` is its kind.
        method: name of the method.
    """

    theta: Tensor
    module: nn.Module
    system: TorchSystem | SpreadTorchSystem
    loss: float
    history: dict[str, np.ndarray]
    seconds: float
    steps: int
    stop_reason: str
    method: str

    @property
    def stop(self) -> Stop:
        """The kind of reason the fit ended for: what a program compares."""
        return Stop.of(self.stop_reason)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """The fitted parameters by name, in their shapes."""
        return self.system.flat.split(self.theta)

    @cached_property
    def residual(self) -> Tensor:
        """The residual r [S] of the fit."""
        return self.system.residuals(self.theta[None])[0]

    @property
    def std(self) -> dict[str, Tensor]:
        """Standard deviations of the parameters by name, in their shapes.

        For residuals model - data, the data with independent errors of one standard deviation that
        is estimated from the residuals. Infinite for a parameter that the residuals do not
        determine, and for all of them where there are no more residuals than parameters.
        """
        return self.system.flat.split(self._error_bars.deviations(self._error_bars.variance))

    @property
    def rank(self) -> int:
        """How many directions of parameter space the residuals determine: at most P."""
        return self._error_bars.rank

    def covariance(self, variance: float | None = None) -> Tensor:
        """The covariance [P, P] of theta, ``variance * (J^T J)^+``.

        Args:
            variance: of the errors of the data in the unit of the residuals; 1 where these are
                divided by known standard deviations. Estimated by ``||r||^2 / (S - rank)`` by
                default.

        Raises:
            ValueError: the variance is not positive.
            TypeError: it is no number.
        """
        if variance is None:
            return self._error_bars.covariance(self._error_bars.variance)
        return self._error_bars.covariance(positive_and_finite("variance", variance))

    @property
    def verdict(self) -> str:
        """What the fit amounts to, in one or two sentences."""
        bars = self._error_bars
        if self.stop is Stop.ROUND_OFF:
            text = "exact: the residual vanishes up to rounding."
        elif bars.rank == 0:
            return (
                "no fit: no parameter changes the residual here to first order (activations far "
                "out where they are constant?)."
            )
        elif bars.captured <= MINIMUM:
            text = f"a minimum: a linear step could remove {bars.captured:.0e} of the loss."
        else:
            text = (
                f"no minimum yet ({self.stop_reason}): to first order {bars.captured:.1%} of the "
                "loss could still go."
            )
        if not bool(bars.undetermined.any()):
            return text
        named = self.system.flat.split(bars.undetermined)
        names = [name for name, part in named.items() if bool(part.any())]
        return (
            f"{text} The residuals determine {bars.rank} directions of {len(self.theta)}: "
            f"{_some(names)} may change without them."
        )

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draws the loss against steps and seconds, with the best one so far.

        Args:
            path: PNG file to write; none by default.

        Returns:
            The figure, a ``matplotlib.figure.Figure`` that belongs to no window.
        """
        title = f"{type(self.module).__name__}, {self.method}"
        return overview.run(self.history, None, path, title)

    def __repr__(self) -> str:
        """One line without arrays."""
        return (
            f"LeastSquaresResult({self.method}: loss {self.loss:.3e}, {self.steps} steps in "
            f"{self.seconds:.2f} s, {self.stop})"
        )

    @cached_property
    def _error_bars(self) -> ErrorBars:
        return ErrorBars(self.system, self.theta)


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
