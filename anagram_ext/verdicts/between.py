"""What lies between points: jumps of what is differentiated, and layers that no point fell into.

Along lines through the points of a condition a function must change by the integral of its
derivative. Where it does not, half the interval is looked at, and half of that, until the layer is
resolved. A change that no derivative makes up for on the shortest interval is a jump: its
derivative there is infinite, and no point sees it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.errors import NonFiniteError
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.verdicts.continuous import continuous_functions, values_of_fields
from anagram_ext.verdicts.facts import Objection
from anagram_ext.verdicts.lines import Lines, between, contains, extent, lines_through
from anagram_ext.verdicts.terms import residuals_and_terms

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.verdicts.continuous import Function

WORST: Final = 3  # intervals of a function that are looked into
# Halvings of an interval, to 2^-24 or 2^-9 of it, above the rounding of a coordinate; change in the
# shortest one, of the function's size, that is a jump.
HALVINGS: Final = {torch.float64: 24, torch.float32: 9}
JUMP: Final = {torch.float64: 1e-4, torch.float32: 3e-2}
# Of a residual, integrated along a line, in comparison with its terms. Thirty times as much as a
# solution may leave on all points together.
MISSED: Final = 1e-3
KNOWN: Final = 1e-6  # of the line: a jump so near to points of another condition is intended


def jump_or_layer(
    system: PdeSystem, block: PointwiseBlock, everywhere: Tensor, theta: Tensor
) -> Objection | None:
    """What is wrong between the points of a condition.

    Args:
        system: the least-squares problem.
        block: the rows of the condition, of one point each, at points that fill its region.
        everywhere: all points whose fields count, [n, d].
        theta: the iterate, [P].

    Raises:
        NonFiniteError: the residual is not finite on such a line.
    """
    for axis, name in enumerate(system.problem.coordinates):
        lines = lines_through(system, block, axis)
        if lines is None:
            continue
        found = continuous_functions(system.model, block, theta, axis)
        if found is not None:
            least = _least(system, block, everywhere, theta, axis)
            narrow, jumps, _ = _looked_into(system, block, lines, found[1], least)
            where = _jump(system, block, narrow, jumps)
            if where is not None:
                return Objection(
                    f"{found[0]} jumps at {name} = {where:.6g}, where its derivative is infinite",
                    "state it on either side and join these by an interface",
                )
        fields = values_of_fields(system.model, theta, axis)
        _, _, looked_at = _looked_into(system, block, lines, fields)
        place = _missed(system, block, everywhere, theta, axis=axis, points=looked_at)
        if place is not None:
            return Objection(
                f"its residual is large in a layer between its points, at {name} = {place:.6g}",
                "use points there",
            )
    return None


def _least(
    system: PdeSystem, block: PointwiseBlock, everywhere: Tensor, theta: Tensor, axis: int
) -> float:
    """The size below which what a residual differentiates is but rounding errors of its terms.

    A flux that vanishes everywhere, such as that of a front at rest, has no size of its own.
    """
    terms = residuals_and_terms(block, everywhere, theta)[1].square().mean(dim=1).sqrt()  # [C]
    units = terms.new_tensor(block.pointwise.units or (1.0,)) * block.scale
    lower, upper = extent(system, block, axis)
    precision = math.sqrt(torch.finfo(theta.dtype).eps)
    return precision * (upper - lower) * float((terms / units).max()) if block.scale > 0 else 0.0


def _looked_into(
    system: PdeSystem,
    block: PointwiseBlock,
    lines: Lines,
    function: Function,
    least: float = 0.0,
) -> tuple[Lines, Tensor, Tensor]:
    """The intervals in which functions change most beyond their derivatives, halved and halved.

    Returns:
        The shortest intervals; by how much a function jumps there, relative to its size, zero where
        it does not, [k]; the points that were looked at on the way, [n, d].
    """

    def at(points: Tensor) -> tuple[Tensor, Tensor]:
        return function(between(system, block, points))

    (below, s_below), (above, s_above) = at(lines.starts), at(lines.ends)
    sizes = below.abs().amax(dim=1, keepdim=True).clamp(min=least)  # [F, 1]
    beyond = (above - below - lines.lengths / 2 * (s_below + s_above)).abs()  # [F, k]
    beyond = torch.where(beyond > 1e-2 * JUMP[below.dtype] * sizes, beyond, 0.0)
    if not bool(beyond.any()):
        return lines.taken(torch.arange(0)), lines.lengths[:0], lines.middles
    top = beyond.topk(min(WORST, beyond.shape[1]), dim=1)
    which = top.indices.flatten()
    rows = torch.arange(len(beyond), device=which.device).repeat_interleave(top.indices.shape[1])
    kept = top.values.flatten() > 0
    looked_at = [lines.middles]
    rows, lines = rows[kept], lines.taken(which[kept])
    each = torch.arange(len(rows), device=rows.device)

    def own(points: Tensor) -> tuple[Tensor, Tensor]:
        values, slopes = at(points)
        return values[rows, each], slopes[rows, each]

    for _ in range(HALVINGS[below.dtype]):
        (a, sa), (m, sm), (b, sb) = (own(at) for at in (lines.starts, lines.middles, lines.ends))
        looked_at.append(lines.middles)
        quarter = lines.lengths / 4
        first = (m - a - quarter * (sa + sm)).abs()
        lines = lines.halved((b - m - quarter * (sm + sb)).abs() > first)
    (a, sa), (b, sb) = own(lines.starts), own(lines.ends)
    change = (b - a).abs()
    unexplained = (b - a - lines.lengths / 2 * (sa + sb)).abs()
    jumps = torch.where(unexplained > 0.5 * change, change, 0.0)
    jumps = jumps / sizes[rows, 0].clamp(min=torch.finfo(a.dtype).tiny)
    return lines, jumps, torch.cat(looked_at)


def _jump(system: PdeSystem, block: PointwiseBlock, lines: Lines, jumps: Tensor) -> float | None:
    """Where the largest jump is that no other condition looks at."""
    axis = lines.axis
    lower, upper = extent(system, block, axis)
    d = len(system.problem.coordinates)
    for k in jumps.argsort(descending=True).tolist():
        if not jumps[k] > JUMP[jumps.dtype]:
            return None
        place = float(lines.middles[k, axis])
        seen = [
            (columns - place).abs().min()
            for name, other in system.blocks.items()
            if name != block.pointwise.condition and isinstance(other, PointwiseBlock)
            for columns in other.coordinates.points[:, axis::d].unbind(dim=1)[:2]
            if len(columns)
        ]
        if not any(float(distance) <= KNOWN * (upper - lower) for distance in seen):
            return place
    return None


def _missed(
    system: PdeSystem,
    block: PointwiseBlock,
    everywhere: Tensor,
    theta: Tensor,
    *,
    axis: int,
    points: Tensor,
) -> float | None:
    """Where a residual is large along a line, as finely as its fields change; None if nowhere."""
    lower, upper = extent(system, block, axis)
    points = points[contains(system, block, points)]
    sizes = residuals_and_terms(block, everywhere, theta)[1].square().mean(dim=1).sqrt()  # [C]
    found = system.block_at(block.pointwise.condition, between(system, block, points))
    residuals = residuals_and_terms(found, everywhere, theta)[0].abs()  # [C, n]
    if not bool(torch.isfinite(residuals).all()):
        raise NonFiniteError("a residual between points is not finite")
    if not found.scale > 0:  # a weight so small that no row of it counts
        return None
    shares = residuals / sizes[:, None] * (block.scale / found.scale)
    shares = torch.where(sizes[:, None] > 0, shares, 0.0).amax(dim=0)
    for on in _by_line(points, axis):
        along, order = points[on, axis].sort()
        total = torch.trapezoid(shares[on][order], along) / (upper - lower)
        if float(total) > MISSED:
            return float(along[shares[on][order].argmax()])
    return None


def _by_line(points: Tensor, axis: int) -> list[Tensor]:
    """Which of the points [n, d] lie on each line along a coordinate."""
    others = [i for i in range(points.shape[1]) if i != axis]
    groups: dict[tuple[float, ...], list[int]] = {}
    for row, place in enumerate(points[:, others].tolist()):
        groups.setdefault(tuple(place), []).append(row)
    return [torch.tensor(rows, device=points.device) for rows in groups.values()]
