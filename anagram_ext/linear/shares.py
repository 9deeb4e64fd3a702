"""Which rows of a problem belong to which rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from anagram_ext.linear.group import Group


def share(n: int, rank: int, size: int) -> range:
    """The consecutive share of n things that a rank keeps; shares differ by one at most."""
    return range(rank * n // size, (rank + 1) * n // size)


class Shares:
    """The rows of a residual r [S], spread over ranks.

    Args:
        group: the ranks.
        rows: for each rank the places in r of its rows, in the order in which it keeps them.

    Attributes:
        group: the ranks.
        lengths: the number of rows of each rank.
        n_rows: S.
    """

    def __init__(self, group: Group, rows: Sequence[Tensor]) -> None:
        self.group = group
        self.lengths = [len(own) for own in rows]
        self.n_rows = sum(self.lengths)
        self._own = rows[group.rank]
        # Of each row of r: where it is when the rows of all ranks come after each other.
        self._places = torch.empty(self.n_rows, dtype=torch.int64)
        self._places[torch.cat(list(rows))] = torch.arange(self.n_rows)

    @classmethod
    def in_order(cls, group: Group, n_own: int) -> Shares:
        """Rows that come rank after rank, n_own of them from this one."""
        lengths = group.all(n_own)
        rows = torch.split(torch.arange(sum(lengths)), lengths)
        return cls(group, rows)

    def own(self, whole: Tensor) -> Tensor:
        """The entries of this rank: [..., S] -> [..., S_k]."""
        return whole[..., self._own.to(whole.device)]

    def whole(self, own: Tensor) -> Tensor:
        """The entries of all ranks: [..., S_k] -> [..., S], the same on all of them."""
        gathered = self.group.gather(own, self.lengths)
        return gathered[..., self._places.to(own.device)]
