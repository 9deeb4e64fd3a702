"""Whether a Jacobian is stored or streamed, and its factorisation either way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from anagram_ext.cutoff import Cutoff
from anagram_ext.factorise import factorise, factorise_tiles

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.factorise import Factorisation
    from anagram_ext.system import System

MODES: Final = ("auto", "stored", "streamed")

_SHARE: Final = 0.25  # of the machine's memory that a stored J may take
_TILE_BYTES: Final = 1 << 26
_FIRST_BLOCK: Final = 256  # columns of [S + P] that streaming takes at the very least


def factorised(
    system: System, theta: Tensor, cutoff: float | Cutoff, memory: str
) -> tuple[Tensor, Factorisation]:
    """The residual [S] at theta and a factorisation of J whose rows have the same order.

    Args:
        system: the least-squares problem.
        theta: parameters [P].
        cutoff: the smallest one that will be asked for.
        memory: ``"stored"`` keeps J; ``"streamed"`` generates it in tiles of rows, in memory
            O((S + P) rank); ``"auto"`` streams when J would take more than a quarter of the
            machine's memory.

    Raises:
        ValueError: for another `memory`.
        MemoryError: when J can neither be stored nor streamed.
        NonFiniteError: for a residual or derivative that is not finite.
    """
    if memory not in MODES:
        raise ValueError(f"memory must be one of {MODES}, got {memory!r}")
    Cutoff.of(cutoff)  # refused before the work, not after it
    stored = system.n_rows * system.n_parameters * theta.itemsize
    if memory == "stored" or (memory == "auto" and stored <= _SHARE * _machine_memory()):
        residual, J = system.linearise(theta)
        return residual, factorise(J, smallest_cutoff=cutoff)
    _require_room(system, theta.itemsize, stored)
    tiles = system.row_tiles(theta, _TILE_BYTES // (system.n_parameters * theta.itemsize))
    return tiles.residual, factorise_tiles(
        tiles, tiles.sizes, system.n_parameters, dtype=theta.dtype
    )


def _require_room(system: System, itemsize: int, stored: int) -> None:
    least = (system.n_rows + system.n_parameters) * _FIRST_BLOCK * itemsize
    if least > _machine_memory():
        raise MemoryError(
            f"J with S = {system.n_rows} rows and P = {system.n_parameters} columns takes "
            f"{_gigabytes(stored)}; streaming it takes {_gigabytes(least)} or more; "
            f"this machine has {_gigabytes(_machine_memory())}"
        )


def _machine_memory() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB"
