"""Points tied to the damping: what each part of the rule is worth, at equal processor time.

    python benchmarks/coupling.py --out results --seeds 0 1 2 3 4 --budget 6

Burgers and Allen-Cahn with small networks (2-12-12-12-1) and few points, 400 inside, so that the
rule has something to decide in seconds. A run ends after so many processor seconds of the whole
process, whatever the load of the machine. Each variant changes one constant or one part of
``training/coupling.py``. Runs on file are not repeated.

    python benchmarks/coupling.py --whole --seeds 0 1

trains the problems of the zoo themselves, with their points as given and coupled, to the end.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from measure import table, write
from runs import Record, median, recorded, worst

import anagram_ext as ax
from anagram_ext import problems
from anagram_ext.training import coupling
from anagram_ext.training import run as run_module

PROBLEMS = ("burgers", "allen_cahn")
WIDTHS = [2, 12, 12, 12, 1]
DENSITY = "no density"
GIVEN = "points as given"
STRIP = ax.Box(t=(0, 1), x=(-1, 1))


class FromTheLatest(coupling.Coupling):
    """Goes on from the latest iterate where points change, not from the best one of the set."""

    def after_step(self, info: ax.methods.StepInfo, merit: float) -> None:
        """Forgets the best iterate."""
        super().after_step(info, merit)
        self._best = (math.inf, None)


# What to replace, by name in a module.
VARIANTS: dict[str, dict[str, object]] = {
    "default": {},
    "q = 3": {"PER_PARAMETER": 3.0},
    "q = 30": {"PER_PARAMETER": 30.0},
    DENSITY: {},
    "from the latest iterate": {"Coupling": FromTheLatest},
    "always early: new points every step": {"LATE": math.inf},
    "always late: points kept from the start": {"LATE": 0.0},
    GIVEN: {},
}
HEADER = ["problem", "variant", "seeds", "median L2", "worst L2", "median held-out loss"]
HEADER += ["held out / training", "steps", "rows at the end"]


def small(name: str, density: bool) -> ax.Problem:
    """A problem of the zoo with few points and a small network."""
    problem = problems.get(name)
    inside = STRIP.stratified(20, 80).adaptive(400) if density else STRIP.stratified(16, 25)
    points = {
        "interior": inside if density else inside.redrawn(),
        "initial": STRIP.face(t=0).stratified(20).redrawn(),
        "walls": STRIP.faces("x").stratified(20).redrawn(),
    }
    conditions = {
        key: replace(condition, points=points[key]) for key, condition in problem.conditions.items()
    }
    return replace(problem, conditions=conditions, model=ax.MLP(WIDTHS))


@contextmanager
def variant(name: str) -> Iterator[None]:
    """The rule with one part changed."""
    parts = VARIANTS[name]
    where = run_module if "Coupling" in parts else coupling
    with mock.patch.multiple(where, **parts) if parts else mock.patch.dict({}):
        yield


def until(budget: float) -> Callable[[object], str | None]:
    """Ends a run after so many processor seconds."""
    end = time.process_time() + budget

    def asked(_: object) -> str | None:
        return "the processor time is used up" if time.process_time() > end else None

    return asked


def run(name: str, kind: str, seed: int, budget: float) -> ax.TrainResult:
    """One run within its budget."""
    problem = small(name, density=kind != DENSITY)
    with variant(kind):
        return ax.train(
            problem,
            seed=seed,
            steps=10_000,
            coupled=kind != GIVEN,
            callbacks=[until(budget)],
            progress=False,
        )


def line(name: str, kind: str, runs: list[Record]) -> list[str]:
    """Medians over the seeds, and the worst of the errors."""

    def column(key: str) -> list[Any]:
        return [record[key] for record in runs]

    gaps = [record["held_out_loss"] / record["loss"] for record in runs]
    return [
        name,
        kind,
        str(len(runs)),
        median(column("l2_error")),
        worst(column("l2_error")),
        median(column("held_out_loss")),
        f"{statistics.median(gaps):.1f}",
        f"{statistics.median(column('steps')):.0f}",
        f"{statistics.median(column('rows')):.0f}",
    ]


def ablate(arguments: argparse.Namespace) -> None:
    """All variants, seed by seed, and their table."""
    found: dict[tuple[str, str], list[Record]] = {}
    folder = arguments.out / "coupling"
    for seed in arguments.seeds:
        for name in arguments.problems:
            for kind in VARIANTS:
                file = f"{name}-{'-'.join(kind.replace(':', '').split())}-{seed}.json"
                one = partial(run, name, kind, seed, arguments.budget)
                found.setdefault((name, kind), []).append(recorded(folder / file, one))
    lines = [line(name, kind, runs) for (name, kind), runs in sorted_by_problem(found)]
    text = f"{arguments.budget:g} processor seconds a run, networks 2-12-12-12-1.\n\n"
    write(arguments.out, "coupling", lines, text + table(HEADER, lines))


def sorted_by_problem(
    found: dict[tuple[str, str], list[Record]],
) -> list[tuple[tuple[str, str], list[Record]]]:
    return sorted(found.items(), key=lambda item: PROBLEMS.index(item[0][0]))


def whole(arguments: argparse.Namespace) -> None:
    """The problems of the zoo to their end, one line a run with the processor time that it took."""
    print("| problem | seed | points | steps | S | CPU s | held out / training loss | L2 |")
    print("|---|---|---|---|---|---|---|---|")
    for name in arguments.problems:
        for seed in arguments.seeds:
            for coupled in (False, True):
                before = time.process_time()
                result = ax.train(problems.get(name), seed=seed, coupled=coupled, progress=False)
                print(
                    f"| {name} | {seed} | {'coupled' if coupled else 'as given'} | {result.steps} "
                    f"| {int(result.history['rows'][-1])} | {time.process_time() - before:.0f} "
                    f"| {result.held_out_loss / result.loss:.1f} | {result.l2_error:.1e} |",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--problems", nargs="+", default=list(PROBLEMS), choices=PROBLEMS)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--budget", type=float, default=6.0, help="processor seconds of a run")
    parser.add_argument("--whole", action="store_true", help="the zoo's problems to their end")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    (whole if arguments.whole else ablate)(arguments)


if __name__ == "__main__":
    main()
