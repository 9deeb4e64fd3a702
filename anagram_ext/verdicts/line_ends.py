"""Conditions at the ends of lines through the points of an equation, and derivatives along them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.pde.paired import Paired
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.verdicts.lines import contains, extent
from anagram_ext.verdicts.validation import extends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from anagram_ext.systems.pde_system import PdeSystem

LINES: Final = 60  # through points of an equation, along each coordinate
TICKS: Final = 129  # on a line, to find where it leaves the region
NEAR: Final = 0.06  # of the extent: so near to an end a point of a condition is met,
SPACINGS: Final = 2.0  # or so many times as far as points of the condition are from each other,
FARTHEST: Final = 0.25  # of the extent, however few of them there are
HELD_OUT: Final = 4  # points of its region for each point of a condition
INSET: Final = 1e-3  # of the extent: so far inside a region is no boundary
SHARE: Final = 0.05  # of all lines that may meet too few conditions: next to corners


@dataclass(frozen=True)
class TooFew:
    """Lines at whose ends there are fewer conditions on a field than derivatives along them.

    Attributes:
        equation: name of the condition whose derivatives they are.
        field: name of the field.
        coordinate: along which the lines run.
        order: of the highest derivative along it.
        place: the end of one of them that meets fewest, in words.
    """

    equation: str
    field: str
    coordinate: str
    order: int
    place: str


def too_few_conditions(system: PdeSystem) -> Iterator[TooFew]:
    """Where fewer conditions are met than the equations have derivatives.

    Args:
        system: the least-squares problem, at its points of now.
    """
    names, fields = system.problem.coordinates, system.problem.fields
    equations, others = sort_conditions(system)
    # In a system an equation with one derivative need not ask for a condition: the pressure's.
    least = 1 if len(fields) == 1 else 2
    axes = range(len(names))
    for block, (j, field) in itertools.product(equations, enumerate(fields)):
        if any(max(_order(other, j, axis) for axis in axes) == 0 for other in equations):
            continue  # its values are given throughout
        for axis in axes:
            order = _order(block, j, axis)
            if order < least:
                continue
            place = _worst_end(system, block, others, field=j, axis=axis, order=order)
            if place:
                yield TooFew(block.pointwise.condition, field, names[axis], order, place)


def sort_conditions(system: PdeSystem) -> tuple[list[PointwiseBlock], list[PointwiseBlock]]:
    """The conditions that hold throughout a region, and those that hold on its boundary.

    Of points that are given as a tensor nobody knows the region: they belong to the boundary if
    most of them lie at that of an equation.
    """
    conditions, names = system.problem.conditions, system.problem.coordinates
    equations: list[PointwiseBlock] = []
    others: list[PointwiseBlock] = []
    doubtful: list[PointwiseBlock] = []
    for name, block in system.blocks.items():
        if not isinstance(block, PointwiseBlock) or not block.n_rows:
            continue
        fills = extends(conditions[name], names)
        known = getattr(conditions[name].points, "region", None) is not None
        (doubtful if fills and not known else equations if fills else others).append(block)
    # The equation has the highest derivatives.
    doubtful.sort(key=lambda block: max(o.order for o in block.pointwise.operators), reverse=True)
    for block in doubtful:
        outside = bool(equations) and _is_boundary(system, equations[0], block)
        (others if outside else equations).append(block)
    return equations, others


def on_boundary(system: PdeSystem) -> list[str]:
    """The names of the conditions on the boundary of equations; none where nothing is an equation.

    Args:
        system: the least-squares problem, at its points of now.
    """
    equations, others = sort_conditions(system)
    return [block.pointwise.condition for block in others] if equations else []


def _is_boundary(system: PdeSystem, equation: PointwiseBlock, block: PointwiseBlock) -> bool:
    """Whether most points of a condition lie at or beyond the boundary of an equation's region."""
    bounds = torch.tensor(bounds_of(system, equation))  # [d, 2]
    points = points_at(block, len(bounds))
    inside = torch.ones(len(points), dtype=torch.bool)
    for axis, sign in itertools.product(range(len(bounds)), (1.0, -1.0)):
        moved = points.clone()
        moved[:, axis] += sign * INSET * (bounds[axis, 1] - bounds[axis, 0])
        inside &= ((moved >= bounds[:, 0]) & (moved <= bounds[:, 1])).all(dim=1)
        inside &= contains(system, equation, moved).cpu()
    return float(inside.double().mean()) < 0.5


