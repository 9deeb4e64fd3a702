"""Training runs on file: one JSON each, so that an interrupted benchmark goes on where it was."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from measure import environment

import anagram_ext as ax

TARGETS = (1e-3, 1e-6, 1e-9, 1e-12)  # L2 errors whose first moment is recorded

Record = dict[str, Any]


def recorded(path: Path, run: Callable[[], ax.TrainResult]) -> Record:
    """The record of a run: from its file if there is one, else from running it now."""
    if not path.exists():
        result = run()
        if result.stop is ax.methods.Stop.INTERRUPTED:
            raise KeyboardInterrupt
        record = record_of(result) | {"environment": environment()}
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(record) + "\n", encoding="utf-8")
        unfinished.replace(path)
    record = json.loads(path.read_text(encoding="utf-8"))
    print(
        f"{path.stem}: L2 {record['l2_error']:.1e}, loss {record['loss']:.1e}, "
        f"{record['steps']} steps, {record['seconds']:.1f} s, {record['stop_reason']}",
        flush=True,
    )
    return record


def record_of(result: ax.TrainResult) -> Record:
    """The summary of a run, its effort, when it reached each target, and its curve."""
    history = result.history
    return result.summary() | {
        "factorisations": int(history["factorisations"][-1]),
        "evaluations": int(history["evaluations"][-1]),
        "rows": int(history["rows"][-1]),
        "seconds_to": {f"{target:.0e}": seconds_to(history, target) for target in TARGETS},
        "curve": {name: history[name].tolist() for name in ("step", "seconds", "loss", "l2_error")},
    }


def without_curve(record: Record) -> Record:
    """What goes into the summary; the curve stays in the file of the run."""
    return {key: value for key, value in record.items() if key != "curve"}


def seconds_to(history: dict[str, np.ndarray], target: float) -> float | None:
    """Training seconds until the L2 error was at or below the target for the first time."""
    below = np.flatnonzero(history["l2_error"] <= target)
    return float(history["seconds"][below[0]]) if len(below) else None


def with_fixed_points(problem: ax.Problem, seed: int) -> ax.Problem:
    """The problem with the points that its samplers draw for a seed."""
    conditions = {
        name: replace(condition, points=condition.points_for(seed))
        for name, condition in problem.conditions.items()
    }
    return replace(problem, conditions=conditions)


def median(values: Iterable[float]) -> str:
    return f"{statistics.median(values):.1e}"


def worst(values: Iterable[float]) -> str:
    return f"{max(values):.1e}"


def median_time(records: Sequence[Record], target: float) -> str:
    """Median seconds to a target over the runs; those that missed it count as infinitely long."""
    times = [record["seconds_to"][f"{target:.0e}"] for record in records]
    middle = statistics.median(math.inf if time is None else time for time in times)
    return f"{middle:.2f} s" if math.isfinite(middle) else "-"
