"""What a finished run can know of its own error, beside its loss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.errors import NonFiniteError, OutOfMemoryError
from anagram_ext.systems.pointwise import PointwiseBlock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.systems.blocks import Block
    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.training.validation import Validation

# Beyond this a run has failed, and nothing further is worth a factorisation.
HOPELESS: Final = 1e-2
# Directions with a singular value below this share of the largest one hardly change the fields, but
# their steps are long and multiply errors: with 1e-12 estimates are up to 1e6 times too large.
LEAST_SINGULAR: Final = 1e-8
_DIFFERENCE: Final = 1e-4  # step of a difference quotient, relative to the parameters
_LEAST_FIELD: Final = 1e-6  # a field below this share of the largest one counts as that large
_PROBES: Final = 64  # columns of U that are made at once


@dataclass(frozen=True)
class Evidence:
    """How far the conditions are from being satisfied, and what that means for the solution.

    Attributes:
        relative: for each condition the root mean square of its residual over that of the terms in
            it, on held-out points where it has some; of several residuals the largest.
        estimate: an estimate of the relative error of the fields: the change that a Gauss-Newton
            step on points never seen would make. nan where it was not made.
        free: for each condition without held-out points the share of its rows that the tangent
            space can fit whatever their values are (their mean leverage), between 0 and 1.
    """

    relative: Mapping[str, float]
    estimate: float
    free: Mapping[str, float]


def gather(system: PdeSystem, validation: Validation, theta: Tensor) -> Evidence:
    """The evidence for parameters [P]; it costs about as much as two steps, less after a failure.

    Args:
        system: the least-squares problem.
        validation: its held-out points.
        theta: the iterate that a run returns.
    """
    blocks = {name: _judge_of(system, validation, name) for name in system.problem.conditions}
    relative = relative_residuals(system, blocks, theta)
    measured = validation.measured()  # their residual may be noise
    if not all(v <= HOPELESS for name, v in relative.items() if name not in measured):
        return Evidence(relative, math.nan, dict.fromkeys(validation.unseen, math.nan))
    return Evidence(relative, error_estimate(system, theta), free_shares(system, validation, theta))


def relative_residuals(
    system: PdeSystem, blocks: Mapping[str, Block], theta: Tensor
) -> dict[str, float]:
    """For each condition the size of its residual relative to the size of its terms.

    The terms of a residual are its derivatives in the jets, times the size that these jets have on
    all points, and what remains without them. Only so has ``u = 0`` on a wall a size: that of u.
    """
    everywhere = torch.cat(
        [b.coordinates.points for b in blocks.values() if isinstance(b, PointwiseBlock)]
    )
    return {name: _relative(system, block, everywhere, theta) for name, block in blocks.items()}


def error_estimate(system: PdeSystem, theta: Tensor) -> float:
    """The relative change of the fields by a Gauss-Newton step on points that were never seen.

    The residual on fresh points is what training could not see; the step says how far the fields
    are moved by making up for it. A residual says nothing of that itself: in a chaotic system a
    small one spoils everything, and dividing an equation by 1000 changes no solution. Conditions
    without held-out points take part with their own. The largest change of any field counts.
    """
    try:
        step, points = _fresh_step(system, theta)
    except (NonFiniteError, MemoryError, OutOfMemoryError):
        return math.nan
    length = float(torch.linalg.vector_norm(step))
    if not length > 0:
        return 0.0
    share = _DIFFERENCE * min(1.0, float(torch.linalg.vector_norm(theta)) / length)
    model = system.model
    change = (model(theta + share * step, points) - model(theta - share * step, points)) / (
        2 * share
    )  # [n, fields]
    sizes = model(theta, points).square().mean(dim=0).sqrt()
    largest = float(sizes.max())
    if not largest > 0:
        return math.nan
    relative = change.square().mean(dim=0).sqrt() / sizes.clamp(min=_LEAST_FIELD * largest)
    return float(relative.max())


def free_shares(system: PdeSystem, validation: Validation, theta: Tensor) -> dict[str, float]:
    """The mean leverage of the rows of each condition that has no held-out points.

    It is the trace of ``U U^T`` over its rows: near one, the network fits any values there.
    """
    if not validation.unseen:
        return {}
    try:
        factorisation = system.linearise(theta).jacobian.factorise(
            smallest_cutoff=_least_singular(theta)
        )
    except (NonFiniteError, MemoryError, OutOfMemoryError):
        return dict.fromkeys(validation.unseen, math.nan)
    k = factorisation.rank(_least_singular(theta))
    leverage = theta.new_zeros(system.n_rows)
    for start in range(0, k, _PROBES):
        width = min(_PROBES, k - start)
        columns = theta.new_zeros((width, len(factorisation.singular_values)))
        columns[:, start : start + width] = torch.eye(width).to(columns)
        leverage += factorisation.push(columns).square().sum(dim=0)
    return {
        name: float(leverage[system.row_slices[name]].mean())
        for name in validation.unseen
        if system.row_slices[name].stop > system.row_slices[name].start
    }


def _judge_of(system: PdeSystem, validation: Validation, name: str) -> Block:
    """The rows that a condition is judged by: held out, or its own."""
    stack = validation.held_out.get(name)
    return (system.part((name,)) if stack is None else stack).blocks[name]


def _relative(system: PdeSystem, block: Block, everywhere: Tensor, theta: Tensor) -> float:
    if not isinstance(block, PointwiseBlock) or not block.n_rows:
        return 0.0 if not block.n_rows else math.nan
    rows = theta.new_empty(block.n_rows)
    try:
        seeds = block.prepare(theta, rows)  # [C, K, m, n]
    except NonFiniteError:
        return math.inf
    pointwise = block.pointwise
    jet_map = system.model.jets(pointwise.operators, pointwise.uses)
    jets = jet_map.jets(theta, block.coordinates.points)  # [K, m, n]
    typical = jet_map.jets(theta, everywhere).square().mean(dim=-1, keepdim=True).sqrt()
    residuals = rows.view(block.n_components, -1)  # [C, n]
    rest = residuals - (seeds * jets).sum(dim=(1, 2))
    terms = (seeds.abs() * typical).sum(dim=(1, 2)) + rest.abs()
    sizes = terms.square().mean(dim=1).sqrt()
    shares = residuals.square().mean(dim=1).sqrt() / sizes
    # 0/0: a residual without terms is satisfied.
    largest = float(torch.where(sizes > 0, shares, torch.zeros_like(shares)).max())
    return largest if math.isfinite(largest) else math.inf


def _fresh_step(system: PdeSystem, theta: Tensor) -> tuple[Tensor, Tensor]:
    """The Gauss-Newton step [P] on fresh points, and the points [n, d]."""
    blocks = {}
    for name, stack in system.held_out().items():
        own = system.part((name,)) if stack is None else stack
        blocks[name] = own.blocks[name]
    here = system.linearise_part(blocks, theta)
    cutoff = _least_singular(theta)
    factorisation = here.jacobian.factorise(smallest_cutoff=cutoff)
    points = [b.coordinates.points for b in blocks.values() if isinstance(b, PointwiseBlock)]
    return factorisation.direction(here.residual, cutoff), torch.cat(points)


def _least_singular(theta: Tensor) -> float:
    return max(LEAST_SINGULAR, 10 * torch.finfo(theta.dtype).eps)
