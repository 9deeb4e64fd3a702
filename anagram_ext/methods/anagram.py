"""ANaGRAM as published: fixed cutoff, grid line search; with momentum if wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.checks import finite_number
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.methods.descent import Descent
from anagram_ext.methods.search import BEST, check_accept

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.methods.protocol import State, StepInfo
    from anagram_ext.systems.protocol import System

CUTOFF: Final = Cutoff(1e-6)  # the number published for Laplace 2-D, relative instead of absolute


class Anagram:
    """Natural gradient by a truncated singular value decomposition of the residual Jacobian.

    Source: Schwencke & Furtlehner, "ANaGRAM: A Natural Gradient Relative to Adapted Model for
    efficient PINNs learning" (ICLR 2025, arXiv 2412.10782).

    Args:
        cutoff: which singular values to keep; a number is relative to the largest one.
        momentum: share of the last direction that the solve starts from instead of zero, in [0, 1):
            SPRING (Goldshlager, Abrahamsen & Lin, arXiv 2401.10190). What the rows of this step do
            not determine is then remembered from earlier steps.
        accept: ``"best"``: the best trial of the line search is taken, as published; ``"lower"``:
            only when it lowers the loss.

    Attributes:
        direction: what the last step went along, [P]; theta moved by ``-step_size * direction``.
        singular_values: of the Jacobian of the last step, descending, [k].
    """

    name = "anagram"  # "spring" with momentum
    default_steps = 500
    evaluate_every = 1

    def __init__(
        self, cutoff: float | Cutoff = CUTOFF, momentum: float = 0.0, accept: str = BEST
    ) -> None:
        if not 0 <= finite_number("momentum", momentum) < 1:
            raise ValueError(f"momentum must be in [0, 1), got {momentum!r}")
        check_accept(accept)
        self._cutoff = Cutoff.of(cutoff)
        self._momentum = momentum
        self.name = "spring" if momentum else "anagram"
        self._accept = accept

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._system = system
        self._theta = theta
        self._descend = Descent(self._accept)
        self.direction = torch.zeros_like(theta)

    def state(self) -> State:
        """What ``restore`` needs to go on from here."""
        return {"theta": self._theta, "direction": self.direction, "idle": self._descend.idle}

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken."""
        self.start(system, state["theta"])
        self.direction = state["direction"]
        self._descend.idle = state["idle"]

    def step(self) -> StepInfo:
        """Linearise, solve, search."""
        here = self._system.linearise(self._theta)
        factorisation = here.jacobian.factorise(smallest_cutoff=self._cutoff)
        rank = factorisation.rank(self._cutoff)
        self.singular_values = factorisation.singular_values
        seen = factorisation.project(here.residual, finite=True)  # U^T r, [k]
        seen[rank:] = 0.0
        if self._momentum:  # a product with J is a pass over it
            carried = self._momentum * self.direction
            left = here.residual - here.jacobian.matvec(carried)
            self.direction = carried + factorisation.direction(left, self._cutoff)
        else:
            coefficients = torch.zeros_like(seen)
            coefficients[:rank] = seen[:rank] / self.singular_values[:rank]
            self.direction = factorisation.expand(coefficients)
        info = self._descend(
            self._system,
            self._theta,
            here.loss,
            self.direction,
            removable=seen @ seen,
            rank=rank,
            cutoff=self._cutoff.value,
        )
        self._theta = info.theta
        return info
