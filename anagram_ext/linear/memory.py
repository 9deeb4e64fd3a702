"""How much memory there is, and whether a Jacobian is stored in it or streamed."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Final

import torch

MODES: Final = ("auto", "stored", "streamed")

_SHARE: Final = 0.25  # of the memory that a stored J may take
_FIRST_BLOCK: Final = 256  # columns of [S + P] that streaming takes at the very least


def check_mode(memory: object) -> None:
    """Raises ValueError for anything but one of ``MODES``."""
    if not isinstance(memory, str) or memory not in MODES:
        raise ValueError(f"memory must be one of {MODES}, got {memory!r}")


def is_stored(memory: str, n_rows: int, n_parameters: int, like: torch.Tensor) -> bool:
    """Whether J [S, P] is to be stored; False: generated in tiles of rows whenever it is needed.

    Args:
        memory: ``"stored"``, ``"streamed"`` (J takes O((S + P) rank)) or ``"auto"``: streamed when
            J would take more than a quarter of the memory of the machine or GPU.
        n_rows: S.
        n_parameters: P.
        like: a tensor of the dtype of J, where J will be.

    Raises:
        MemoryError: J can neither be stored nor streamed.
    """
    total = memory_of(like.device)
    stored = n_rows * n_parameters * like.itemsize
    if memory == "stored" or (memory == "auto" and stored <= _SHARE * total):
        return True
    least = (n_rows + n_parameters) * _FIRST_BLOCK * like.itemsize
    if least > total:
        where = "this machine" if like.device.type == "cpu" else "this GPU"
        raise MemoryError(
            f"J with S = {n_rows} rows and P = {n_parameters} columns takes {gigabytes(stored)}; "
            f"streaming it takes {gigabytes(least)} or more; {where} has {gigabytes(total)}"
        )
    return False


def memory_of(device: torch.device) -> int:
    """Bytes that this process may use: of the machine or its container, or of the GPU."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return _machine()


@cache
def _machine() -> int:  # once a process: every step asks
    if not hasattr(os, "sysconf"):  # Windows: what does not fit fails, and says so itself
        return sys.maxsize
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(min(machine, container_limit()))


def gigabytes(n_bytes: float) -> str:
    """A size for a message."""
    return f"{n_bytes / 1e9:.1f} GB"


def container_limit(
    membership: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")
) -> float:
    """The least memory limit of the control groups that this process is in; inf without one.

    Both versions: a line of the membership reads ``0::/path`` for version 2, whose limits lie in
    ``root/path/memory.max``, or ``4:memory:/path`` for version 1, in
    ``root/memory/path/memory.limit_in_bytes``. The limits of all parents hold as well. Inside a
    container the path may be the one outside of it: then its own limits lie at the root.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # not Linux
        return float("inf")
    limits = [float("inf")]
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            base, file = root, "memory.max"
        elif "memory" in controllers.split(","):
            base, file = root / "memory", "memory.limit_in_bytes"
        else:
            continue
        group = base / path.lstrip("/")
        limits += [
            _limit(folder / file)
            for folder in (group, *group.parents)
            if folder == base or base in folder.parents
        ]
    return min(limits)


def _limit(file: Path) -> float:
    try:
        return float(file.read_text())
    except (OSError, ValueError):  # no such group, or "max"
        return float("inf")
