"""Energy natural gradient descent (E-NGD), the baseline that goes through the Gram matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.linear.solve import lstsq
from anagram_ext.methods.descent import Descent

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.methods.protocol import State, StepInfo
    from anagram_ext.systems.protocol import System


class EnergyNaturalGradient:
    """Least-squares solve with the Gram matrix ``J^T J``, then the grid line search.

    The Gram matrix squares the condition number of J, which is what ANaGRAM avoids. With more
    parameters than rows the direction ``(J^T J)^+ J^T r`` is computed as ``J^T (J J^T)^+ r``, which
    is the same, singular values and cutoff included, by a smaller matrix.

    Source: Müller & Zeinhofer, "Achieving High Accuracy with PINNs via Energy Natural Gradient
    Descent" (ICML 2023, arXiv 2302.13163).

    Args:
        cutoff: which singular values of the Gram matrix to keep; machine epsilon times P relative
            to the largest one by default, as in the least-squares routines of NumPy and JAX.
    """

    name = "engd"
    default_steps = 500
    evaluate_every = 1

    def __init__(self, cutoff: float | Cutoff | None = None) -> None:
        self._given = None if cutoff is None else Cutoff.of(cutoff)

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._system = system
        self._theta = theta
        self._descend = Descent()
        default = Cutoff(torch.finfo(theta.dtype).eps * system.n_parameters)
        self._cutoff = default if self._given is None else self._given

    def state(self) -> State:
        """What ``restore`` needs to go on from here."""
        return {"theta": self._theta, "idle": self._descend.idle}

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken."""
        self.start(system, state["theta"])
        self._descend.idle = state["idle"]

    def step(self) -> StepInfo:
        """Linearise, form the Gram matrix, solve, search."""
        here = self._system.linearise(self._theta)
        direction, rank = self._solution(here.jacobian, here.residual)
        removed = here.jacobian.matvec(direction)  # [S]
        info = self._descend(
            self._system,
            self._theta,
            here.loss,
            direction,
            removable=removed @ removed,
            rank=rank,
            cutoff=self._cutoff.value,
        )
        self._theta = info.theta
        return info

    def _solution(self, jacobian: Jacobian, residual: Tensor) -> tuple[Tensor, int]:
        """The direction [P], and the rank of the Gram matrix."""
        n_rows, n_parameters = jacobian.shape
        if n_parameters > n_rows and jacobian.has_all_rows:
            of_rows = lstsq(jacobian.row_gram(), residual, self._cutoff)
            return jacobian.rmatvec(of_rows.direction), of_rows.rank
        gradient = jacobian.rmatvec(residual)  # [P]
        solution = lstsq(jacobian.gram(), gradient, self._cutoff)
        return solution.direction, solution.rank
