"""Systems that wait for the next call with the same problem, so that it needs no new dry run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final

from anagram_ext.linear.memory import check_mode
from anagram_ext.systems.pde_system import PdeSystem

if TYPE_CHECKING:
    from anagram_ext.linear.group import Group
    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem

_REMEMBERED: Final = 4  # problems whose systems are kept

# Problems are immutable and compared by identity, models by value.
Key = tuple["Problem", "Model", int, str, "Group | None"]

_idle: OrderedDict[Key, list[PdeSystem]] = OrderedDict()
_lock = Lock()


@contextmanager
def borrowed_system(
    problem: Problem, model: Model, seed: int, memory: str = "auto", group: Group | None = None
) -> Iterator[PdeSystem]:
    """A system that nobody else holds until the end of the block.

    A system keeps buffers that every evaluation overwrites. So it is taken out of the cache for the
    length of a call: threads that call at the same time get systems of their own.
    """
    check_mode(memory)
    key = (problem, model, seed, memory, group)
    with _lock:
        waiting = _idle.get(key)
        system = waiting.pop() if waiting else None
    if system is None:
        system = PdeSystem(problem, model, seed, memory, group=group)
    yield system  # after an exception it is left to the collector
    with _lock:
        _idle.setdefault(key, []).append(system)
        _idle.move_to_end(key)
        while len(_idle) > _REMEMBERED:
            _idle.popitem(last=False)


def forget() -> None:
    """Lets go of all idle systems."""
    with _lock:
        _idle.clear()
