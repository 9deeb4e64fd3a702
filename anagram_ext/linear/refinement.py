"""When solutions by the normal equations are refined by products with J, and until when."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.shifted import Shifted

# Unrefined, shifts below this many roundings of sigma_1^2 are left to a decomposition: 2.3e-13 in
# double precision. Steps are then right to about three digits, see the bound of ``Gram``.
RESOLVED: Final = 2.0**10

# Solutions for smaller shifts are refined by products with J where that costs little beside a
# factorisation; each refinement gains two digits or more (docs/adr/024).
REFINEMENTS: Final = 3  # at most
REFINED: Final = 1e-3  # tolerance of a solution that is refined, and of what a refinement adds
SETTLED: Final = 1e-3  # a refinement that changes a step by less is the last one
# Of a step of a large problem that is not refined: it decides whom to trust, and corrections, which
# go by what the equations lack, take what is left out as well.
TRIED: Final = 1e-4


def refined_below(shifted: Shifted, *, exact: bool) -> float:
    """Large problems refine solutions with smaller shifts; an exact matrix refines all of them."""
    if exact:
        return math.inf
    return RESOLVED * torch.finfo(shifted.dtype).eps * shifted.unit if shifted.large else 0.0


def still_moving(changes: Tensor, steps: Tensor) -> bool:
    """Whether the last refinement has changed any step [q, P] by more than it may."""
    moved = torch.linalg.vector_norm(changes, dim=1)
    return bool((moved > SETTLED * torch.linalg.vector_norm(steps, dim=1)).any())
