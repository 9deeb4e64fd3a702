"""Sums over the rows of a tall matrix: squares and products of its columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor

_BLOCKS: Final = 4  # column blocks: ten of sixteen products are needed
_LEAST_BLOCK: Final = 32  # narrower ones are calls rather than arithmetic
_MOST_BLOCK: Final = 512  # wide enough for the rate of products
_SLAB_BYTES: Final = {"cpu": 1 << 19, "cuda": 1 << 26}  # squares that stay in the cache


def column_squares(matrix: Tensor) -> Tensor:
    """The squared lengths [P] of the columns of [n, P], in slabs of rows: no large temporary."""
    rows = max(_SLAB_BYTES[matrix.device.type] // max(matrix[:1].nbytes, 1), 1)
    total = matrix.new_zeros(matrix.shape[1])
    for start in range(0, len(matrix), rows):
        total += matrix[start : start + rows].square().sum(dim=0)
    return total


def add_gram(total: Tensor, matrix: Tensor) -> None:
    """Adds ``M^T M`` to [P, P], in the blocks on and above the diagonal only; see ``mirrored``."""
    width = _width(len(total))
    for start in range(0, len(total), width):
        block = matrix[:, start : start + width]
        total[start : start + width, start:].addmm_(block.T, matrix[:, start:])


def mirrored(total: Tensor) -> Tensor:
    """The symmetric matrix [P, P] with this upper triangle, in its place."""
    width = _width(len(total))
    for start in range(0, len(total), width):
        stop = start + width
        corner = total[start:stop, start:stop]
        corner.copy_(torch.triu(corner) + torch.triu(corner, 1).T)
        total[stop:, start:stop] = total[start:stop, stop:].T
    return total


def _width(n: int) -> int:
    """Columns of a block; the last one may have fewer."""
    return min(max(-(-n // _BLOCKS), _LEAST_BLOCK), _MOST_BLOCK)
