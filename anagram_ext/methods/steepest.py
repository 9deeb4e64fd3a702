"""How much the steepest of all linear steps could still do: a minimum leaves it nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.protocol import System


def removable(system: System, theta: Tensor) -> float:
    """The share of the loss that the best step along the gradient removes from the linear model.

    ``||g||^4 / (||J g||^2 ||r||^2)`` with g = J^T r (Cauchy's point): never more than all
    directions together could remove. It takes no factorisation and, unlike ``StepInfo.captured``,
    leaves out no direction below a damping.

    Returns:
        The share; nan where J g vanishes, so that no step changes anything to first order.
    """
    here = system.linearise(theta)
    gradient = here.jacobian.rmatvec(here.residual)
    changed = float(here.jacobian.matvec(gradient).square().sum())
    if not (changed > 0 and here.loss > 0):
        return math.nan
    return float(gradient.square().sum()) ** 2 / (changed * 2 * here.loss)
