"""Blocks under each other whose points are spread over ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anagram_ext.linear.shares import Shares, share
from anagram_ext.systems.spread_rows import SpreadRows
from anagram_ext.systems.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anagram_ext.linear.group import Group
    from anagram_ext.linear.jacobian import Jacobian, Stored
    from anagram_ext.systems.pointwise import PointwiseBlock
    from anagram_ext.systems.protocol import Linearisation


class SpreadStack(Stack):
    """A ``Stack`` that evaluates a share of the points of every condition; see ``SpreadRows``.

    Args:
        blocks: whole ones, as for a ``Stack``; this rank evaluates parts of them.
        group: the ranks.
    """

    def __init__(self, blocks: Mapping[str, PointwiseBlock], group: Group) -> None:
        super().__init__(blocks)
        parts = _parts(blocks, group.size)
        mine = {name: points[group.rank] for name, points in parts.items()}
        self._own = Stack(
            {name: block.part(mine[name]) for name, block in blocks.items() if len(mine[name])}
        )
        shares = Shares(group, [self._rows(parts, rank) for rank in range(group.size)])
        self._all = SpreadRows(self._own, shares)

    def residuals(self, thetas: Tensor) -> Tensor:
        """The residuals [q, S] of parameter vectors [q, P]; they may be non-finite."""
        return self._all.residuals(thetas)

    def losses(self, thetas: Tensor) -> Tensor:
        """The losses [q] of parameter vectors [q, P]; infinite where not finite."""
        return self._all.losses(thetas)

    def gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient J^T r [P], without storing J."""
        return self._all.gradient(theta)

    def linearise(self, theta: Tensor, memory: str) -> Linearisation[Jacobian]:
        """Residual, loss and Jacobian, whose rows stay on their ranks, stored or streamed."""
        return self._all.linearised(lambda: self._own.linearise(theta, memory), theta)

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
