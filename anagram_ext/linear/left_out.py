"""Rows left out of a least-squares solve one at a time, all from one factorisation.

A damped solve ``min ||A y - r||^2 + l ||y||^2`` leaves the residual ``r - A y = (I - H) r`` with
``H = A (A^T A + l)^-1 A^T``. Row i of it says little of points between, because the solve has seen
that row: its leverage h_i = H_ii is the share of it that it fits whatever it says. Had the row been
left out, its residual would have been ``((I - H) r)_i / (1 - h_i)``, exactly and for any l. Source:
D. M. Allen, "The relationship between variable selection and data augmentation and a method for
prediction" (Technometrics 16, 1974); for l > 0: G. H. Golub, M. Heath & G. Wahba (Technometrics 21,
1979), section 2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor

# Leverages that are only estimated may come out above one; none is taken to be above this.
MOST_ESTIMATED: Final = 0.9


def press(left_out: Tensor) -> float:
    """The predicted residual sum of squares as a loss, ``1/2 ||r||^2``.

    Args:
        left_out: r [S], the residual of each row where it was left out; nan where it is fitted
            whatever it says.

    Returns:
        The loss; inf where a row is not known.
    """
    loss = 0.5 * float(left_out.square().sum())
    return math.inf if math.isnan(loss) else loss
