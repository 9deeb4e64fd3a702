"""Telling a person how a run goes: a bar on a terminal, a few plain lines elsewhere.

Rich is loaded with the first report, since importing the package has to be quick.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from anagram_ext.training.history import Row
    from anagram_ext.training.result import TrainResult

LINES: Final = 10  # plain lines a run, roughly


@contextmanager
def reporting(
    enabled: bool, steps: int | None, seconds: float | None = None
) -> Iterator[Callable[[Row], None]]:
    """Yields what to call with each new row; everything goes to stderr.

    Args:
        enabled: False reports nothing.
        steps: most steps of the run, None where ``seconds`` alone limit it.
        seconds: most seconds of the run.
    """
    if not enabled:
        yield _ignore
        return
    from rich.console import Console  # noqa: PLC0415 -- see above

    console = Console(stderr=True)
    ends = _Ends(steps, seconds)
    best = _Best()
    if console.is_terminal:
        with _bar(console, "step" if seconds is None else "seconds") as bar:
            task = bar.add_task("", total=1.0, place="", numbers="")

            def show(row: Row) -> None:
                bar.update(
                    task,
                    completed=ends.share(row),
                    place=ends.place(row),
                    numbers=describe(row, best(row)),
                )

            yield show
    else:
        yield _PlainLines(ends, best)


def describe(row: Row, best: float = math.nan) -> str:
    """Loss, the best one so far, held-out loss, L2 error, rank and step size, where there are any.

    Args:
        row: the latest one.
        best: the best loss so far; told where it is another one.
    """
    parts = [f"loss {row.loss:.2e}"]
    if best < row.loss:
        parts.append(f"best {best:.2e}")
    if not math.isnan(row.held_out_loss):
        parts.append(f"held out {row.held_out_loss:.2e}")
    if not math.isnan(row.l2_error):
        parts.append(f"L2 {row.l2_error:.2e}")
    if row.rank is not None:
        parts.append(f"rank {row.rank}")
    if not math.isnan(row.step_size):
        parts.append(f"step size {row.step_size:.1e}")
    return "  ".join(parts)


def tell_end(result: TrainResult) -> None:
    """Says on stderr what the run amounts to, and what is wrong with it."""
    end = f"{result.stop_reason} after {result.steps} steps, {result.seconds:.1f} s"
    print(f"{result.verdict}: {end}", file=sys.stderr)
    if result.warning is not None:
        print(f"  {result.warning}", file=sys.stderr, flush=True)


class _Ends:
    """How far a run is on its way to the nearer of its ends."""

    def __init__(self, steps: int | None, seconds: float | None) -> None:
        self._steps, self._seconds = steps, seconds

    def share(self, row: Row) -> float:
        """Between 0 and 1."""
        of_steps = 0.0 if self._steps is None else row.step / self._steps
        of_time = 0.0 if self._seconds is None else row.seconds / self._seconds
        return min(1.0, max(of_steps, of_time))

    def place(self, row: Row) -> str:
        """In numbers."""
        if self._seconds is not None:
            return f"{row.seconds:.0f}/{self._seconds:.0f}, step {row.step}"
        return f"{row.step}/{self._steps}"


class _Best:
    """The best loss so far."""

    def __init__(self) -> None:
        self._loss = math.inf

    def __call__(self, row: Row) -> float:
        self._loss = min(self._loss, row.loss)
        return self._loss


def _bar(console: Console, unit: str) -> Progress:
    from rich import progress  # noqa: PLC0415 -- see above

    return progress.Progress(
        progress.TextColumn(unit),
        progress.TextColumn("{task.fields[place]}"),
        progress.BarColumn(bar_width=None),
        progress.TimeElapsedColumn(),
        progress.TextColumn("{task.fields[numbers]}"),
        console=console,
    )


class _PlainLines:
    """Prints the first row, and then one for every tenth of the way."""

    def __init__(self, ends: _Ends, best: _Best) -> None:
        self._ends, self._best = ends, best
        self._printed = -1

    def __call__(self, row: Row) -> None:
        best = self._best(row)
        tenth = int(LINES * self._ends.share(row) + 1e-9)
        if tenth > self._printed:
            print(f"step {row.step}  {describe(row, best)}", file=sys.stderr, flush=True)
            self._printed = tenth


def _ignore(row: Row) -> None:
    del row
