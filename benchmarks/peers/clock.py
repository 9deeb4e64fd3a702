"""Training time without the evaluation of errors, and the record of errors over it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 15.0  # seconds, and two fifths of the time so far, without half the best error


class Clock:
    """Runs while a peer works, stands while its error is looked at.

    Args:
        seconds: time limit.
        error: the L2 error of an iterate.
        every: how many steps between two errors.
    """

    def __init__(self, seconds: float, error: Callable[[object], float], every: int = 1) -> None:
        self._limit, self._error, self._every = seconds, error, every
        self.curve: list[tuple[float, float]] = []
        self.steps, self.seconds = 0, 0.0
        self._milestone, self._since = math.inf, 0.0
        self._started = math.nan

    def start(self) -> None:
        """Before the first step."""
        self._started = time.perf_counter()

    def goes_on(self, iterate: object) -> bool:
        """After each step: False where time is up, or nothing has improved for long."""
        self.seconds += time.perf_counter() - self._started
        self.steps += 1
        if self.steps % self._every == 0:
            self._look(iterate)
        self.start()
        stalled = self.seconds - self._since > max(PATIENCE, 0.4 * self.seconds)
        return self.seconds < self._limit and not stalled

    def _look(self, iterate: object) -> None:
        error = self._error(iterate)
        self.curve.append((self.seconds, error))
        if error < 0.5 * self._milestone:
            self._milestone, self._since = error, self.seconds


def write(out: Path, curve: list[tuple[float, float]], steps: int, compiled: float) -> None:
    """The record of a run."""
    record = {"curve": curve, "steps": steps, "compile_seconds": compiled}
    out.write_text(json.dumps(record) + "\n", encoding="utf-8")
