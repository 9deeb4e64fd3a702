"""What the ranks of a group do together around a run; one process does it alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from anagram_ext.methods import Stop
from anagram_ext.training.directory import RunDirectory
from anagram_ext.training.resume import resume_run

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.group import Group
    from anagram_ext.methods import Method
    from anagram_ext.systems.pde_system import PdeSystem
    from anagram_ext.training.interrupts import CtrlC
    from anagram_ext.training.run import Run

Agreement = Callable[["str | None"], "str | None"]


class Iterating(Protocol):
    """A run of any kind."""

    @property
    def theta(self) -> Tensor:
        """The parameters of now [P]."""


def agreement(run: Iterating, ranks: Group | None, ctrl_c: CtrlC) -> Agreement:
    """From this process's reason to stop to that of all ranks, who meet for it after a step."""

    def agreed(reason: str | None) -> str | None:
        if ranks is None:
            return reason
        if reason is None and ctrl_c.pressed:
            reason = Stop.INTERRUPTED
        return ranks.check_in(run.theta, None if reason is None else str(reason))

    return agreed


@contextmanager
def taken_directory(out: str | Path | None, ranks: Group | None) -> Iterator[RunDirectory | None]:
    """The folder of the run, for the process that writes; None for all others."""
    with ExitStack() as taken:

        def take() -> RunDirectory | None:
            if out is None or not (ranks is None or ranks.leads):
                return None
            return taken.enter_context(RunDirectory(out))

        yield take() if ranks is None else ranks.together(take)


def resume_together(
    directory: RunDirectory | None, run: Run, seed: int, ranks: Group | None
) -> None:
    """Goes on from the state in the folder, if there is one; rank 0 reads it for all."""

    def read() -> tuple[Path, bytes] | None:
        if directory is None or not directory.state.exists():
            return None
        return directory.state, directory.state.read_bytes()

    found = read() if ranks is None else ranks.first(ranks.together(read))
    if found is not None:
        resume_run(found[0], run, seed, found[1])


def setting(system: PdeSystem, method: Method, first: Tensor) -> tuple[object, ...]:
    """What has to be the same on all ranks before the first step."""
    problem = system.problem
    return problem.name, list(problem.conditions), method.name, first.cpu().numpy().tobytes()
