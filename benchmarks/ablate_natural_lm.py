"""What each part of natural_lm is worth: the default, and the default without one of them.

    python benchmarks/ablate_natural_lm.py --problems laplace_2d --seeds 0:30 --out results/ablation

Counts factorisations and evaluations, which do not depend on the machine, and processor seconds.
Runs that are already there are not repeated.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from measure import table, write
from runs import Record, median, recorded, worst

import anagram_ext as ax
from anagram_ext import problems
from anagram_ext.methods import chord, natural_lm

LEVELS = (1e-8, 1e-12, 1e-16, 1e-20)
HEADER = ["problem", "variant", "seeds", "factorisations / evaluations", "mean factorisations"]
HEADER += [f"to {level:.0e} (reached)" for level in LEVELS]
HEADER += ["CPU s", "median loss", "worst loss", "median L2", "worst L2"]


def plain(model: Any, trial: Any) -> Any:
    """Chord iterations without acceleration, as they were before."""
    negligible = chord.NEGLIGIBLE * float(trial.step.norm())
    for _ in range(chord.MAX_CORRECTIONS):
        following = model.corrected(trial)
        if not math.isfinite(following.loss):
            return trial
        length = float(following.correction.norm())
        contracted = length <= chord.CONTRACTION * float(trial.correction.norm())
        trial = following
        if not contracted or length < negligible:
            break
    return trial


def coarse(_model: Any, _refused: float) -> None:
    """Nothing between the steps of the ladder."""


# What to replace in the module of the method.
VARIANTS: dict[str, dict[str, object]] = {
    "default": {},
    "no certificate": {"FLOOR": math.inf},
    "no finer dampings": {"_between": coarse},
    "plain chords": {"accelerated": plain},
    "greedy always": {"PROMISING": math.inf},
    "no shakes": {"SHAKES": 0},
}


@contextmanager
def variant(name: str) -> Iterator[None]:
    with ExitStack() as replaced:
        for part, value in VARIANTS[name].items():
            replaced.enter_context(mock.patch.object(natural_lm, part, value))
        yield


def run(problem: str, name: str, seed: int, steps: int | None) -> ax.TrainResult:
    """One run, its processor time in place of the seconds of the clock."""
    with variant(name):
        before = time.process_time()
        result = ax.train(problems.get(problem), seed=seed, steps=steps, progress=False)
    return replace(result, seconds=time.process_time() - before)


def factorisations_to(record: Record, level: float) -> float:
    """Steps, that is factorisations, to the first loss below a level."""
    below = np.flatnonzero(np.array(record["curve"]["loss"]) < level)
    return float(record["curve"]["step"][below[0]]) if len(below) else math.inf


def line(problem: str, name: str, records: list[Record]) -> list[str]:
    def column(key: str) -> list[float]:
        return [record[key] for record in records]

    steps = [[factorisations_to(record, level) for record in records] for level in LEVELS]
    return [
        problem,
        name,
        str(len(records)),
        " / ".join(
            f"{statistics.median(column(key)):.0f}" for key in ("factorisations", "evaluations")
        ),
        f"{statistics.mean(column('factorisations')):.0f}",
        *(
            f"{statistics.median(counts):.0f} ({sum(map(math.isfinite, counts))})"
            for counts in steps
        ),
        f"{statistics.median(column('seconds')):.2f}",
        median(column("loss")),
        worst(column("loss")),
        median(column("l2_error")),
        worst(column("l2_error")),
    ]


def seeds_of(text: str) -> range:
    first, last = text.split(":")
    return range(int(first), int(last))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/ablation"))
    parser.add_argument("--problems", nargs="+", default=["laplace_2d"], choices=problems.names())
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--seeds", type=seeds_of, default=range(30), help="first:last")
    parser.add_argument("--steps", type=int, help="the method's usual number by default")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.HeldOutWarning)

    lines = []
    for problem in arguments.problems:
        for name in arguments.variants:
            folder = arguments.out / "runs" / name.replace(" ", "-")
            records = [
                recorded(
                    folder / f"{problem}-{seed}.json",
                    partial(run, problem, name, seed, arguments.steps),
                )
                for seed in arguments.seeds
            ]
            lines.append(line(problem, name, records))
    write(arguments.out, "ablation", lines, table(HEADER, lines))


if __name__ == "__main__":
    main()
