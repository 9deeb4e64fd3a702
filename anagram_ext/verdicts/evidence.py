"""What a finished run can know of its own error, beside its loss."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.errors import NonFiniteError
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.verdicts.criteria import SOLVED_RESIDUAL
from anagram_ext.verdicts.error_estimate import (
    UNKNOWN,
    ErrorEstimate,
    error_estimate,
    points_of,
)
from anagram_ext.verdicts.missing import missing_condition
from anagram_ext.verdicts.objections import objections
from anagram_ext.verdicts.terms import residuals_and_terms
from anagram_ext.verdicts.unseen import Unseen, unseen_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.systems.blocks import Block
    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.verdicts.facts import Objection
    from anagram_ext.verdicts.validation import Validation

# Beyond this a run has failed, and nothing further is worth a factorisation.
HOPELESS: Final = 1e-2
MOST_ENTRIES: Final = 100_000_000  # of a Jacobian on all held-out points


@dataclass(frozen=True)
class Evidence:
    """How far the conditions are from being satisfied, and what that means for the solution.

    Attributes:
        relative: for each condition the root mean square of its residual over that of the terms in
            it, on held-out points where it has some; of several residuals the largest.
        error: what that means for the fields; nan where it was not estimated.
        unseen: what the rows of conditions without held-out points tell.
        objections: what speaks against conditions, where the residuals of all of them are small.
        unchecked: conditions that could not be looked at between their points, and why.
        missing: which boundary lacks a condition, in words; empty where none is known to.
        not_finite: where conditions are not finite, in words.
    """

    relative: Mapping[str, float]
    error: ErrorEstimate
    unseen: Unseen
    objections: Mapping[str, Objection] = field(default_factory=dict)
    unchecked: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    not_finite: Mapping[str, str] = field(default_factory=dict)


def gather(
    system: PdeSystem, validation: Validation, theta: Tensor, first: Tensor | None = None
) -> Evidence:
    """The evidence for parameters [P]; it costs about as much as two steps, less after a failure.

    Args:
        system: the least-squares problem.
        validation: its held-out points.
        theta: the iterate that a run returns.
        first: that it began with; zero by default.
    """
    blocks = {name: _judge_of(system, validation, name) for name in system.problem.conditions}
    relative = relative_residuals(system, blocks, theta)
    measured = validation.measured()  # their residual may be noise
    if not all(v <= HOPELESS for name, v in relative.items() if name not in measured):
        endless = {name: block for name, block in blocks.items() if math.isinf(relative[name])}
        not_finite = places_not_finite(endless, theta)
        return Evidence(relative, UNKNOWN, Unseen.unknown(validation), not_finite=not_finite)
    affordable = _affordable(system, blocks)
    error = error_estimate(system, affordable, theta)
    missing = missing_condition(system, affordable, theta, error.sensitivity)
    beginning = torch.zeros_like(theta) if first is None else first
    unseen = unseen_rows(system, validation, theta, beginning, relative)
    seems_solved = all(v <= SOLVED_RESIDUAL for n, v in relative.items() if n not in measured)
    against, unchecked = objections(system, validation, blocks, theta) if seems_solved else ({}, {})
    return Evidence(relative, error, unseen, against, unchecked, missing)


def blocks_to_judge(system: PdeSystem, validation: Validation) -> Mapping[str, Block]:
    """The rows of each condition that an error is estimated from: held out, or its own."""
    blocks = {name: _judge_of(system, validation, name) for name in system.problem.conditions}
    return _affordable(system, blocks)


def losses_on_unseen(
    system: PdeSystem, validation: Validation, theta: Tensor, first: Tensor
) -> dict[str, float]:
    """The loss of each condition on held-out points, or on rows that are left out.

    Args:
        system: the least-squares problem.
        validation: its held-out points.
        theta: an iterate, [P].
        first: the one that the run began with, [P].
    """
    blocks = {name: _judge_of(system, validation, name) for name in validation.unseen}
    relative = relative_residuals(system, blocks, theta) if blocks else {}
    left_out = unseen_rows(system, validation, theta, first, relative).press
    return validation.held_out_losses(theta) | dict(left_out)


def relative_residuals(
    system: PdeSystem, blocks: Mapping[str, Block], theta: Tensor
) -> dict[str, float]:
    """For each condition the size of its residual relative to the size of its terms.

    The terms of a residual are its derivatives in the jets, times the size that these jets have on
    all points, and what remains without them. Only so has ``u = 0`` on a wall a size: that of u.
    """
    everywhere = points_of(system, blocks)
    return {name: _relative(block, everywhere, theta) for name, block in blocks.items()}


def places_not_finite(blocks: Mapping[str, Block], theta: Tensor) -> dict[str, str]:
    """Where residuals, or their derivatives, are not finite, in words, for conditions with such."""
    found: dict[str, str] = {}
    for name, block in blocks.items():
        if isinstance(block, PointwiseBlock):
            rows = theta.new_empty(block.n_rows)
            try:
                block.prepare(theta, rows)
                block.check_finite(rows)
            except NonFiniteError as error:
                found[name] = str(error)
    return found


def _affordable(system: PdeSystem, blocks: Mapping[str, Block]) -> Mapping[str, Block]:
    """The blocks, or as many held-out points as training points where J would be too large."""
    n_rows = sum(block.n_rows for block in blocks.values())
    if n_rows * system.n_parameters <= MOST_ENTRIES:
        return blocks
    fewer = {
        name: stack.blocks[name] for name, stack in system.held_out().items() if stack is not None
    }
    return dict(blocks) | fewer


def _judge_of(system: PdeSystem, validation: Validation, name: str) -> Block:
    """The rows that a condition is judged by: held out, or its own."""
    stack = validation.held_out.get(name)
    return (system.part((name,)) if stack is None else stack).blocks[name]


def _relative(block: Block, everywhere: Tensor, theta: Tensor) -> float:
    if not isinstance(block, PointwiseBlock) or not block.n_rows:
        return 0.0 if not block.n_rows else math.nan
    try:
        residuals, terms = residuals_and_terms(block, everywhere, theta)  # [C, n]
    except NonFiniteError:
        return math.inf
    if not bool(torch.isfinite(residuals).all()):
        return math.inf
    sizes = terms.square().mean(dim=1).sqrt()
    shares = residuals.square().mean(dim=1).sqrt() / sizes
    # 0/0: a residual without terms is satisfied.
    largest = float(torch.where(sizes > 0, shares, torch.zeros_like(shares)).max())
    return largest if math.isfinite(largest) else math.inf
