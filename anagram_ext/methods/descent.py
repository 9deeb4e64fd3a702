"""What all methods with the authors' line search end their step with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.methods.protocol import StepInfo
from anagram_ext.methods.search import lowest_of_grid

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.pde_system import System

ROUNDINGS: Final = 16
PATIENCE: Final = 20  # steps in a row that lower nothing
NO_PROGRESS: Final = "no progress: no step of the line search lowers the loss"


class Descent:
    """The best of the grid, whether or not it is lower; says stop when it is not time and again."""

    def __init__(self) -> None:
        self._idle = 0

    def __call__(
        self,
        system: System,
        theta: Tensor,
        loss: float,
        direction: Tensor,
        *,
        removable: float = math.nan,
        rank: int | None = None,
        cutoff: float | None = None,
    ) -> StepInfo:
        """Searches along `theta - eta * direction`.

        Args:
            system: the least-squares problem.
            theta: the iterate, `[P]`.
            loss: the loss there.
            direction: what to subtract, `[P]`.
            removable: for a Gauss-Newton direction `||J direction||^2 = ||P_k r||^2`, what the
                linear model removes from `||r||^2 = 2 loss` with a full step.
            rank: singular values kept, for the report.
            cutoff: threshold of the solve, for the report.
        """
        found = lowest_of_grid(system, theta, direction)
        stuck = not math.isfinite(found.loss) or torch.equal(found.theta, theta)
        eta = 0.0 if stuck else found.step_size
        new_loss = loss if stuck else found.loss
        # The same loss computed one by one and in a batch differs by a few roundings.
        lower = loss - new_loss > ROUNDINGS * torch.finfo(theta.dtype).eps * loss
        self._idle = 0 if lower else self._idle + 1
        # Along a Gauss-Newton direction the model loss is loss - eta (1 - eta / 2) ||P_k r||^2.
        predicted = eta * (1 - eta / 2) * removable
        return StepInfo(
            theta=theta if stuck else found.theta,
            loss=new_loss,
            step_size=eta,
            accepted="none" if stuck else "best of the grid",
            rank=rank,
            cutoff=cutoff,
            stop=NO_PROGRESS if stuck or self._idle >= PATIENCE else None,
            factorisations=0 if rank is None else 1,
            evaluations=1 + found.evaluations,
            captured=0.5 * removable / loss if loss > 0 else math.nan,
            gain=(loss - new_loss) / predicted if predicted > 0 else math.nan,
        )
