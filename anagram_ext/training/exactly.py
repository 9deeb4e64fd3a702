"""Integrals that hold to rounding errors: a last small correction of the parameters.

A row with a weight is met as well as the loss sinks, one that has to hold to the last digit is met
afterwards: by Newton steps for these rows alone, each the shortest that satisfies them linearised,
``-A^+ c``. What moves is moved by no more than the integral was missed by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.pde.integral import Integral

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.pde_system import PdeSystem

CORRECTIONS: Final = 5  # Newton steps at most; a linear integral needs one or two


def met_exactly(system: PdeSystem, theta: Tensor) -> Tensor:
    """The parameters [P] with the exact integrals of a problem met as far as rounding allows.

    The same tensor where the problem has none, or where none of the steps came closer.

    Args:
        system: the least-squares problem.
        theta: the iterate that a run found, [P].
    """
    conditions = system.problem.conditions
    names = tuple(n for n, c in conditions.items() if isinstance(c, Integral) and c.exact)
    if not names:
        return theta
    part = system.part(names)
    best, lowest, tried = theta, float("inf"), theta
    for _ in range(CORRECTIONS + 1):
        found = part.linearise(tried, "stored")
        size = float(found.residual.norm())
        if not size < lowest:  # no closer, or nan
            break
        best, lowest = tried, size
        units = torch.eye(len(found.residual), dtype=theta.dtype, device=theta.device)
        rows = torch.stack([found.jacobian.rmatvec(unit) for unit in units])  # A [C, P]
        tried = tried - torch.linalg.pinv(rows) @ found.residual
        if not bool(torch.isfinite(tried).all()):
            break
    return best
