"""The rows of a Jacobian too large to be stored, a few points of one condition at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.pointwise import Block


class RowTiles:
    """Tiles of rows: ``tiles(i)`` is a tensor [sizes[i], P], generated anew at every call.

    The rows of a tile are those of consecutive points of one condition, component after component.
    They hold until the blocks are evaluated at other parameters.

    Attributes:
        sizes: number of rows of each tile.
        residual: the residual [S] in the order of the tiles' rows.
    """

    def __init__(
        self,
        theta: Tensor,
        blocks: Sequence[Block],
        residuals: Sequence[Tensor],
        most_rows: int,
    ) -> None:
        self._theta = theta
        self._parts: list[tuple[Block, slice]] = []
        self.sizes: list[int] = []
        pieces = []
        for block, residual in zip(blocks, residuals, strict=True):
            by_component = residual.view(block.pointwise.n_components, -1)  # [C, n]
            for part in _parts(by_component.shape[1], most_rows // len(by_component)):
                self._parts.append((block, part))
                pieces.append(by_component[:, part].reshape(-1))
                self.sizes.append(len(pieces[-1]))
        self.residual = torch.cat(pieces)

    def __call__(self, index: int) -> Tensor:
        """The rows of one tile."""
        block, part = self._parts[index]
        return block.some_rows(self._theta, part)


def _parts(n: int, most: int) -> list[slice]:
    """Consecutive slices of at most `most` (but at least one) of n points."""
    length = max(1, most)
    return [slice(start, min(start + length, n)) for start in range(0, n, length)]
