"""What all methods with the authors' line search end their step with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.methods.protocol import StepInfo
from anagram_ext.methods.search import BEST, grid_search

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.protocol import System

ROUNDINGS: Final = 16  # by which a lower loss has to be lower, see below
PATIENCE: Final = 20  # steps in a row that lower nothing
NO_PROGRESS: Final = "no progress: no step of the line search lowers the loss"


class Descent:
    """The line search of a step and its report; says stop when nothing is gained time and again.

    Args:
        accept: ``"best"`` or ``"lower"``, see ``grid_search``.

    Attributes:
        idle: steps in a row that lowered nothing.
    """

    def __init__(self, accept: str = BEST) -> None:
        self._accept = accept
        self.idle = 0

    def __call__(
        self,
        system: System,
        theta: Tensor,
        loss: float,
        direction: Tensor,
        *,
        removable: Tensor | None = None,
        rank: int | None = None,
        cutoff: float | None = None,
    ) -> StepInfo:
        """Searches along ``theta - eta * direction``.

        Args:
            system: the least-squares problem.
            theta: the iterate, ``[P]``.
            loss: the loss there.
            direction: what to subtract, ``[P]``.
            removable: for a Gauss-Newton direction ``||J direction||^2 = ||P_k r||^2``, what the
                linear model removes from ``||r||^2 = 2 loss`` with a full step; a number on the
                device of theta, which is read with those of the search.
            rank: singular values kept, for the report.
            cutoff: threshold of the solve, for the report.
        """
        found = grid_search(system, theta, direction, loss, accept=self._accept, also=removable)
        stuck = not found.moved
        eta = 0.0 if stuck else found.step_size
        new_loss = loss if stuck else found.loss
        # The same loss computed one by one and in a batch differs by a few roundings.
        lower = loss - new_loss > ROUNDINGS * torch.finfo(theta.dtype).eps * loss
        self.idle = 0 if lower else self.idle + 1
        # Along a Gauss-Newton direction the model loss is loss - eta (1 - eta / 2) ||P_k r||^2.
        predicted = eta * (1 - eta / 2) * found.also
        return StepInfo(
            theta=theta if stuck else found.theta,
            loss=new_loss,
            step_size=eta,
            accepted="none" if stuck else "best of the grid",
            rank=rank,
            cutoff=cutoff,
            stop=NO_PROGRESS if stuck or self.idle >= PATIENCE else None,
            factorisations=0 if rank is None else 1,
            evaluations=1 + found.evaluations,
            captured=0.5 * found.also / loss if loss > 0 else math.nan,
            gain=(loss - new_loss) / predicted if predicted > 0 else math.nan,
        )
