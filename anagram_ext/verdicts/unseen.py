"""What the rows of conditions without held-out points tell of points between them.

Measurements and points of an unknown region leave nothing to hold out. One factorisation at the
iterate that a run returns answers instead, row by row: which share of it the network fits whatever
it says, and what its residual would be had it been left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.errors import NonFiniteError, OutOfMemoryError
from anagram_ext.linear.left_out import press

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.verdicts.validation import Validation

# The network hardly moves in directions with a singular value below this share of the largest one.
LEAST_SINGULAR: Final = 1e-8
# A condition of fewer rows samples no function: an integral, a value at a corner. Without it the
# problem is another one, and that it is missed if left out says nothing. Nor does it say anything
# that they may be what they like, where an equation is judged on points between them.
FEWEST_ROWS: Final = 10


@dataclass(frozen=True)
class Unseen:
    """By condition without held-out points; nan where it is not known.

    Attributes:
        free: the share of its rows that the tangent space can fit whatever their values are (their
            mean leverage), between 0 and 1; not for fewer than ``FEWEST_ROWS`` beside a condition
            with held-out points everywhere.
        press: its loss if each of its rows is left out in turn; nan for fewer than ``FEWEST_ROWS``.
    """

    free: Mapping[str, float]
    press: Mapping[str, float]

    @classmethod
    def unknown(cls, validation: Validation) -> Unseen:
        """Where it was not looked into."""
        nothing = dict.fromkeys(validation.unseen, math.nan)
        return cls(nothing, dict(nothing))


def unseen_rows(
    system: PdeSystem,
    validation: Validation,
    theta: Tensor,
    first: Tensor,
    relative: Mapping[str, float] | None = None,
) -> Unseen:
    """Leverages and PRESS of the conditions without held-out points.

    A row is left out of the whole fit, not of its last step: of the least-squares problem in the
    tangent space at ``theta``, damped towards the first iterate, with
    ``r0 = r - J (theta - first)`` for its residual there. A step from where rows are fitted already
    would find nothing left of any of them, left out or not. At a minimum with many rows it is
    ``r_i / (1 - h_i)``; with fewer rows than parameters it is the leave-one-out residual of the
    regression with the tangent kernel J J^T.

    Args:
        system: the least-squares problem.
        validation: its held-out points.
        theta: the iterate that a run returns, [P].
        first: that it began with, [P].
        relative: residual of each condition relative to its terms. A row is missed by no more than
            the terms in it: then it is not predicted at all, and a tangent space that says by how
            much is beyond its range (one narrow neuron at a single measurement does that).
    """
    if not validation.unseen:
        return Unseen({}, {})
    cutoff = max(LEAST_SINGULAR, 10 * torch.finfo(theta.dtype).eps)
    try:
        here = system.linearise(theta)
        factorisation = here.jacobian.factorise(smallest_cutoff=cutoff)
    except (NonFiniteError, MemoryError, OutOfMemoryError):
        return Unseen.unknown(validation)
    moved = factorisation.push(factorisation.singular_values * factorisation.pull(theta - first))
    left_out = factorisation.left_out(here.residual - moved, cutoff**2)
    leverages = factorisation.leverages(cutoff**2)
    rows = {
        name: system.row_slices[name]
        for name in validation.unseen
        if system.row_slices[name].stop > system.row_slices[name].start
    }
    few = FEWEST_ROWS if validation.looks_everywhere() else 1
    return Unseen(
        {
            name: float(leverages[part].mean())
            for name, part in rows.items()
            if part.stop - part.start >= few
        },
        {
            name: press(_limited(left_out[part], here.residual[part], (relative or {}).get(name)))
            if part.stop - part.start >= FEWEST_ROWS
            else math.nan
            for name, part in rows.items()
        },
    )


def _limited(left_out: Tensor, residual: Tensor, relative: float | None) -> Tensor:
    """No longer than the terms of the rows, where their size is known."""
    if not relative or math.isnan(relative):
        return left_out
    terms = float(residual.square().mean().sqrt()) / relative
    return left_out.clamp(-terms, terms) if terms > 0 else left_out
