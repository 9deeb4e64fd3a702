"""Whether a condition is missing: some boundary has too few, and the fields are loose.

An equation with m derivatives along a coordinate needs m conditions at the two ends of a line along
it: one at either end for Poisson's, two at the start for the wave equation. Where there are fewer,
many fields satisfy all conditions, and training finds one of them. Counting alone proves nothing:
in the centre of a disc ``u_rr + u_r / r`` asks for no condition. So it speaks only where the fields
could change a lot while the residuals hardly do.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from anagram_ext.errors import NonFiniteError
from anagram_ext.pde.measurements import Data
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.verdicts.error_estimate import points_of
from anagram_ext.verdicts.line_ends import too_few_conditions
from anagram_ext.verdicts.terms import residuals_and_terms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.systems.blocks import Block
    from anagram_ext.systems.pde_system import PdeSystem

# Relative change of the fields for residuals that are as large as their terms. Where boundaries
# need no condition it was 7 to 13, where one was missing 110 to 3e10 (ADR 067).
LOOSE: Final = 30.0
MOST_COORDINATES: Final = 3


def missing_condition(
    system: PdeSystem, blocks: Mapping[str, Block], theta: Tensor, sensitivity: float
) -> str:
    """Which boundary lacks a condition, in words; empty where that cannot be said of any.

    Nothing is said of models with maps of their own, which may satisfy conditions that nobody
    wrote, beside measured values, which may replace them, and of more than three coordinates, where
    points of boundaries are too far apart.

    Args:
        system: the least-squares problem.
        blocks: the rows that each condition is judged by.
        theta: the iterate to judge, [P].
        sensitivity: relative change of the fields for residuals of length one.
    """
    if not _can_tell(system):
        return ""
    found = next(too_few_conditions(system), None)
    if found is None:
        return ""
    loose = looseness(system, blocks, theta, sensitivity)
    if not loose > LOOSE:  # nan: not known
        return ""
    return (
        f"lines along {found.coordinate} meet fewer conditions on {found.field} than "
        f"the {found.order} that {found.equation!r} needs, such as at {found.place} "
        f"(residuals of {1 / loose:.0e} of their terms leave room for any error)"
    )


def _can_tell(system: PdeSystem) -> bool:
    """Whether all that determines the fields stands in conditions on boundaries."""
    described = system.model.describe()
    mapped = described.get("outputs") or described.get("inputs") is not None
    conditions = system.problem.conditions
    measured = any(isinstance(condition, Data) for condition in conditions.values())
    return not mapped and not measured and len(system.problem.coordinates) <= MOST_COORDINATES


def looseness(
    system: PdeSystem, blocks: Mapping[str, Block], theta: Tensor, sensitivity: float
) -> float:
    """The relative change of the fields for residuals as large as their terms; nan if not known."""
    everywhere = points_of(system, blocks)
    squares = 0.0
    for block in blocks.values():
        if not isinstance(block, PointwiseBlock):
            return math.nan
        try:
            squares += float(residuals_and_terms(block, everywhere, theta)[1].square().sum())
        except NonFiniteError:
            return math.nan
    return sensitivity * math.sqrt(squares)
