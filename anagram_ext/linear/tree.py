"""The binary tree in which ranks bring together what each of them has."""

from __future__ import annotations


def below_and_above(rank: int, size: int) -> tuple[list[int], int | None]:
    """The ranks below a rank, in the order in which they have something to tell, and the one above.

    Rank 0 is the top. A rank listens to all below it, then speaks to the one above: after
    log2(size) rounds all is at the top.
    """
    below: list[int] = []
    step = 1
    while step < size:
        if rank % (2 * step):
            return below, rank - step
        if rank + step < size:
            below.append(rank + step)
        step *= 2
    return below, None
