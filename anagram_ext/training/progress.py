"""Telling a person how a run goes: two lines that change on a terminal, a few plain ones elsewhere.

Both fit 80 columns. Rich is loaded with the first report, since importing the package has to be
quick.
"""

from __future__ import annotations

import math
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from anagram_ext.training.history import Row
    from anagram_ext.training.result import TrainResult

LINES: Final = 10  # plain lines a run, roughly
WIDTH: Final = 80  # columns of a plain line
_GAP: Final = "  "
_now = time.monotonic


class Report(Protocol):
    """What is called with each new row, and with the lowest loss so far."""

    def __call__(self, row: Row, best: float = math.inf) -> None:
        """Tells it."""


@contextmanager
def reporting(enabled: bool, steps: int | None, seconds: float | None = None) -> Iterator[Report]:
    """Yields what to call with each new row; everything goes to stderr.

    Args:
        enabled: False reports nothing.
        steps: most steps of the run, None where ``seconds`` alone limit it.
        seconds: most seconds of the run.
    """
    if not enabled:
        yield _ignore
        return
    from rich.console import Console
    from rich.live import Live

    console = Console(stderr=True)
    ends = _Ends(steps, seconds)
    stopwatch = _Stopwatch(steps, seconds)
    if console.is_terminal:
        dashboard = _Dashboard(console, ends, stopwatch)
        with Live(console=console, get_renderable=dashboard.shown, refresh_per_second=10):
            yield dashboard
    else:
        yield _PlainLines(ends, stopwatch)


def describe(row: Row, best: float = math.nan, width: int = 1000, more: str = "") -> str:
    """Loss, the best one so far, held-out loss, L2 error, rank and step size, where there are any.

    Args:
        row: the latest one.
        best: the best loss so far; told where it is another one.
        width: columns at most: of what does not fit, the last ones are left out.
        more: what else to say, more important than the L2 error.
    """
    parts = [f"loss {row.loss:.2e}"]
    if best < row.loss:
        parts.append(f"best {best:.2e}")
    if not math.isnan(row.held_out_loss):
        parts.append(f"held out {row.held_out_loss:.2e}")
    if more:
        parts.append(more)
    if not math.isnan(row.l2_error):
        parts.append(f"L2 {row.l2_error:.2e}")
    if row.rank is not None:
        parts.append(f"rank {row.rank}")
    if not math.isnan(row.step_size):
        parts.append(f"step size {row.step_size:.1e}")
    while len(parts) > 1 and len(_GAP.join(parts)) > width:
        parts.pop()
    return _GAP.join(parts)


def clock(seconds: float) -> str:
    """A duration such as 0:07, 12:30 or 1:00:00."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def tell_end(result: TrainResult) -> None:
    """Says on stderr what the run amounts to, and what is wrong with it."""
    end = f"{result.stop_reason} after {result.steps} steps, {result.seconds:.1f} s"
    print(f"{result.verdict}: {end}", file=sys.stderr)
    if result.warning is not None:
        told = textwrap.fill(result.warning, WIDTH, initial_indent=_GAP, subsequent_indent=_GAP)
        print(told, file=sys.stderr, flush=True)


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
            return f"seconds {row.seconds:.0f}/{self._seconds:.0f}, step {row.step}"
        return f"step {row.step}/{self._steps}"


class _Stopwatch:
    """Elapsed time on the wall, and what is left of it at the speed so far.

    Args:
        steps: most steps of the run, None for no limit.
        seconds: most seconds of the run in its method, None for no limit.
    """

    def __init__(self, steps: int | None, seconds: float | None) -> None:
        self._limits = (math.inf if steps is None else steps, seconds or math.inf)
        self._first: tuple[float, Row] | None = None

    def __call__(self, row: Row) -> tuple[float, float]:
        """Elapsed since the first row that was shown, which a resumed run does not begin with.

        Returns:
            Seconds elapsed, and seconds to the nearer end: nan before there is any speed.
        """
        if self._first is None:
            self._first = _now(), row
        begin, first = self._first
        elapsed = _now() - begin
        done = row.step - first.step, row.seconds - first.seconds
        to_do = self._limits[0] - row.step, self._limits[1] - row.seconds
        left = [elapsed * b / a for a, b in zip(done, to_do, strict=True) if a > 0 and b < math.inf]
        return elapsed, max(0.0, min(left)) if left else math.nan


def times(elapsed: float, left: float) -> str:
    """Both in words; nothing in the first instant, when neither says anything."""
    if elapsed < 1:
        return ""
    return clock(elapsed) if not left >= 1 else f"{clock(elapsed)}, {clock(left)} left"


class _Dashboard:
    """A bar with the times above a line of numbers, as wide as the terminal."""

    def __init__(self, console: Console, ends: _Ends, stopwatch: _Stopwatch) -> None:
        from rich import progress

        self._console, self._ends, self._stopwatch = console, ends, stopwatch
        self._numbers = ""
        self._bar = progress.Progress(
            progress.TextColumn("{task.fields[place]}"),
            progress.BarColumn(bar_width=None),
            progress.TimeElapsedColumn(),
            progress.TextColumn("{task.fields[left]}"),
            console=console,
            expand=True,
        )
        self._task = self._bar.add_task("", total=1.0, place="", left="")

    def __call__(self, row: Row, best: float = math.inf) -> None:
        _, left = self._stopwatch(row)
        self._bar.update(
            self._task,
            completed=self._ends.share(row),
            place=self._ends.place(row),
            left="" if math.isnan(left) else f"{clock(left)} left",
        )
        self._numbers = describe(row, best, self._console.width)

    def shown(self) -> RenderableType:
        """The two lines as they are now."""
        from rich.console import Group
        from rich.text import Text

        return Group(self._bar, Text(self._numbers, no_wrap=True, overflow="crop"))


class _PlainLines:
    """Prints the first row, and then one for every tenth of the way."""

    def __init__(self, ends: _Ends, stopwatch: _Stopwatch) -> None:
        self._ends, self._stopwatch = ends, stopwatch
        self._printed = -1

    def __call__(self, row: Row, best: float = math.inf) -> None:
        moment = self._stopwatch(row)
        tenth = int(LINES * self._ends.share(row) + 1e-9)
        if tenth > self._printed:
            start = f"step {row.step}{_GAP}"
            line = describe(row, best, WIDTH - len(start), times(*moment))
            print(f"{start}{line}", file=sys.stderr, flush=True)
            self._printed = tenth


def _ignore(row: Row, best: float = math.inf) -> None:
    del row, best
