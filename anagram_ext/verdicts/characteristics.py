"""Whether transport begins somewhere: each characteristic has to pass a point that says what u is.

An equation ``a(x, u) . grad u = f`` of first order carries values along its characteristics, the
curves with the tangent a. Where one enters through a boundary without a condition nothing says what
it carries; a smooth network continues what it is given elsewhere, and satisfies all conditions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.pde.integral import Integral, IntegroDifferential
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.verdicts.facts import Objection
from anagram_ext.verdicts.lines import between, contains, extent

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.pde_system import PdeSystem

CURVES: Final = 200  # characteristics, through points of the condition
STEP: Final = 1 / 50  # of the extent of the region
STEPS: Final = 150  # in either direction: three times through
NEAR: Final = 0.06  # of the extent: so near to a curve a condition determines what it carries
SHARE: Final = 0.05  # of all curves that may begin nowhere: next to corners


def begins_nowhere(
    system: PdeSystem, name: str, block: PointwiseBlock, theta: Tensor
) -> Objection | None:
    """Which characteristics pass no point of another condition.

    Nothing is said where the equation is no transport of a single field, where an integral or a map
    of the model may say what u is, or of curves that do not leave the region.

    Args:
        system: the least-squares problem.
        name: of the condition.
        block: its rows, at points that fill its region.
        theta: the iterate, [P].
    """
    if not _is_transport(system, block):
        return None
    points = block.coordinates.points
    bounds = [extent(system, block, axis) for axis in range(points.shape[1])]
    sizes = points.new_tensor([upper - lower for lower, upper in bounds])  # [d]
    others = _other_points(system, name).to(points) / sizes  # [m, d]
    start = points[torch.linspace(0, len(points) - 1, min(CURVES, len(points))).long()]
    known, left = _near(start / sizes, others), torch.ones(len(start), dtype=torch.bool)
    for direction in (1.0, -1.0):
        seen, gone = _followed(system, block, theta, start, sizes=direction * sizes, others=others)
        known, left = known | seen, left & gone
    lost = left & ~known
    if float(lost.double().mean()) <= SHARE:
        return None
    share = float(lost.double().mean())
    place = ", ".join(
        f"{n} = {float(v):.3g}"
        for n, v in zip(block.coordinates.names, start[lost][0], strict=True)
    )
    return Objection(
        f"{share:.0%} of its characteristics, such as that through {place}, pass no point of "
        "another condition, and nothing says what they carry",
        "give the values where they enter",
    )


def _is_transport(system: PdeSystem, block: PointwiseBlock) -> bool:
    """Whether an equation of first order for one field is all there is."""
    found, problem = block.pointwise, system.problem
    described = system.model.describe()
    free = not described.get("outputs") and described.get("inputs") is None
    whole = any(isinstance(c, (Integral, IntegroDifferential)) for c in problem.conditions.values())
    plain = found.n_components == 1 and len(problem.fields) == 1 and not found.differentiates
    orders = {operator.order for operator in found.operators}
    return plain and free and not whole and max(orders) == 1 and len(problem.coordinates) > 1


def _other_points(system: PdeSystem, name: str) -> Tensor:
    """The points [m, d] of all other conditions, those of pairs on either side."""
    d = len(system.problem.coordinates)
    found = [
        part
        for other, block in system.blocks.items()
        if other != name and isinstance(block, PointwiseBlock)
        for part in (block.coordinates.points[:, :d], block.coordinates.points[:, d : 2 * d])
        if part.shape[1] == d
    ]
    return torch.cat(found) if found else torch.empty((0, d))


def _followed(
    system: PdeSystem,
    block: PointwiseBlock,
    theta: Tensor,
    start: Tensor,
    *,
    sizes: Tensor,
    others: Tensor,
) -> tuple[Tensor, Tensor]:
    """Whether each curve passes one of the others [m, d], and whether it leaves, each [k]."""
    at, scale = start.clone(), sizes.abs()
    seen = torch.zeros(len(at), dtype=torch.bool)
    gone = torch.zeros(len(at), dtype=torch.bool)
    for _ in range(STEPS):
        middle = at + 0.5 * STEP * sizes * _tangents(system, block, theta, at, scale)
        further = at + STEP * sizes * _tangents(system, block, theta, middle, scale)
        at = torch.where(gone[:, None].to(at.device), at, further)
        seen |= _near(at / scale, others)
        gone |= ~contains(system, block, at).cpu()
        if bool(gone.all()):
            break
    return seen, gone


def _tangents(
    system: PdeSystem, block: PointwiseBlock, theta: Tensor, at: Tensor, scale: Tensor
) -> Tensor:
    """Unit tangents [k, d] of the characteristics, in units of the extent, or zero."""
    there = system.block_at(block.pointwise.condition, between(system, block, at.contiguous()))
    seeds = there.prepare(theta, theta.new_empty(there.n_rows))[0, :, 0]  # [K, k]
    tangents = torch.zeros_like(at)
    for k, operator in enumerate(block.pointwise.operators):
        for index, coefficient in operator.terms:
            if sum(index) == 1:
                tangents[:, index.index(1)] += coefficient * seeds[k]
    tangents = tangents / scale
    lengths = torch.linalg.vector_norm(tangents, dim=1, keepdim=True)
    return torch.where(lengths > 0, tangents / lengths, 0.0)


def _near(at: Tensor, others: Tensor) -> Tensor:
    """Whether each of the points [k, d] is next to one of the others, [k]; units of the extent."""
    if not len(others):
        return torch.zeros(len(at), dtype=torch.bool)
    return (torch.cdist(at, others).amin(dim=1) <= NEAR).cpu()
