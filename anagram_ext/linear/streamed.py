"""A Jacobian too large to be stored: its rows are generated in tiles whenever they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import torch

from anagram_ext.linear.columns import add_gram, column_squares, mirrored
from anagram_ext.linear.solve import LEFT_OUT, factorise_tiles

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.cutoff import Cutoff
    from anagram_ext.linear.factorisation import Factorisation

# A tile has to keep the whole processor busy. An estimate for a GPU, not measured: rows enough for
# several blocks a multiprocessor where P = 1e5, and for products smaller than the tile itself.
TILE_BYTES: Final = {"cpu": 1 << 26, "cuda": 1 << 30}


class RowSource(Protocol):
    """Where the rows come from: ``source(i)`` is a tensor [sizes[i], P], equal at every call.

    Attributes:
        sizes: number of rows of each tile.
        order: place in r [S] of each row, tile after tile; None where they are in that order.
        n_parameters: P.
        like: a tensor of the rows' dtype on their device.
    """

    sizes: list[int]
    order: Tensor | None
    n_parameters: int
    like: Tensor

    def __call__(self, index: int) -> Tensor:
        """The rows of one tile."""

    def matvec(self, v: Tensor) -> Tensor:
        """``J v`` [S] in the order of r, v [P]."""

    def rmatvec(self, w: Tensor) -> Tensor:
        """``J^T w`` [P], w [S] in the order of r."""


class Streamed:
    """``J D^-1`` of a row source, D = diag(scale); O((S + P) k) memory and one tile to factorise.

    Args:
        rows: where the rows come from.
        scale: unit of each parameter [P]; None means one.
    """

    has_all_rows = True

    def __init__(self, rows: RowSource, scale: Tensor | None = None) -> None:
        self._rows = rows
        self._scale = scale

    @property
    def shape(self) -> tuple[int, int]:
        """(S, P)."""
        return sum(self._rows.sizes), self._rows.n_parameters

    def matvec(self, v: Tensor) -> Tensor:
        """``J v`` [S]."""
        return self._rows.matvec(v if self._scale is None else v / self._scale)

    def rmatvec(self, w: Tensor) -> Tensor:
        """``J^T w`` [P]."""
        product = self._rows.rmatvec(w)
        return product if self._scale is None else product.div_(self._scale)

    def column_norms(self) -> Tensor:
        """The length of each column, [P]."""
        squares = self._rows.like.new_zeros(self._rows.n_parameters)
        for index in range(len(self._rows.sizes)):
            squares += column_squares(self._tile(index))
        return squares.sqrt_()

    def gram(self) -> Tensor:
        """``J^T J`` [P, P]."""
        total = self._rows.like.new_zeros((self._rows.n_parameters,) * 2)
        for index in range(len(self._rows.sizes)):
            add_gram(total, self._tile(index))
        return mirrored(total)

    def row_gram(self) -> Tensor:
        """``J J^T`` [S, S]; every pair of tiles is generated once."""
        sizes, order = self._rows.sizes, self._rows.order
        total = self._rows.like.new_zeros((sum(sizes),) * 2)
        places = torch.arange(len(total), device=total.device) if order is None else order
        blocks = torch.split(places, sizes)
        for i, rows in enumerate(blocks):
            tile = self._tile(i).clone()  # the next one may overwrite it
            for j, columns in enumerate(blocks[: i + 1]):
                product = tile @ (tile if i == j else self._tile(j)).T
                total[rows[:, None], columns] = product
                total[columns[:, None], rows] = product.T
        return total

    def scaled(self, by: Tensor) -> Streamed:
        """``J D^-1`` with D = diag(by)."""
        return Streamed(self._rows, by if self._scale is None else self._scale * by)

    def factorise(
        self, *, smallest_cutoff: float | Cutoff | None = None, left_out: float = LEFT_OUT
    ) -> Factorisation:
        """The factorisation; it holds no row of J, and no singular value is left out."""
        del smallest_cutoff, left_out  # a pass over the tiles costs the same whatever they are
        rows = self._rows
        return factorise_tiles(
            self._tile,
            rows.sizes,
            rows.n_parameters,
            dtype=rows.like.dtype,
            device=rows.like.device,
            order=rows.order,
        )

    def _tile(self, index: int) -> Tensor:
        tile = self._rows(index)
        return tile if self._scale is None else tile.div_(self._scale)
