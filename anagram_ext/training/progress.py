"""Telling a person how a run goes: a bar on a terminal, a few plain lines elsewhere.

Rich is loaded with the first report, since importing the package has to be quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from anagram_ext.training.history import Row

LINES: Final = 10  # plain lines a run, roughly


@contextmanager
def reporting(enabled: bool, steps: int) -> Iterator[Callable[[Row], None]]:
    """Yields what to call with each new row; everything goes to stderr.

    Args:
        enabled: False reports nothing.
        steps: length of the run.
    """
    if not enabled:
        yield _ignore
        return
    from rich.console import Console  # noqa: PLC0415 -- see above

    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(console) as bar:
            task = bar.add_task("", total=steps, numbers="")
            yield lambda row: bar.update(task, completed=row.step, numbers=describe(row))
    else:
        yield _PlainLines(max(1, steps // LINES))


def describe(row: Row) -> str:
    """Loss, L2 error, rank and step size, as far as the method and the problem have them."""
    parts = [f"loss {row.loss:.2e}"]
    if row.l2_error == row.l2_error:  # not nan
        parts.append(f"L2 {row.l2_error:.2e}")
    if row.rank is not None:
        parts.append(f"rank {row.rank}")
    if row.step_size == row.step_size:
        parts.append(f"step size {row.step_size:.1e}")
    return "  ".join(parts)


def _bar(console: Console) -> Progress:
    from rich import progress  # noqa: PLC0415 -- see above

    return progress.Progress(
        progress.TextColumn("step"),
        progress.MofNCompleteColumn(),
        progress.BarColumn(bar_width=None),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.fields[numbers]}"),
        console=console,
    )


class _PlainLines:
    """Prints the first row and then one every ``interval`` steps."""

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self._next = 0

    def __call__(self, row: Row) -> None:
        if row.step >= self._next:
            print(f"step {row.step}  {describe(row)}", file=sys.stderr, flush=True)
            self._next = row.step + self._interval


def _ignore(row: Row) -> None:
    del row
