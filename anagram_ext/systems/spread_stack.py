"""Blocks under each other whose points are spread over ranks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anagram_ext.linear.shares import Shares, share
from anagram_ext.linear.spread import Spread
from anagram_ext.systems.protocol import Linearisation
from anagram_ext.systems.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anagram_ext.linear.group import Group
    from anagram_ext.linear.jacobian import Jacobian, Stored
    from anagram_ext.systems.pointwise import PointwiseBlock


class SpreadStack(Stack):
    """A ``Stack`` that evaluates a share of the points of every condition; calls are collective.

    What it returns is whole, and the same on all ranks. For q residuals a rank sends q S / ranks
    numbers, for q losses q, for a gradient P.

    Args:
        blocks: whole ones, as for a ``Stack``; this rank evaluates parts of them.
        group: the ranks.
    """

    def __init__(self, blocks: Mapping[str, PointwiseBlock], group: Group) -> None:
        super().__init__(blocks)
        self._group = group
        parts = _parts(blocks, group.size)
        mine = {name: points[group.rank] for name, points in parts.items()}
        self._own = Stack(
            {name: block.part(mine[name]) for name, block in blocks.items() if len(mine[name])}
        )
        self._shares = Shares(group, [self._rows(parts, rank) for rank in range(group.size)])

    def residuals(self, thetas: Tensor) -> Tensor:
        """The residuals [q, S] of parameter vectors [q, P]; they may be non-finite."""
        return self._shares.whole(self._own.residuals(thetas))

    def losses(self, thetas: Tensor) -> Tensor:
        """The losses [q] of parameter vectors [q, P]; infinite where not finite."""
        losses = self._group.sum(self._own.losses(thetas))
        return torch.nan_to_num(losses, nan=math.inf, posinf=math.inf)

    def gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient J^T r [P], without storing J."""
        loss, gradient = self._group.together(lambda: self._own.gradient(theta))
        total = self._group.sum(torch.cat([gradient.new_tensor([loss]), gradient]))
        return float(total[0]), total[1:]

    def linearise(self, theta: Tensor, memory: str) -> Linearisation[Jacobian]:
        """Residual, loss and Jacobian, whose rows stay on their ranks, stored or streamed."""
        own = self._group.together(lambda: self._own.linearise(theta, memory))
        residual = self._shares.whole(own.residual)
        loss = 0.5 * float(residual @ residual)
        return Linearisation(residual, loss, Spread(own.jacobian, self._shares, theta))

    def stored(self, theta: Tensor) -> Linearisation[Stored]:
        """Not there: no rank holds all rows.

        Raises:
            TypeError: always.
        """
        del theta
        raise TypeError("J must be whole to be one tensor, got one spread over ranks")

    def _rows(self, parts: Mapping[str, list[range]], rank: int) -> Tensor:
        """The places in r of the rows of a rank, in the order in which it keeps them."""
        found = [torch.empty(0, dtype=torch.int64)]
        for name, points in parts.items():
            rows, own = self.row_slices[name], points[rank]
            by_component = torch.arange(rows.start, rows.stop)
            by_component = by_component.view(self.blocks[name].n_components, -1)  # [C, n]
            found.append(by_component[:, own.start : own.stop].reshape(-1))  # [C * n_k]
        return torch.cat(found)


def _parts(blocks: Mapping[str, PointwiseBlock], size: int) -> dict[str, list[range]]:
    """The points of each condition that each rank evaluates.

    Where a residual can be called with all of its points only, one rank evaluates them.
    """
    parts = {}
    for index, (name, block) in enumerate(blocks.items()):
        n = len(block.coordinates.points)
        if block.divisible:
            parts[name] = [share(n, rank, size) for rank in range(size)]
        else:
            parts[name] = [range(n) if rank == index % size else range(0) for rank in range(size)]
    return parts
