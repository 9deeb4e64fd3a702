"""What speaks against a solution whose residual is small wherever anybody looked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anagram_ext.errors import NonFiniteError
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.verdicts.between import jump_or_layer
from anagram_ext.verdicts.characteristics import begins_nowhere
from anagram_ext.verdicts.error_estimate import is_plain, points_of
from anagram_ext.verdicts.facts import Objection
from anagram_ext.verdicts.nodes import missed_by_nodes
from anagram_ext.verdicts.validation import extends

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.systems.blocks import Block
    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.verdicts.validation import Validation

NO_POINTS: Final = Objection("it has no points", "give it points, or leave it out")


def objections(
    system: PdeSystem, validation: Validation, blocks: Mapping[str, Block], theta: Tensor
) -> tuple[dict[str, Objection], dict[str, str]]:
    """Why conditions need not hold although their residuals are small, and what is not known.

    Args:
        system: the least-squares problem.
        validation: its held-out points.
        blocks: the rows that each condition is judged by.
        theta: the iterate that a run returns, [P].

    Returns:
        Objections by condition; errors by condition that could not be looked at elsewhere.
    """
    found: dict[str, Objection] = {}
    unchecked: dict[str, str] = {}
    for name, block in blocks.items():
        if not block.n_rows:
            found[name] = NO_POINTS
            continue
        try:
            objection = _objection(system, validation, name, blocks, theta)
        except NonFiniteError as error:
            objection = Objection(f"between its points {error}", "keep it finite everywhere")
        except (RuntimeError, ValueError, TypeError, IndexError, ArithmeticError) as error:
            unchecked[name] = f"{type(error).__name__}: {error}"  # it cannot be asked elsewhere
            continue
        if objection is not None:
            found[name] = objection
    return found, unchecked


def _objection(
    system: PdeSystem,
    validation: Validation,
    name: str,
    blocks: Mapping[str, Block],
    theta: Tensor,
) -> Objection | None:
    """The first one to a condition."""
    block, condition = blocks[name], system.problem.conditions[name]
    if not isinstance(block, PointwiseBlock):
        return None
    if block.pointwise.looks_around:
        return Objection(
            "its residual at one point depends on where other points are",
            "look at the point itself alone, and choose by torch.where rather than by if",
        )
    everywhere = points_of(system, blocks)
    if not is_plain(block):
        return missed_by_nodes(system, name, block, everywhere, theta)
    if name not in validation.held_out:
        return None
    between = jump_or_layer(system, block, everywhere, theta)
    if between is None and extends(condition, system.problem.coordinates):
        return begins_nowhere(system, name, block, theta)
    return between
