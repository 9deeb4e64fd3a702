"""Rows of J of a module's residual by autograd: batches of unit vectors, backwards or forwards."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor
from torch.func import jvp, vmap

from anagram_ext.errors import SlowWarning
from anagram_ext.models.torch_jets import load_forward_mode

if TYPE_CHECKING:
    from anagram_ext.systems.module_residual import ModuleResidual, Point

# What the vectors that go through the graph at once may take: more is no faster.
BATCH_BYTES: Final = {"cpu": 1 << 25, "cuda": 1 << 28}
_AGREE: Final = 1e4  # rounding errors


@dataclass(frozen=True)
class Tile:
    """Some consecutive rows of J.

    Attributes:
        rows: their places.
        make: computes them, [rows, P]; the same each time.
        write: writes them into a tensor [rows, P], where that is faster.
    """

    rows: slice
    make: Callable[[], Tensor]
    write: Callable[[Tensor], None] | None = None

    def write_into(self, matrix: Tensor) -> None:
        """Writes the rows into their places in J [S, P]."""
        if self.write is None:
            matrix[self.rows] = self.make()
        else:
            self.write(matrix[self.rows])


class ReverseRows:
    """Rows of J by reverse mode: one sweep back for each, many at once.

    Where the module's derivative does not work under vmap they come one by one, which a
    ``SlowWarning`` says once.
    """

    def __init__(self) -> None:
        self._batched = True

    def tiles(self, point: Point, rows: slice, most_rows: int) -> list[Tile]:
        """Some of the rows of r in tiles of at most ``most_rows``."""

        def tile(part: slice) -> Tile:
            return Tile(part, lambda: self._rows(point, part))

        return [tile(part) for part in parts_of(rows, most_rows)]

    def _rows(self, point: Point, rows: slice) -> Tensor:
        units = _units(rows, len(point.residual), point.residual)  # [k, S]
        if self._batched:
            try:
                return torch.autograd.grad(
                    point.residual, point.theta, units, retain_graph=True, is_grads_batched=True
                )[0]
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError as error:
                refused = str(error).splitlines()[0]
        found = torch.stack([point.pullback(unit) for unit in units])
        if self._batched:  # and one by one they work: no error of the module itself
            self._batched = False
            warnings.warn(
                "J is computed row by row: the derivative of the module does not work under vmap "
                f"({refused})",
                SlowWarning,
                stacklevel=2,
            )
        return found


def forward_fill(residual: ModuleResidual, theta: Tensor, out: Tensor, batch: int) -> None:
    """Writes J [S, P] by forward mode: one sweep for each column, ``batch`` at once.

    Raises:
        RuntimeError: the module lacks forward derivatives, or they do not work under vmap.
    """
    load_forward_mode()
    for columns in parts_of(slice(0, len(theta)), batch):
        units = _units(columns, len(theta), theta)
        slopes = vmap(lambda v: jvp(residual, (theta,), (v,))[1])(units)  # [columns, S]
        out[:, columns] = slopes.T


def agree(found: Tensor, expected: Tensor) -> bool:
    """Whether two ways to J^T w [P] differ by rounding errors only.

    Errors of single rows stand out by many orders of magnitude; where J^T w happens to cancel, the
    answer may be no for nothing, which costs time only.
    """
    size = float(torch.linalg.vector_norm(expected))
    error = float(torch.linalg.vector_norm(found - expected))
    return error <= _AGREE * torch.finfo(found.dtype).eps * size


def parts_of(rows: slice, most: int) -> list[slice]:
    """Consecutive slices of at most ``most`` (but at least one), all of nearly the same length."""
    n = rows.stop - rows.start
    count = -(-n // max(1, most))
    bounds = [rows.start + n * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(bounds)]


def _units(part: slice, n: int, like: Tensor) -> Tensor:
    """The unit vectors [k, n] of part of n places."""
    units = torch.zeros((part.stop - part.start, n), dtype=like.dtype, device=like.device)
    units[:, part].fill_diagonal_(1.0)
    return units
