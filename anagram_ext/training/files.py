"""Files that are whole at every instant, and a file that only one process holds."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import BinaryIO


def replace_file(path: Path, content: bytes) -> None:
    """Writes ``path`` so that a reader sees the old content or the new one, never a part of it."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_bytes(content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


class Lock:
    """A lock that the operating system gives back when its process dies, however it dies.

    Where the system or the file system has no such locks, everyone gets it.

    Args:
        path: the file to lock, there only while somebody holds it (or was killed holding it).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def acquire(self) -> bool:
        """Takes the lock; False when somebody else has it."""
        while True:
            file = self._path.open("ab")
            if not _lock(file):
                file.close()
                return False
            # The holder before us may have removed the file after we had opened it.
            if self._path.exists() and os.path.samestat(os.fstat(file.fileno()), self._path.stat()):
                self._file = file
                return True
            file.close()

    def release(self) -> None:
        """Gives the lock back and removes the file."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def _lock(file: BinaryIO) -> bool:
    if sys.platform == "win32":
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True
