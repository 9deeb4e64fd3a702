"""Accuracy of all methods on all problems: what each reaches, and how long it takes.

    python benchmarks/accuracy.py --out results/accuracy

One JSON a run; runs that are already there are not repeated, so an interrupted benchmark goes on
where it was. Everything is at its default, except what the options say.
"""

from __future__ import annotations

import argparse
import math
import warnings
from functools import partial
from pathlib import Path

from coupling import until
from measure import table, write
from runs import TARGETS, Record, median, median_time, recorded, without_curve, worst

import anagram_ext as ax
from anagram_ext import methods, problems

PROBLEMS = ("laplace_2d", "heat", "laplace_5d", "allen_cahn", "burgers")
HEADER = [
    "problem",
    "method",
    "seeds",
    "median L2",
    "worst L2",
    "median relative L2",
    "median loss",
]
HEADER += ["median held-out loss", "steps", "factorisations", "evaluations", "seconds"]
HEADER += [f"to {target:.0e}" for target in TARGETS]


def run(problem: str, method: str, seed: int, steps: int | None, limit: float) -> ax.TrainResult:
    """One run with default settings, cut after so many processor seconds."""
    return ax.train(
        problems.get(problem),
        method=method,
        seed=seed,
        steps=steps,
        callbacks=[until(limit)],
        progress=False,
    )


def line(problem: str, method: str, records: list[Record]) -> list[str]:
    """Medians over the seeds, and the worst of the errors."""

    def column(name: str) -> list[float]:
        # What is not a number, for want of a solution or after a breakdown, counts as the worst.
        return [math.inf if math.isnan(record[name]) else record[name] for record in records]

    return [
        problem,
        method,
        str(len(records)),
        median(column("l2_error")),
        worst(column("l2_error")),
        median(column("l2_relative")),
        median(column("loss")),
        median(column("held_out_loss")),
        *(f"{float(median(column(name))):.0f}" for name in ("steps", "factorisations")),
        f"{float(median(column('evaluations'))):.0f}",
        f"{float(median(column('seconds'))):.1f}",
        *(median_time(records, target) for target in TARGETS),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/accuracy"))
    parser.add_argument("--problems", nargs="+", default=PROBLEMS, choices=problems.names())
    parser.add_argument("--methods", nargs="+", default=methods.names(), choices=methods.names())
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--steps", type=int, help="the method's usual number by default")
    parser.add_argument("--limit", type=float, default=math.inf, help="processor seconds of a run")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)  # the table shows it

    length = "" if arguments.steps is None else f"-{arguments.steps}-steps"
    lines, results = [], []
    for problem in arguments.problems:
        for method in arguments.methods:
            records = [
                recorded(
                    arguments.out / "runs" / f"{problem}-{method}-{seed}{length}.json",
                    partial(run, problem, method, seed, arguments.steps, arguments.limit),
                )
                for seed in arguments.seeds
            ]
            lines.append(line(problem, method, records))
            results += [without_curve(record) | {"problem": problem} for record in records]
    write(arguments.out, "accuracy", results, table(HEADER, lines))


if __name__ == "__main__":
    main()
