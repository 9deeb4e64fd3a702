"""What all methods with a grid line search end their step with."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.methods.protocol import StepInfo
from anagram_ext.search import grid_search

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.system import System

ROUNDINGS: Final = 16
NO_PROGRESS: Final = "no progress: no step of the line search lowers the loss"


def descend(
    system: System,
    theta: Tensor,
    loss: float,
    direction: Tensor,
    *,
    removable: float = math.nan,
    rank: int | None = None,
    cutoff: float | None = None,
) -> StepInfo:
    """Searches along `theta - eta * direction`; stays, and says stop, where nothing is lower.

    Args:
        system: the least-squares problem.
        theta: the iterate, `[P]`.
        loss: the loss there.
        direction: what to subtract, `[P]`.
        removable: for a Gauss-Newton direction `||J direction||^2 = ||P_k r||^2`, what the linear
            model removes from `||r||^2 = 2 loss` with a full step.
        rank: singular values kept, for the report.
        cutoff: threshold of the solve, for the report.
    """
    found = grid_search(system, theta, direction, loss)
    # The same loss computed one by one and in a batch differs by a few roundings.
    moved = loss - found.loss > ROUNDINGS * torch.finfo(theta.dtype).eps * loss
    eta = found.step_size if moved else 0.0
    # Along a Gauss-Newton direction the model loss is loss - eta (1 - eta / 2) ||P_k r||^2.
    predicted = eta * (1 - eta / 2) * removable
    return StepInfo(
        theta=found.theta if moved else theta,
        loss=found.loss if moved else loss,
        step_size=eta,
        accepted="best of the grid" if moved else "none",
        rank=rank,
        cutoff=cutoff,
        stop=None if moved else NO_PROGRESS,
        factorisations=0 if rank is None else 1,
        evaluations=1 + found.evaluations,
        captured=0.5 * removable / loss if loss > 0 else math.nan,
        gain=(loss - found.loss) / predicted if predicted > 0 else math.nan,
    )
