"""ANaGRAM as published: fixed cutoff, grid line search; with momentum if wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.linear.solve import factorise
from anagram_ext.methods.descent import Descent

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.methods.protocol import StepInfo
    from anagram_ext.systems.pde_system import System

CUTOFF: Final = Cutoff(1e-6)


class Anagram:
    """Natural gradient by a truncated singular value decomposition of the residual Jacobian.

    Source: Schwencke & Furtlehner, "ANaGRAM: A Natural Gradient Relative to Adapted Model for
    efficient PINNs learning" (ICLR 2025, arXiv 2412.10782).

    Args:
        cutoff: which singular values to keep; a number is relative to the largest one.
        momentum: share of the last direction that the solve starts from instead of zero, in [0, 1):
            SPRING (Goldshlager, Abrahamsen & Lin, arXiv 2401.10190). What the rows of this step do
            not determine is then remembered from earlier steps.
    """

    name = "anagram"
    default_steps = 500
    evaluate_every = 1

    def __init__(self, cutoff: float | Cutoff = CUTOFF, momentum: float = 0.0) -> None:
        if not 0 <= momentum < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum!r}")
        self._cutoff = Cutoff.of(cutoff)
        self._momentum = momentum

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._system = system
        self._theta = theta
        self._descend = Descent()
        self._direction = torch.zeros_like(theta)

    def step(self) -> StepInfo:
        """Linearise, solve, search."""
        r, J = self._system.linearise(self._theta)  # [S], [S, P]
        factorisation = factorise(J, smallest_cutoff=self._cutoff)
        rank = factorisation.rank(self._cutoff)
        seen = factorisation.project(r)[:rank]  # U_k^T r
        carried = self._momentum * self._direction
        left = r - J @ carried if self._momentum else r  # a product with J is a pass over it
        self._direction = carried + factorisation.direction(left, self._cutoff)
        info = self._descend(
            self._system,
            self._theta,
            0.5 * float(r @ r),
            self._direction,
            removable=float(seen @ seen),
            rank=rank,
            cutoff=self._cutoff.value,
        )
        self._theta = info.theta
        return info
