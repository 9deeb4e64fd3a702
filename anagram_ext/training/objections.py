"""What speaks against a solution whose residual is small wherever anybody looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anagram_ext.errors import NonFiniteError
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.training.between import jump_or_layer
from anagram_ext.training.error_estimate import is_plain
from anagram_ext.training.facts import Objection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.systems.blocks import Block
    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.training.validation import Validation


def objections(
    system: PdeSystem, validation: Validation, blocks: Mapping[str, Block], theta: Tensor
) -> dict[str, Objection]:
    """By condition: why it need not hold although its residual is small.

    Args:
        system: the least-squares problem.
        validation: its held-out points.
        blocks: the rows that each condition is judged by.
        theta: the iterate that a run returns, [P].
    """
    found: dict[str, Objection] = {}
    for name, block in blocks.items():
        try:
            objection = _objection(system, validation, name, block, theta)
        except NonFiniteError as error:
            objection = Objection(f"between its points {error}", "keep it finite everywhere")
        except (RuntimeError, ValueError, TypeError, IndexError):
            continue  # a residual that cannot be asked elsewhere; nothing is known
        if objection is not None:
            found[name] = objection
    return found


def _objection(
    system: PdeSystem, validation: Validation, name: str, block: Block, theta: Tensor
) -> Objection | None:
    if not isinstance(block, PointwiseBlock) or not block.n_rows:
        return None
    if block.pointwise.looks_around:
        return Objection(
            "its residual at one point depends on where other points are",
            "look at the point itself alone, and choose by torch.where rather than by if",
        )
    if name in validation.held_out and is_plain(block):
        return jump_or_layer(system, block, theta)
    return None
