"""Who of many processes is alive, who waits and who is waited for: for errors that name a rank.

Every rank writes into the store of its group, twice a second, what it does. The thread that does so
needs nobody else, so that a collective that fails can be explained by those that remain.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any, Final

from anagram_ext.errors import RankError

if TYPE_CHECKING:
    from collections.abc import Mapping

BEAT: Final = 0.5  # seconds between two signs of life
PATIENCE: Final = 3.0  # seconds without one, after which a rank is dead
WORKS, WAITS, LOST, LEFT, FAILED = "works", "waits", "lost", "left", "failed"


class Liveness:
    """The signs of life of one rank, and what those of the others say.

    Args:
        store: a key-value store of ``torch.distributed`` that all ranks see.
        rank: of this process.
        size: number of ranks.
        prefix: of the keys.

    Attributes:
        doing: what this rank does, the text of a failure behind ``failed``.
    """

    def __init__(self, store: Any, rank: int, size: int, prefix: str) -> None:
        # Torch's own connection, which it needs for new groups only: others take seconds at times.
        self._store = store
        self._rank, self._size, self._prefix = rank, size, prefix
        self._beats = 0
        self._end = threading.Event()
        self._writing = threading.Lock()
        self.doing = WORKS
        self._beat()
        self._thread = threading.Thread(target=self._go_on, daemon=True, name="anagram_ext beats")
        self._thread.start()

    def stop(self, doing: str) -> None:
        """Says what has become of this rank, for the last time."""
        self.doing = doing
        self._end.set()
        self._thread.join()
        self._beat()

    def diagnosis(self) -> RankError:
        """The error for a collective that failed: which ranks are at fault, and in what way."""
        self.doing = LOST
        try:
            self._beat(strict=True)
            before = self._signs()
            time.sleep(PATIENCE)
            return explained(before, self._signs(), self._size)
        except RuntimeError as error:  # those of torch's stores
            return RankError(
                "the store of the process group does not answer: the process that keeps it has "
                f"died, which is rank 0 unless torchrun keeps it ({error})",
                (0,),
            )

    def _go_on(self) -> None:
        while not self._end.wait(BEAT):
            self._beat()

    def _beat(self, strict: bool = False) -> None:
        with self._writing:
            self._beats += 1
            try:
                self._store.set(self._key(self._rank), f"{self._beats} {self.doing}")
            except RuntimeError:  # the store is gone: a collective will tell
                if strict:
                    raise

    def _signs(self) -> dict[int, str]:
        """The latest sign of life of every rank that has given one."""
        found = {}
        for rank in range(self._size):
            if self._store.check([self._key(rank)]):
                found[rank] = self._store.get(self._key(rank)).decode()
        return found

    def _key(self, rank: int) -> str:
        return f"anagram_ext/{self._prefix}/{rank}"


def explained(before: Mapping[int, str], after: Mapping[int, str], size: int) -> RankError:
    """What two looks at the signs of life, some seconds apart, say about a collective that failed.

    Args:
        before: ``"number doing"`` by rank.
        after: the same, later.
        size: number of ranks.
    """
    faults: dict[int, str] = {}
    idle: dict[int, str] = {}
    for rank in range(size):
        if rank not in after:
            faults[rank] = "has never come"
            continue
        _, doing = after[rank].split(" ", 1)
        if doing == LOST:  # it has found the same, and may have ended for it
            continue
        if doing.startswith(FAILED):
            faults[rank] = doing
        elif doing == LEFT:
            faults[rank] = "has left"
        elif before.get(rank) == after[rank]:
            faults[rank] = "has died"
        elif doing == WORKS:
            idle[rank] = "does not answer: it lives, but does not come to where the others wait"
    faults = faults or idle
    if not faults:
        return RankError("the connection between ranks was lost; all of them are alive")
    told = "; ".join(f"rank {rank} of {size} {fault}" for rank, fault in faults.items())
    return RankError(told, tuple(faults))
