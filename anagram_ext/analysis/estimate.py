"""What is said about an unknown, a combination of unknowns, a measurement not yet made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

LEVEL = 0.95  # of all intervals


@dataclass(frozen=True)
class Estimate:
    """One number with its uncertainty.

    Attributes:
        value: the number.
        std: its standard deviation; infinite where nothing determines it.
        interval: 95 % interval, lower and upper end.
    """

    value: float
    std: float
    interval: tuple[float, float]

    def through(self, map: Callable[[Tensor], Tensor]) -> Estimate:  # noqa: A002 -- a public name
        """The estimate of a monotone function of the number, as for a logarithm kept positive.

        Args:
            map: of a 0-dimensional tensor, differentiable by torch.
        """
        at = torch.tensor(self.value, dtype=torch.float64, requires_grad=True)
        with torch.enable_grad():
            value = map(at)
        (slope,) = torch.autograd.grad(value, at)
        ends = sorted(float(map(at.detach().new_tensor(end))) for end in self.interval)
        std = abs(float(slope)) * self.std if slope else 0.0
        return Estimate(float(value.detach()), std, (ends[0], ends[1]))


@dataclass(frozen=True)
class Combination:
    """A combination of unknowns.

    Attributes:
        coefficients: of each entry such as ``"nu"`` or ``"k[2]"``, in units of the entry's size;
            their squares sum to 1.
        std: standard deviation of the combination in these units; infinite if nothing sees it.
    """

    coefficients: Mapping[str, float]
    std: float

    def __str__(self) -> str:
        terms = [f"{c:+.2f} {name}" for name, c in self.coefficients.items() if abs(c) > 0.005]
        return " ".join(terms)


@dataclass(frozen=True)
class Sensors:
    """What single further measurements would tell about the unknowns.

    Attributes:
        best: index of the candidate that tells most.
        gains: ``[m]``, the information of each in nats: how much it lowers half the logarithm of
            the determinant of the unknowns' covariance (D-optimality).
    """

    best: int
    gains: Tensor
