"""The singular value decomposition of a matrix whose rows lie on many ranks, by a binary tree.

Each rank factorises its own rows, J_k = U_k C_k with C_k = diag(sigma) V^T [k, P]. Two such factors
are merged by factorising them under each other:

    [J_a; J_b] = diag(U_a, U_b) [C_a; C_b],    [C_a; C_b] = W diag(sigma) V^T

so that U = diag(U_a, U_b) W is a product and never formed. Rows of J and of U stay where they are:
after log2(ranks) rounds rank 0 has sigma and V and tells them to all. Where P is several times k,
all of this happens in coordinates of a basis that all ranks know (``common_basis``), and what goes
up and down are C_k Q [k, l] and Q^T V, l about k, not the factors themselves. Every step is a
backward stable factorisation to round-off, and so is the whole: singular values are right to a few
roundings of the largest one, as those of one process are.

Source: the tree of J. Demmel, L. Grigori, M. Hoemmen & J. Langou, "Communication-optimal parallel
and sequential QR and LU factorizations" (SIAM J. Sci. Comput. 34, 2012), with truncated singular
value decompositions at its nodes in place of QR.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from anagram_ext.errors import NonFiniteError
from anagram_ext.linear.common_basis import common_basis
from anagram_ext.linear.tree import below_and_above

if TYPE_CHECKING:
    from collections.abc import Callable

    from anagram_ext.linear.factorisation import Factorisation
    from anagram_ext.linear.shares import Shares


@dataclass(frozen=True)
class Merge:
    """Two factors made one.

    Attributes:
        other: the rank whose factor came.
        lengths: numbers of rows of both.
        both: the factorisation of the two under each other.
    """

    other: int
    lengths: tuple[int, int]
    both: Node


class Node:
    """U diag(sigma) V^T without the singular values that are rounding errors of the largest one.

    Args:
        factors: the factorisation; None for a matrix without rows.
        like: a tensor [P].
    """

    def __init__(self, factors: Factorisation | None, like: Tensor) -> None:
        self.factors = factors
        eps = torch.finfo(like.dtype).eps
        self.rank = 0 if factors is None else max(1, factors.count_above(eps))  # of a zero matrix 1
        self.sigma = like.new_empty(0)
        self.factor = like.new_empty((0, len(like)))  # diag(sigma) V^T, [k, P]
        if factors is not None:
            self.sigma = factors.singular_values[: self.rank]
            self.factor = self.expand(torch.diag(self.sigma))

    def within(self, basis: Tensor) -> Node:
        """The same with V in an orthonormal basis [P, l] of the rows."""
        node = copy.copy(self)
        node.factor = self.factor @ basis
        return node

    def expand(self, y: Tensor) -> Tensor:
        """V y: [q, k] -> [q, P]."""
        return self.factor if self.factors is None else self.factors.expand(self._filled(y))

    def project(self, rows: Tensor) -> Tensor:
        """U^T r: [q, n] -> [q, k]."""
        if self.factors is None:
            return rows.new_empty((len(rows), 0))
        return self.factors.project(rows)[:, : self.rank]

    def push(self, y: Tensor) -> Tensor:
        """U y: [q, k] -> [q, n]."""
        return y if self.factors is None else self.factors.push(self._filled(y))

    def _filled(self, y: Tensor) -> Tensor:
        """With zeros for what was left out."""
        assert self.factors is not None
        left_out = len(self.factors.singular_values) - self.rank
        return torch.nn.functional.pad(y, (0, left_out))


class Merged:
    """What ``Factorisation`` asks of its native object, for rows on many ranks.

    A rank sends O(P k / ranks + k^2) numbers and receives O(P k), k the numerical rank of J.
    ``project`` sends O(k) and ``push`` O(S / ranks + k) numbers a vector.

    Args:
        factorise: of a matrix in memory, to round-off.
        leaf: the factorisation of the rows of this rank; None where it has none.
        shares: which rows those are.
        like: a tensor [P] of the dtype of J, on its device.
    """

    method = "merged"

    def __init__(
        self,
        factorise: Callable[[Tensor], Factorisation],
        leaf: Factorisation | None,
        shares: Shares,
        like: Tensor,
    ) -> None:
        self._factorise, self._like = factorise, like
        self._shares, self._group = shares, shares.group
        self._leaf = top = Node(leaf, like)
        self.shape = shares.n_rows, len(like)
        basis = common_basis(top.factor, self._group)
        if basis is not None:
            top = top.within(basis)
        self._merges: list[Merge] = []
        below, self._parent = below_and_above(self._group.rank, self._group.size)
        for other in below:
            top = self._merged(top, other)
        if self._parent is not None:
            self._group.send(torch.tensor([top.rank]), self._parent)
            self._group.send(top.factor, self._parent)
        self._n_top = top.rank
        self._sigma, right = self._told(top)
        self._right = right if basis is None else right @ basis.T  # V^T [k, P]

    def __len__(self) -> int:
        return len(self._sigma)

    @property
    def searched(self) -> int:
        """All of them."""
        return len(self)

    def singular_values(self, out: Tensor) -> None:
        """Writes them into ``out`` [k]."""
        out.copy_(self._sigma)

    def project(self, rows: Tensor, out: Tensor, *_: Any, finite: bool = False) -> None:
        """Writes U^T r into ``out`` [q, k]: rows [q, S], whole and the same on all ranks.

        Raises:
            NonFiniteError: ``rows`` holds NaN or infinity, which ``finite`` rules out.
        """
        if not finite and not bool(torch.isfinite(rows).all()):
            raise NonFiniteError("r must be finite, got NaN or infinity")
        self.project_own(self._shares.own(rows).contiguous(), out)

    def project_own(self, own: Tensor, out: Tensor) -> None:
        """The same for the entries of this rank alone, finite, [q, S_k]."""
        seen = self._leaf.project(own)
        for merge in self._merges:
            below = own.new_empty((len(own), merge.lengths[1]))
            both = torch.cat([seen, self._group.receive(below, merge.other)], dim=1)
            seen = merge.both.project(both)
        if self._parent is not None:
            self._group.send(seen, self._parent)
            seen = out
        out.copy_(self._group.broadcast(seen))

    def push(self, y: Tensor, out: Tensor, *_: Any) -> None:
        """Writes U y into ``out`` [q, S]; y [q, k]."""
        if self._parent is not None:
            y = self._group.receive(y.new_empty((len(y), self._n_top)), self._parent)
        for merge in reversed(self._merges):
            both = merge.both.push(y)
            y = both[:, : merge.lengths[0]].contiguous()
            self._group.send(both[:, merge.lengths[0] :], merge.other)
        out.copy_(self._shares.whole(self._leaf.push(y)))

    def expand(self, y: Tensor, out: Tensor, *_: Any) -> None:
        """Writes V y into ``out`` [q, P]; y [q, k]."""
        torch.mm(y, self._right, out=out)

    def pull(self, x: Tensor, out: Tensor, *_: Any) -> None:
        """Writes V^T x into ``out`` [q, k]; x [q, P].

        Raises:
            NonFiniteError: ``x`` holds NaN or infinity.
        """
        if not bool(torch.isfinite(x).all()):
            raise NonFiniteError("x must be finite, got NaN or infinity")
        torch.mm(x, self._right.T, out=out)

    def _merged(self, node: Node, other: int) -> Node:
        """These rows and those that another rank stands for."""
        length = int(self._group.receive(torch.zeros(1, dtype=torch.int64), other))
        theirs = node.factor.new_empty((length, node.factor.shape[1]))
        both = torch.cat([node.factor, self._group.receive(theirs, other)])
        merged = Node(self._factorise(both) if len(both) else None, both.new_empty(both.shape[1]))
        self._merges.append(Merge(other, (node.rank, length), merged))
        return merged

    def _told(self, top: Node) -> tuple[Tensor, Tensor]:
        """The singular values [k] and V^T [k, P] or [k, l] as rank 0 has them."""
        length = int(self._group.broadcast(torch.tensor([top.rank])))
        sigma, right = top.sigma, top.factor
        if self._group.leads:
            right = top.expand(torch.eye(length).to(right))
        else:
            sigma, right = sigma.new_empty(length), right.new_empty((length, right.shape[1]))
        return self._group.broadcast(sigma), self._group.broadcast(right)
