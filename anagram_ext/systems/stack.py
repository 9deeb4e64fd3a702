"""Blocks under each other: one residual, and one Jacobian, stored or streamed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from anagram_ext.linear.jacobian import Stored, new_jacobian
from anagram_ext.linear.memory import is_stored
from anagram_ext.linear.streamed import TILE_BYTES, Streamed
from anagram_ext.systems.protocol import Linearisation
from anagram_ext.systems.row_tiles import RowTiles

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.systems.blocks import Block


class Stack:
    """Blocks under each other: one residual r [S] of the parameters theta [P].

    Attributes:
        blocks: the blocks by name of their condition.
        row_slices: the rows of each.
        n_rows: S.
    """

    def __init__(self, blocks: Mapping[str, Block]) -> None:
        self.blocks = blocks
        self.row_slices: dict[str, slice] = {}
        self.n_rows = 0
        for name, block in blocks.items():
            self.row_slices[name] = slice(self.n_rows, self.n_rows + block.n_rows)
            self.n_rows += block.n_rows

    def residuals(self, thetas: Tensor) -> Tensor:
        """The residuals [q, S] of parameter vectors [q, P]; they may be non-finite."""
        rows = thetas.new_empty((len(thetas), self.n_rows))
        for name, block in self.blocks.items():
            block.residuals(thetas, rows[:, self.row_slices[name]])
        return rows

    def losses(self, thetas: Tensor) -> Tensor:
        """The losses [q] of parameter vectors [q, P]; infinite where not finite."""
        losses = thetas.new_zeros(len(thetas))
        for block in self.blocks.values():
            block.losses(thetas, losses)
        return torch.nan_to_num(losses, nan=math.inf, posinf=math.inf)

    def gradient(self, theta: Tensor) -> tuple[float, Tensor]:
        """The loss and its gradient J^T r [P], without storing J."""
        rows = theta.new_empty(self.n_rows)
        gradient = torch.zeros_like(theta)
        for name, block in self.blocks.items():
            block.gradient(theta, rows[self.row_slices[name]], gradient)
        return self._finite_loss(rows), gradient

    def linearise(self, theta: Tensor, memory: str) -> Linearisation[Jacobian]:
        """Residual, loss and Jacobian, stored or streamed as ``is_stored`` says."""
        if is_stored(memory, self.n_rows, len(theta), theta):
            return self.stored(theta)
        rows = theta.new_empty(self.n_rows)
        seeds = {
            name: block.prepare(theta, rows[self.row_slices[name]])
            for name, block in self.blocks.items()
        }
        loss = self._finite_loss(rows)
        most_rows = TILE_BYTES[theta.device.type] // theta.nbytes
        tiles = RowTiles(theta, self.blocks, self.row_slices, seeds, most_rows)
        return Linearisation(rows, loss, Streamed(tiles))

    def stored(self, theta: Tensor) -> Linearisation[Stored]:
        """Residual, loss and stored Jacobian, whatever memory it takes."""
        rows, matrix = theta.new_empty(self.n_rows), new_jacobian(self.n_rows, theta)
        for name, block in self.blocks.items():
            part = self.row_slices[name]
            block.linearise(theta, rows[part], matrix[part])
        return Linearisation(rows, self._finite_loss(rows), Stored(matrix))

    def _finite_loss(self, rows: Tensor) -> float:
        """The loss; raises NonFiniteError where a row or a derivative in doubt is not finite."""
        doubts = (block.doubt() for block in self.blocks.values())
        numbers = torch.stack([rows @ rows, *(doubt for doubt in doubts if doubt is not None)])
        square, *rest = numbers.tolist()  # all in one read
        if not all(map(math.isfinite, (square, *rest))):
            for name, block in self.blocks.items():
                block.check_finite(rows[self.row_slices[name]])
        return 0.5 * float(square)