def _order(block: PointwiseBlock, field: int, axis: int) -> int:
    """The highest derivative of a field along a coordinate; -1 where it does not occur."""
    of = block.pointwise.signature.model_channel
    operators = (block.pointwise.operators[k] for k, c in block.pointwise.uses if of(c) == field)
    return max((index[axis] for found in operators for index, _ in found.terms), default=-1)


def _worst_end(
    system: PdeSystem,
    block: PointwiseBlock,
    others: list[PointwiseBlock],
    *,
    field: int,
    axis: int,
    order: int,
) -> str:
    """An end that meets fewest conditions, in words; empty where hardly any line meets too few."""
    names = system.problem.coordinates
    sizes = torch.tensor([upper - lower for lower, upper in bounds_of(system, block)])
    ends = _ends(system, block, axis)  # [2, L, d]
    met = torch.zeros(ends.shape[:2])
    held_out = system.held_out(HELD_OUT)
    for other in others:
        if _order(other, field, axis) < 0:
            continue
        points = points_at(other, len(names)) / sizes
        more = held_out[other.pointwise.condition]
        if more is not None:  # it holds in all of its region, and points at random leave gaps
            unseen = more.blocks[other.pointwise.condition]
            assert isinstance(unseen, PointwiseBlock)
            points = torch.cat([points, points_at(unseen, len(names)) / sizes])
        near = _near(ends / sizes, points, _radius(points))  # [2, L]
        if isinstance(system.problem.conditions[other.pointwise.condition], Paired):
            near = near.any(dim=0) * torch.tensor([[1.0], [0.0]])  # one condition for both ends
        elif len(names) == 1:
            near[0] |= ~near.any(dim=0)  # given somewhere inside
        met += other.n_components * near
    too_few = met.sum(dim=0) < order
    if float(too_few.double().mean()) <= SHARE:
        return ""
    line = int(too_few.nonzero()[0])
    at = ends[int(met[1, line] < met[0, line]), line].tolist()
    return ", ".join(f"{name} = {value:.3g}" for name, value in zip(names, at, strict=True))


def bounds_of(system: PdeSystem, block: PointwiseBlock) -> list[tuple[float, float]]:
    """From where to where the region of a condition reaches, along each coordinate."""
    return [extent(system, block, axis) for axis in range(len(system.problem.coordinates))]


def points_at(block: PointwiseBlock, d: int) -> Tensor:
    """Its points [n, d] in d coordinates, those of pairs on either side; none of an integral."""
    points = block.coordinates.points.to("cpu", torch.float64)
    sides = (points.new_empty((0, d)), points[:, :d], points[:, d : 2 * d])
    return torch.cat([side for side in sides if side.shape[1] == d])


def _ends(system: PdeSystem, block: PointwiseBlock, axis: int) -> Tensor:
    """Where lines through some of its points leave the region, downwards and upwards, [2, L, d]."""
    points = points_at(block, len(system.problem.coordinates))
    some = points[torch.linspace(0, len(points) - 1, min(LINES, len(points))).long()]
    found = []
    for limit in extent(system, block, axis):
        ticks = torch.linspace(0.0, 1.0, TICKS, dtype=torch.float64)[:, None]  # [T, 1]
        on_line = some.repeat(TICKS, 1, 1)  # [T, L, d]
        on_line[:, :, axis] += ticks * (limit - some[:, axis])
        inside = contains(system, block, on_line.flatten(0, 1)).view(TICKS, -1).cpu()
        last = inside.long().cumprod(dim=0).sum(dim=0).clamp(min=1) - 1  # [L]
        found.append(on_line[last, torch.arange(len(some))])
    return torch.stack(found)


def _radius(points: Tensor) -> float:
    """How near to points [n, d] of a condition it holds; in units of the extent."""
    if len(points) == 1:
        return NEAR
    apart = torch.cdist(points, points).fill_diagonal_(torch.inf).amin(dim=1).median()
    return max(NEAR, min(SPACINGS * float(apart), FARTHEST))


def _near(ends: Tensor, points: Tensor, radius: float) -> Tensor:
    """Whether ends [2, L, d] meet points [n, d], [2, L]."""
    distances = torch.cdist(ends.flatten(0, 1), points).amin(dim=1)
    return (distances <= radius).view(ends.shape[:2])
