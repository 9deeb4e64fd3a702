"""Intervals on lines through the points of a condition, along one coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch

from anagram_ext.pde.coordinates import Coordinates

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.systems.pointwise import PointwiseBlock

LINES: Final = 12  # through points of the condition, along each coordinate
SAMPLES: Final = 65  # on a line
INSET: Final = 1e-6  # of the line at either end: at the very end coefficients may be those beyond
FLAT: Final = 1e-9  # distance from a plane, relative to its points, that is rounding


@dataclass(frozen=True)
class Lines:
    """Intervals on lines along one coordinate.

    Attributes:
        axis: the coordinate.
        starts: their lower ends, [k, d].
        ends: their upper ends, [k, d]; kept as they are, for a jump may lie in the last digit.
    """

    axis: int
    starts: Tensor
    ends: Tensor

    @property
    def middles(self) -> Tensor:
        """The points halfway, [k, d]."""
        return self.starts + (self.ends - self.starts) / 2

    @property
    def lengths(self) -> Tensor:
        """From end to end, [k]."""
        return self.ends[:, self.axis] - self.starts[:, self.axis]

    def taken(self, which: Tensor) -> Lines:
        """Some of them."""
        return Lines(self.axis, self.starts[which], self.ends[which])

    def halved(self, second: Tensor) -> Lines:
        """One half of each: the second one where that is said."""
        middles, second = self.middles, second[:, None]
        starts = torch.where(second, middles, self.starts)
        return Lines(self.axis, starts, torch.where(second, self.ends, middles))


def lines_through(system: PdeSystem, block: PointwiseBlock, axis: int) -> Lines | None:
    """Short intervals on lines through points of the condition, as far as its region reaches.

    None where no line along the coordinate lies in the region.
    """
    points = block.coordinates.points
    lower, upper = extent(system, block, axis)
    if not upper > lower:
        return None
    n_lines = min(LINES, len(points)) if points.shape[1] > 1 else 1
    some = points[torch.linspace(0, len(points) - 1, n_lines).long()]
    unit = torch.linspace(0.0, 1.0, SAMPLES, dtype=points.dtype, device=points.device)
    ticks = lower + (upper - lower) * (INSET + (1 - 2 * INSET) * unit)
    starts = some[:, None].repeat(1, SAMPLES - 1, 1)  # [L, N, d]
    starts[:, :, axis] = ticks[:-1]
    ends = starts.clone()
    ends[:, :, axis] = ticks[1:]
    lines = Lines(axis, starts.flatten(0, 1), ends.flatten(0, 1))
    inside = [contains(system, block, at) for at in (lines.starts, lines.middles, lines.ends)]
    lines = lines.taken(torch.stack(inside).all(dim=0))
    return lines if len(lines.starts) else None


def _region(system: PdeSystem, block: PointwiseBlock) -> Any:
    condition = system.problem.conditions[block.pointwise.condition]
    return getattr(condition.points, "region", None)


def extent(system: PdeSystem, block: PointwiseBlock, axis: int) -> tuple[float, float]:
    """From where to where the region of a condition reaches along a coordinate."""
    region = _region(system, block)
    if region is not None:
        lower, upper = region.bounds[axis]
        return lower, upper
    column = block.coordinates.points[:, axis]
    return float(column.min()), float(column.max())


def contains(system: PdeSystem, block: PointwiseBlock, points: Tensor) -> Tensor:
    """Whether points [k, d] lie in the region of the condition, or in the box that they fill."""
    region = _region(system, block)
    if region is None:
        return torch.ones(len(points), dtype=torch.bool, device=points.device)
    inside: Tensor = region.contains(points.to("cpu", torch.float64))
    return inside.to(points.device)


def between(system: PdeSystem, block: PointwiseBlock, points: Tensor) -> Coordinates:
    """Points [k, d] between those of a condition, with the normals of the nearest ones of these.

    Lines that stay on a boundary lie on its flat parts: near a corner the next point that lies on
    the same plane counts.
    """
    names = system.problem.coordinates
    normals = block.coordinates.normals
    if normals is None or not len(normals):
        return Coordinates(names, points)
    own = block.coordinates.points  # [n, d]
    off = (points @ normals.T - (own * normals).sum(dim=1)).abs()  # [k, n]
    far = torch.cdist(points, own)
    beside = off > FLAT * own.abs().amax()
    nearest = torch.where(beside, 2 * far.amax() + off, far).argmin(dim=1)
    return Coordinates(names, points, normals[nearest])
