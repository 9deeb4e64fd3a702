"""A Jacobian whose rows lie on many machines: each rank keeps its own, and tells sums."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anagram_ext.linear.solve import LEFT_OUT, factorise_together

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.cutoff import Cutoff
    from anagram_ext.linear.factorisation import Factorisation
    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.linear.shares import Shares


class Spread:
    """J [S, P] of which this rank keeps S_k rows, stored or streamed; every call is collective.

    Vectors are whole, and the same on all ranks. In numbers, a rank sends S / ranks for a
    ``matvec`` (the products are gathered), P for an ``rmatvec`` or the column norms, P^2 for a Gram
    matrix, and O(P k / ranks + k^2) for a factorisation, see ``anagram_ext.linear.merged``.

    Args:
        own: the rows of this rank.
        shares: which ones those are.
        like: a tensor [P] of the dtype of J, on its device.
    """

    has_all_rows = False

    def __init__(self, own: Jacobian, shares: Shares, like: Tensor) -> None:
        self._own, self._shares, self._like = own, shares, like

    @property
    def shape(self) -> tuple[int, int]:
        """(S, P)."""
        return self._shares.n_rows, self._own.shape[1]

    def matvec(self, v: Tensor) -> Tensor:
        """``J v`` [S]."""
        return self._shares.whole(self._own.matvec(v))

    def rmatvec(self, w: Tensor) -> Tensor:
        """``J^T w`` [P]."""
        return self._shares.group.sum(self._own.rmatvec(self._shares.own(w)))

    def column_norms(self) -> Tensor:
        """The length of each column, [P]."""
        return self._shares.group.sum(self._own.column_norms().square_()).sqrt_()

    def gram(self) -> Tensor:
        """``J^T J`` [P, P]."""
        return self._shares.group.sum(self._own.gram())

    def row_gram(self) -> Tensor:
        """There is none: products of rows of different ranks are nowhere."""
        raise ValueError("J must have all rows at one place for its row_gram, got ranks")

    def scaled(self, by: Tensor) -> Spread:
        """``J D^-1`` with D = diag(by)."""
        return Spread(self._own.scaled(by), self._shares, self._like)

    def factorise(
        self, *, smallest_cutoff: float | Cutoff | None = None, left_out: float = LEFT_OUT
    ) -> Factorisation:
        """The factorisation; no singular value is left out.

        What is missing below a cutoff would depend on how the rows are spread, and with it the
        iterates of damped methods.
        """
        del smallest_cutoff, left_out
        own = self._own

        def leaf() -> Factorisation | None:
            return own.factorise() if own.shape[0] else None

        return factorise_together(leaf, self._shares, self._like)
