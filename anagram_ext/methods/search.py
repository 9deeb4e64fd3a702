"""How far to go along a direction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.linear.transfer import uploaded

if TYPE_CHECKING:
    from anagram_ext.systems.protocol import System

LOWER: Final = "lower"
BEST: Final = "best"
# Those of the ANaGRAM paper (arXiv 2412.10782): 1 to 1e-9.
HALVINGS: Final = 0.5 ** torch.arange(31, dtype=torch.float64)


@dataclass(frozen=True)
class SearchResult:
    """The point that a search settled on.

    Attributes:
        theta: parameters [P].
        loss: the loss there.
        step_size: the factor of the direction; 0 when no trial was accepted.
        evaluations: number of losses computed.
        moved: whether theta is another one than before, to the last bit.
        also: the number that was to be read with those of the search.
    """

    theta: Tensor
    loss: float
    step_size: float
    evaluations: int
    moved: bool
    also: float = math.nan


def grid_search(
    system: System,
    theta: Tensor,
    direction: Tensor,
    loss: float,
    *,
    accept: str = LOWER,
    step_sizes: Tensor = HALVINGS,
    also: Tensor | None = None,
) -> SearchResult:
    """The best of the steps ``theta - step_size * direction``, all losses from one batch.

    Args:
        system: the least-squares problem.
        theta: parameters [P].
        direction: [P], to be subtracted.
        loss: the loss at theta.
        accept: ``"lower"``: theta stays unless the best trial has a lower loss. ``"best"``: the
            best trial is taken even when its loss is above the present one, as the line searches
            of the ANaGRAM and E-NGD authors do: where directions are so long that all trials
            fail, the iterate moves on a little instead of being caught.
        step_sizes: what to try; 0.5^k, k = 0..30, as in arXiv 2412.10782, by default.
        also: another number to be read, on the device of theta.
    """
    trials = theta - uploaded(step_sizes, theta)[:, None] * direction  # [31, P]
    losses = system.losses(trials)
    best = losses.argmin()[None]
    found = trials.index_select(0, best)[0]
    moved = (found != theta).any()
    # One read: each of a GPU waits for it.
    wanted = [best[0].to(losses), losses.index_select(0, best)[0], moved.to(losses)]
    wanted += [] if also is None else [also]
    index, lowest, is_other, *rest = torch.stack(wanted).tolist()
    known = rest[0] if rest else math.nan
    if not lowest < (loss if accept == LOWER else math.inf):
        return SearchResult(theta.clone(), loss, 0.0, len(trials), moved=False, also=known)
    step_size = float(step_sizes[int(index)])
    return SearchResult(found, lowest, step_size, len(trials), moved=bool(is_other), also=known)


def check_accept(accept: str) -> None:
    """Raises ValueError for an unknown rule of acceptance."""
    if accept not in (LOWER, BEST):
        raise ValueError(f"accept must be one of {(LOWER, BEST)}, got {accept!r}")
