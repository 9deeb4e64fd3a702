"""Whether a Jacobian is stored or streamed, and its factorisation either way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.errors import OutOfMemoryError
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.linear.solve import factorise, factorise_tiles

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.solve import Factorisation
    from anagram_ext.systems.pde_system import System

MODES: Final = ("auto", "stored", "streamed")

_SHARE: Final = 0.25  # of the memory that a stored J may take
# A tile has to keep the whole processor busy: an estimate for a GPU, not measured.
_TILE_BYTES: Final = {"cpu": 1 << 26, "cuda": 1 << 28}
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
            memory of the machine or, if theta lies there, of the GPU.

    Raises:
        ValueError: for another `memory`.
        MemoryError: when J can neither be stored nor streamed.
        OutOfMemoryError: when the memory of the GPU does not suffice.
        NonFiniteError: for a residual or derivative that is not finite.
    """
    if memory not in MODES:
        raise ValueError(f"memory must be one of {MODES}, got {memory!r}")
    Cutoff.of(cutoff)  # refused before the work, not after it
    stored = system.n_rows * system.n_parameters * theta.itemsize
    fits = stored <= _SHARE * _memory_of(system.model.device)
    if memory == "stored" or (memory == "auto" and fits):
        residual, J = system.linearise(theta)
        return residual, factorise(J, smallest_cutoff=cutoff)
    _require_room(system, theta.itemsize, stored)
    most_rows = _TILE_BYTES[system.model.device] // (system.n_parameters * theta.itemsize)
    tiles = system.row_tiles(theta, most_rows)
    return tiles.residual, factorise_tiles(
        tiles, tiles.sizes, system.n_parameters, dtype=theta.dtype, device=theta.device
    )


def new_jacobian(theta: Tensor, n_rows: int) -> Tensor:
    """Room for J [S, P] on the device of theta [P].

    Raises:
        OutOfMemoryError: naming sizes, the free memory of the GPU and the way out.
    """
    try:
        return theta.new_empty((n_rows, len(theta)))
    except torch.cuda.OutOfMemoryError as error:
        free, total = torch.cuda.mem_get_info(theta.device)
        raise OutOfMemoryError(
            f"J with S = {n_rows} rows and P = {len(theta)} columns needs "
            f"{_gigabytes(n_rows * theta.nbytes)}; {theta.device} has {_gigabytes(free)} free of "
            f"{_gigabytes(total)}; a step with memory='streamed' never stores J"
        ) from error


def _require_room(system: System, itemsize: int, stored: int) -> None:
    least = (system.n_rows + system.n_parameters) * _FIRST_BLOCK * itemsize
    total = _memory_of(system.model.device)
    if least > total:
        where = "this machine" if system.model.device == "cpu" else "this GPU"
        raise MemoryError(
            f"J with S = {system.n_rows} rows and P = {system.n_parameters} columns takes "
            f"{_gigabytes(stored)}; streaming it takes {_gigabytes(least)} or more; "
            f"{where} has {_gigabytes(total)}"
        )


def _memory_of(device: str) -> int:
    """All memory of the machine or of the GPU, whether or not it is in use."""
    if device == "cuda":
        return torch.cuda.mem_get_info()[1]
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _gigabytes(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.1f} GB"
