"""How far to go along a direction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from anagram_ext.systems.pde_system import System

HALVINGS = 0.5 ** torch.arange(31, dtype=torch.float64)


@dataclass(frozen=True)
class SearchResult:
    """The point that a search settled on.

    Attributes:
        theta: parameters [P].
        loss: the loss there.
        step_size: the factor of the direction; 0 when no trial lowered the loss.
        evaluations: number of losses computed.
    """

    theta: Tensor
    loss: float
    step_size: float
    evaluations: int


def grid_search(
    system: System,
    theta: Tensor,
    direction: Tensor,
    loss: float,
    step_sizes: Tensor = HALVINGS,
) -> SearchResult:
    """The best of the steps ``theta - step_size * direction``.

    All losses come from one batch. When none is below the present one, theta stays.

    Args:
        system: the least-squares problem.
        theta: parameters [P].
        direction: [P], to be subtracted.
        loss: the loss at theta.
        step_sizes: what to try; 0.5^k, k = 0..30, as in arXiv 2412.10782, by default.
    """
    found = lowest_of_grid(system, theta, direction, step_sizes)
    if not found.loss < loss:
        return SearchResult(theta.clone(), loss, 0.0, found.evaluations)
    return found


def lowest_of_grid(
    system: System, theta: Tensor, direction: Tensor, step_sizes: Tensor = HALVINGS
) -> SearchResult:
    """The same, but the best step is taken even when its loss is above the present one.

    So do the line searches of the ANaGRAM and E-NGD authors. Where the directions are so long that
    all trials fail, the iterate moves on a little instead of being caught.
    """
    step_sizes = step_sizes.to(theta)
    trials = theta - step_sizes[:, None] * direction  # [31, P]
    losses = system.losses(trials)
    best = int(losses.argmin())
    return SearchResult(
        trials[best].clone(), float(losses[best]), float(step_sizes[best]), len(trials)
    )


SEARCHES = {"grid": grid_search}
