"""Conditions whose points lie where no equation holds, such as walls in millimetres.

Nothing ties the fields there to those of the domain, and a network of the units that fit both has
nothing left for the smaller one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.verdicts.line_ends import bounds_of, points_at, sort_conditions

if TYPE_CHECKING:
    from anagram_ext.systems.pde_system import PdeSystem

OUTSIDE: Final = 0.1  # of the extent of all equations: so far outside is no boundary of them
SHARE: Final = 0.25  # of the points of a condition that may lie there


def stray(system: PdeSystem) -> str:
    """Which condition has points far from all equations, and where, in words; empty if none has."""
    names = system.problem.coordinates
    equations, others = sort_conditions(system)
    if not equations:
        return ""
    bounds = torch.tensor([bounds_of(system, block) for block in equations])  # [equations, d, 2]
    lower, upper = bounds[:, :, 0].amin(dim=0), bounds[:, :, 1].amax(dim=0)
    for block in others:
        points = points_at(block, len(names))  # [n, d]
        beyond = torch.maximum(lower - points, points - upper) / (upper - lower)
        outside = beyond > OUTSIDE
        if float(outside.any(dim=1).double().mean()) > SHARE:
            row, axis = (int(i) for i in outside.nonzero()[0])
            return (
                f"points of {block.pointwise.condition!r} lie where no equation holds, such as at "
                f"{names[axis]} = {points[row, axis]:.3g}, where equations hold from "
                f"{lower[axis]:.3g} to {upper[axis]:.3g}"
            )
    return ""
