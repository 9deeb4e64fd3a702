"""The rows of a Jacobian too large to be stored, a few points of one condition at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.systems.blocks import Block


class RowTiles:
    """A ``RowSource``: the rows of a tile are those of consecutive points of one condition.

    Within a tile they come component after component: one forward sweep serves all components of
    its points. Where a condition with several components is split, that is another order than r's.

    Attributes:
        sizes: number of rows of each tile.
        order: place in r [S] of each row, tile after tile; None where they are in that order.
        n_parameters: P.
        like: the parameters [P].
    """

    def __init__(
        self,
        theta: Tensor,
        blocks: Mapping[str, Block],
        row_slices: Mapping[str, slice],
        seeds: Mapping[str, Tensor],
        most_rows: int,
    ) -> None:
        self.like = theta
        self.n_parameters = len(theta)
        self._blocks, self._row_slices, self._seeds = blocks, row_slices, seeds
        self._parts: list[tuple[str, slice]] = []
        self.sizes: list[int] = []
        places = []
        for name, block in blocks.items():
            rows = torch.arange(row_slices[name].start, row_slices[name].stop)
            by_component = rows.view(block.n_components, -1)  # [C, n]
            for part in _parts(by_component.shape[1], most_rows // block.n_components):
                self._parts.append((name, part))
                places.append(by_component[:, part].reshape(-1))
                self.sizes.append(len(places[-1]))
        order = torch.cat(places)
        in_order = torch.equal(order, torch.arange(len(order)))
        self.order = None if in_order else order.to(theta.device)

    def __call__(self, index: int) -> Tensor:
        """The rows of one tile."""
        name, part = self._parts[index]
        return self._blocks[name].some_rows(self.like, self._seeds[name], part)

    def matvec(self, v: Tensor) -> Tensor:
        """``J v`` [S], in the order of r."""
        rows = self.like.new_empty(sum(self.sizes))
        for name, block in self._blocks.items():
            block.matvec(self.like, self._seeds[name], v, rows[self._row_slices[name]])
        return rows

    def rmatvec(self, w: Tensor) -> Tensor:
        """``J^T w`` [P], w [S] in the order of r."""
        product = torch.zeros_like(self.like)
        for name, block in self._blocks.items():
            block.rmatvec(self.like, self._seeds[name], w[self._row_slices[name]], product)
        return product


def _parts(n: int, most: int) -> list[slice]:
    """Consecutive slices of at most ``most`` (but at least one) of n points."""
    length = max(1, most)
    return [slice(start, min(start + length, n)) for start in range(0, n, length)]
