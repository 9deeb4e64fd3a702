"""Memory of large matrices, used again once nobody refers to it.

A fresh matrix of some hundred megabytes costs more in page faults than in arithmetic on many
machines. Every step needs one of the same size, and a moment earlier the last one was let go.
"""

from __future__ import annotations

import weakref
from collections import deque
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from anagram_ext.linear.memory import memory_of

_ALIGNMENT: Final = 64  # bytes of a cache line: rows are written in whole lines
_KEPT_BLOCKS: Final = 2  # J and the one before, which a caller may still have held
_KEPT_SHARE: Final = 1 / 16  # of the memory of the machine, for one block that is kept

Block = NDArray[np.uint8]

# Appending and popping are atomic: any thread may take, and the collector may return at any time.
_idle: deque[Block] = deque(maxlen=_KEPT_BLOCKS)


def empty_matrix(n_rows: int, n_columns: int, dtype: torch.dtype) -> torch.Tensor:
    """An uninitialised matrix [n_rows, n_columns] on the CPU.

    It belongs to whoever holds it, like any other: its memory is used again only when the tensor
    and all its views are gone.

    Raises:
        MemoryError: there is not enough memory.
    """
    n_bytes = n_rows * n_columns * dtype.itemsize
    block = _take(n_bytes + _ALIGNMENT)
    start = -block.__array_interface__["data"][0] % _ALIGNMENT
    lent = block[start : start + n_bytes]  # a new array object: its end is the end of the loan
    if len(block) <= _KEPT_SHARE * memory_of(torch.device("cpu")):
        weakref.finalize(lent, _idle.append, block).atexit = False
    return torch.from_numpy(lent).view(dtype).view(n_rows, n_columns)


def _take(n_bytes: int) -> Block:
    while _idle:
        try:
            block = _idle.pop()
        except IndexError:  # another thread was faster
            break
        if n_bytes <= len(block) <= 2 * n_bytes:
            return block
    return np.empty(n_bytes, dtype=np.uint8)
