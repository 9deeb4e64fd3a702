"""The Jacobian of a residual as an operator: what a method may ask of it, and the stored one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

from anagram_ext.errors import OutOfMemoryError
from anagram_ext.linear.columns import add_gram, column_squares, mirrored
from anagram_ext.linear.memory import gigabytes
from anagram_ext.linear.recycling import empty_matrix
from anagram_ext.linear.solve import LEFT_OUT, factorise

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.cutoff import Cutoff
    from anagram_ext.linear.factorisation import Factorisation


class Jacobian(Protocol):
    """J [S, P], whose rows are in the order of the residual r [S], wherever they are kept."""

    @property
    def shape(self) -> tuple[int, int]:
        """(S, P)."""

    def matvec(self, v: Tensor) -> Tensor:
        """``J v``: v [P] -> [S]."""

    def rmatvec(self, w: Tensor) -> Tensor:
        """``J^T w``: w [S] -> [P]."""

    def column_norms(self) -> Tensor:
        """The Euclidean length of each column, [P]."""

    def gram(self) -> Tensor:
        """``J^T J`` [P, P]."""

    @property
    def has_all_rows(self) -> bool:
        """Whether they are at one place, as ``row_gram`` needs them."""

    def row_gram(self) -> Tensor:
        """``J J^T`` [S, S]."""

    def scaled(self, by: Tensor) -> Jacobian:
        """``J D^-1`` with D = diag(by), by [P]: derivatives in parameters in units of ``by``.

        It may take over the memory of J, which is not to be used then.
        """

    def factorise(
        self, *, smallest_cutoff: float | Cutoff | None = None, left_out: float = LEFT_OUT
    ) -> Factorisation:
        """The truncated singular value decomposition, see ``anagram_ext.factorise``.

        Raises:
            NonFiniteError: J holds NaN or infinity.
            OutOfMemoryError: the memory of the GPU does not suffice.
        """


class Stored:
    """A Jacobian that lies in memory as one tensor.

    Attributes:
        matrix: J [S, P].
    """

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix

    has_all_rows = True

    @property
    def shape(self) -> tuple[int, int]:
        """(S, P)."""
        n_rows, n_parameters = self.matrix.shape
        return n_rows, n_parameters

    def matvec(self, v: Tensor) -> Tensor:
        """``J v`` [S]."""
        return torch.mv(self.matrix, v)

    def rmatvec(self, w: Tensor) -> Tensor:
        """``J^T w`` [P]."""
        return torch.mv(self.matrix.T, w)

    def column_norms(self) -> Tensor:
        """The length of each column, [P]."""
        return column_squares(self.matrix).sqrt_()

    def gram(self) -> Tensor:
        """``J^T J`` [P, P]."""
        total = self.matrix.new_zeros((self.matrix.shape[1],) * 2)
        add_gram(total, self.matrix)
        return mirrored(total)

    def row_gram(self) -> Tensor:
        """``J J^T`` [S, S]."""
        total = self.matrix.new_zeros((len(self.matrix),) * 2)
        add_gram(total, self.matrix.T)
        return mirrored(total)

    def scaled(self, by: Tensor) -> Stored:
        """``J D^-1`` with D = diag(by), in place."""
        return Stored(self.matrix.div_(by))

    def factorise(
        self, *, smallest_cutoff: float | Cutoff | None = None, left_out: float = LEFT_OUT
    ) -> Factorisation:
        """The factorisation; with a smallest cutoff it refers to J."""
        return factorise(self.matrix, smallest_cutoff=smallest_cutoff, left_out=left_out)


def new_jacobian(n_rows: int, like: Tensor) -> Tensor:
    """Room for J [S, P] on the device and in the dtype of theta [P].

    It belongs to whoever holds it; memory of an earlier J is used where nobody refers to it.

    Raises:
        OutOfMemoryError: naming sizes, the free memory of the GPU and the way out.
    """
    if like.device.type == "cpu":
        return empty_matrix(n_rows, len(like), like.dtype)
    try:
        return like.new_empty((n_rows, len(like)))
    except torch.cuda.OutOfMemoryError as error:
        free, total = torch.cuda.mem_get_info(like.device)
        raise OutOfMemoryError(
            f"J with S = {n_rows} rows and P = {len(like)} columns needs "
            f"{gigabytes(n_rows * like.nbytes)}; {like.device} has {gigabytes(free)} free of "
            f"{gigabytes(total)}; memory='streamed' never stores J"
        ) from error
