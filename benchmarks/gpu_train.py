"""Training on a GPU: seconds to an accuracy, beside JAX on the same card.

    python benchmarks/gpu_train.py --out results

Burgers' equation (2-20-20-20-1, 3180 rows) and Poisson's on the ten-dimensional cube (10-64-64-1,
4000 rows), in double precision and from the same parameters. Ours is `ax.train` with its default
settings; the two of JAX are in `jax_training.py`. JAX trains on the points that our seed draws; our
points of Burgers' equation are drawn anew while we train. All measure the same error, relative L2
at the same points, after every step. Seconds are those of the steps, warm: neither compilation,
which is given apart, nor the evaluation of errors. Every run may take a minute; the table is
written after each.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # one GPU for all contestants

import numpy as np
import poisson_4000
from cases import CONDITIONS, VALUE, Array, Operator, Target, from_problem, laplacian
from measure import table, write

import anagram_ext as ax

SECONDS = 60.0  # of steps, a run
BUDGET = 430.0  # seconds after which no further run begins
LEVELS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)
OURS = "anagram_ext"
CONTESTANTS = (OURS, "JAX LM", "JAX ANaGRAM")
EVALUATION = 4000  # points of the error in ten dimensions
EVALUATION_SEED = 2**20  # far from the seeds that draw points for training

Record = dict[str, Any]


@dataclass(frozen=True)
class Task:
    """What to train.

    Attributes:
        problem: with a solution, and with the points where errors are measured.
        model: the network.
        formulas: of its conditions, see `cases.from_problem`.
    """

    problem: ax.Problem
    model: ax.MLP
    formulas: Sequence[tuple[Operator, Target]]


def burgers() -> Task:
    """The problem of the zoo with its own network."""
    problem = ax.problems.burgers()
    return Task(problem, problem.model, CONDITIONS["burgers"])


def poisson() -> Task:
    """Poisson's equation in ten dimensions, with points of its own for the error."""
    problem = poisson_4000.problem(redrawn=False)
    cube = ax.Box(**dict.fromkeys(poisson_4000.NAMES, (0.0, 1.0)))
    problem = replace(problem, evaluation=cube.sobol(EVALUATION)(EVALUATION_SEED))

    def waves(x: Array) -> Array:
        return np.cos(np.pi * x).sum(axis=1)

    formulas = ((laplacian(10), lambda x: -(np.pi**2) * waves(x)), (VALUE, waves))
    return Task(problem, ax.MLP([10, 64, 64, 1]), formulas)


TASKS: dict[str, Callable[[], Task]] = {"burgers": burgers, "poisson_10d": poisson}


def ours(task: Task, device: str, seconds: float) -> Record:
    """Our run with default settings, after one of two steps."""
    arguments = {"model": task.model, "seed": 0, "device": device, "progress": False}
    begin = time.perf_counter()
    ax.train(task.problem, steps=2, **arguments)
    before = time.perf_counter() - begin
    run = ax.train(task.problem, seconds=seconds, **arguments)
    times, errors = run.history["seconds"], run.history["l2_relative"]
    curve = list(zip((times - times[0]).tolist(), errors.tolist(), strict=True))
    return {"curve": curve, "steps": run.steps, "before": before, "end": run.stop_reason}


def run(contestant: str, task: Task, device: str, seconds: float) -> Record:
    """The record of a run; `missing` says why there is none."""
    if contestant == OURS:
        return ours(task, device, seconds)
    if not find_spec("jax"):
        return {"missing": "JAX is not installed"}
    from jax_training import trained

    case = from_problem(contestant, task.problem, task.model, task.formulas)
    try:
        return trained(contestant, case, device, seconds)
    except RuntimeError as error:  # no such device, out of memory
        return {"missing": str(error).partition("\n")[0]}


def seconds_to(record: Record, level: float) -> float:
    """Until the error was at or below a level for the first time, inf if never."""
    return next((seconds for seconds, error in record["curve"] if error <= level), math.inf)


def line(name: str, contestant: str, record: Record) -> list[str]:
    """A row of the table."""
    if "missing" in record:
        return [name, contestant, *["-"] * (len(LEVELS) + 3), f"not run: {record['missing']}"]
    times = [seconds_to(record, level) for level in LEVELS]
    least = min(error for _, error in record["curve"])
    last = record["curve"][-1][0]
    return [
        name,
        contestant,
        *(f"{seconds:.2f}" if math.isfinite(seconds) else "-" for seconds in times),
        f"{least:.1e}",
        f"{record['steps']} in {last:.1f} s",
        f"{record['before']:.1f}",
        record["end"],
    ]


def report(records: dict[str, dict[str, Record]]) -> str:
    """The table, from {task: {contestant: record}}."""
    levels = [f"{level:.0e}" for level in LEVELS]
    header = ["problem", "contestant", *levels, "lowest error", "steps", "before", ""]
    rows = [
        line(name, contestant, record)
        for name, by_contestant in records.items()
        for contestant, record in by_contestant.items()
    ]
    return f"Seconds to a relative L2 error:\n\n{table(header, rows)}"


def run_all(
    device: str,
    seconds: float,
    deadline: float,
    after_run: Callable[[dict[str, dict[str, Record]]], None],
    tasks: dict[str, Callable[[], Task]] = TASKS,
) -> None:
    """All runs, one after the other.

    Args:
        device: "cuda"; the CPU for tests.
        seconds: of steps, a run.
        deadline: no run begins after this time on `time.perf_counter`.
        after_run: called with the records up to there.
        tasks: by name.
    """
    records: dict[str, dict[str, Record]] = {}
    for name, make in tasks.items():
        task, records[name] = make(), {}
        for contestant in CONTESTANTS:
            if time.perf_counter() > deadline:
                record: Record = {"missing": "the time was used up"}
            else:
                record = run(contestant, task, device, seconds)
            records[name][contestant] = record
            after_run(records)


def main() -> None:
    """Trains, prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of steps, a run")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()

    def save(records: dict[str, dict[str, Record]]) -> None:
        write(arguments.out, "gpu_train", records, report(records))

    deadline = time.perf_counter() + BUDGET
    run_all(arguments.device, arguments.seconds, deadline, save)


if __name__ == "__main__":
    main()
