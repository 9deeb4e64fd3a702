"""Which points to train on: grids against stratified points, fixed and redrawn.

    python benchmarks/designs.py --out results --designs grid stratified

The interior points of problems of the zoo, as many as they have, in another design.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

from measure import table, write
from runs import Record, median, recorded, worst

import anagram_ext as ax
from anagram_ext import problems

PROBLEMS = ("laplace_2d", "heat", "wave", "advection", "helmholtz_2d")
DESIGNS = ("grid", "stratified", "chebyshev", "sobol", "redrawn")
HEADER = ["problem", "design", "seeds", "median L2", "worst L2", "median seconds"]


def redesigned(problem: ax.Problem, design: str) -> ax.Problem:
    """The same problem with the points of its first condition, the equation, in a design."""
    name, condition = next(iter(problem.conditions.items()))
    region, n = condition.points.region, condition.n_points
    count = round(n ** (1 / len(region.names)))
    points = {
        "grid": lambda: region.grid(count),
        "stratified": lambda: region.stratified(count),
        "chebyshev": lambda: region.chebyshev(count),
        "sobol": lambda: region.sobol(count ** len(region.names)),
        "redrawn": lambda: region.stratified(count).redrawn(),
    }[design]()
    conditions = {**problem.conditions, name: replace(condition, points=points)}
    return replace(problem, conditions=conditions)


def run(problem: str, design: str, seed: int) -> ax.TrainResult:
    """One run with default settings."""
    return ax.train(redesigned(problems.get(problem), design), seed=seed, progress=False)


def line(problem: str, design: str, records: list[Record]) -> list[str]:
    """Median and worst error over the seeds."""
    errors = [record["l2_error"] for record in records]
    seconds = [record["seconds"] for record in records]
    return [
        problem,
        design,
        str(len(records)),
        median(errors),
        worst(errors),
        f"{statistics.median(seconds):.1f}",
    ]


def main() -> None:
    """Runs what is missing and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--problems", nargs="*", default=PROBLEMS)
    parser.add_argument("--designs", nargs="*", default=DESIGNS, choices=DESIGNS)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    lines = []
    for problem in options.problems:
        for design in options.designs:
            records = [
                recorded(
                    options.out / "runs" / f"{problem}-{design}-{seed}.json",
                    partial(run, problem, design, seed),
                )
                for seed in range(options.seeds)
            ]
            lines.append(line(problem, design, records))
    write(options.out, "designs", {"lines": lines}, table(HEADER, lines))


if __name__ == "__main__":
    main()
