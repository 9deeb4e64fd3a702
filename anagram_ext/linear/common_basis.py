"""A basis of the rows of all ranks, from a few rows of each.

Factors C_i [k_i, P] of J = diag(U_i) [C_1; C_2; ...] have together hardly more rank than one of
them alone, since the numerical rank k of J is what all of them share. So k of all their rows span
them, and a rank has to tell its part of these, about P k / ranks numbers, and not its factor, P k.
Which ones they are is found on sketches C_i G with more than k columns of normal random numbers,
the same on all ranks: LU with partial pivoting of two sketches under each other puts first the rows
that the others are combinations of, and so on up the tree. The factors of such combinations are
moderate, so that what the chosen rows do not span is rounding errors of the largest singular value.

Source: rows by a sketch and partial pivoting, Y. Dong & P.-G. Martinsson, "Simpler is better: a
comparative study of randomized pivoting algorithms for CUR and interpolative decompositions" (Adv.
Comput. Math. 49, 66, 2023); up a tree, J. Demmel, L. Grigori, M. Gu & H. Xiang, "Communication
avoiding rank revealing QR factorization with column pivoting" (SIAM J. Matrix Anal. 36, 2015).
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.linear.tree import below_and_above

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.group import Group

_SPARE: Final = 8  # columns of a sketch beyond the rank that it has to show
_AT_ONCE: Final = 4096  # rows of random numbers that are in memory
# Units of rounding of the largest singular value below which the rows of a rank are not known: its
# factorisation leaves that out. Pivots of what is left stay just above half of it, row after row.
_ROUNDING: Final = 16


def common_basis(factor: Tensor, group: Group) -> Tensor | None:
    """Orthonormal columns that span the rows of all ranks up to rounding errors; collective.

    A rank sends O(P k / ranks + k^2) numbers and receives P k, k the rank of all rows.

    Args:
        factor: the rows of this rank [k_i, P], of which none is a rounding error of the others.
        group: the ranks.

    Returns:
        The basis [P, l], l about k, the same on all ranks. None where it would send no less than
        the factors do: for one rank, and where P is not several times k; then P k is O(k^2).
    """
    if group.size == 1:
        return None
    n_columns = factor.shape[1]
    lengths = group.all(len(factor))
    width = 2 * (max(lengths) + _SPARE)
    # Choosing costs a rank up to 4 k^2 numbers, 2 k width, and saves it P k (1 - 1 / ranks).
    while 2 * width * group.size <= (group.size - 1) * n_columns:
        chosen = _chosen(_sketch(factor, width), lengths, group)
        if len(chosen) <= width - _SPARE:
            rows = _told(factor, chosen, lengths, group)
            basis: Tensor = torch.linalg.qr(rows.T)[0]
            return basis
        width *= 2  # ranks know more different directions than the sketch has room for
    return None


def _sketch(factor: Tensor, width: int) -> Tensor:
    """``C G`` [k_i, width]; all ranks take the same G [P, width]."""
    generator = torch.Generator().manual_seed(0)
    sketch = factor.new_zeros((len(factor), width))
    for columns in torch.split(factor, _AT_ONCE, dim=1):
        normal = torch.randn((columns.shape[1], width), generator=generator, dtype=factor.dtype)
        sketch += columns @ normal.to(factor.device)
    return sketch


def _chosen(sketch: Tensor, lengths: list[int], group: Group) -> Tensor:
    """Which rows of all ranks under each other span them, [l], on the CPU, most needed first."""
    first = sum(lengths[: group.rank])
    places = torch.arange(first, first + len(sketch))
    below, parent = below_and_above(group.rank, group.size)
    for other in below:
        length = int(group.receive(torch.zeros(1, dtype=torch.int64), other))
        places = torch.cat([places, group.receive(places.new_empty(length), other)])
        theirs = group.receive(sketch.new_empty((length, sketch.shape[1])), other)
        sketch = torch.cat([sketch, theirs])
        order = _independent(sketch)
        places, sketch = places[order], sketch[order.to(sketch.device)]
    if parent is not None:
        for part in (torch.tensor([len(places)]), places, sketch):
            group.send(part, parent)
    length = int(group.broadcast(torch.tensor([len(places)])))
    return group.broadcast(places if group.leads else places.new_empty(length))


def _independent(rows: Tensor) -> Tensor:
    """Which rows [n, width] span all of them up to rounding errors, on the CPU."""
    if not len(rows):
        return torch.arange(0)
    lu, pivots, _ = torch.linalg.lu_factor_ex(rows)  # may be singular
    pivot_sizes = lu.diagonal().abs().cpu()
    small = pivot_sizes <= _ROUNDING * torch.finfo(rows.dtype).eps * pivot_sizes.max()
    count = int(small.int().argmax()) if bool(small.any()) else len(small)
    order = list(range(len(rows)))
    for place, other in enumerate(pivots.tolist()):  # counted from one, as LAPACK does
        order[place], order[other - 1] = order[other - 1], order[place]
    return torch.tensor(order[: max(1, count)])  # of a zero matrix one


def _told(factor: Tensor, chosen: Tensor, lengths: list[int], group: Group) -> Tensor:
    """The chosen rows [l, P] on all ranks: each tells its own ones."""
    rows = factor.new_empty((len(chosen), factor.shape[1]))
    ends = list(accumulate(lengths))
    for rank, end in enumerate(ends):
        first = end - lengths[rank]
        places = ((chosen >= first) & (chosen < end)).nonzero()[:, 0]
        if len(places):
            part = rows.new_empty((len(places), factor.shape[1]))
            if rank == group.rank:
                part = factor[(chosen[places] - first).to(factor.device)]
            rows[places.to(rows.device)] = group.broadcast(part, rank)
    return rows
