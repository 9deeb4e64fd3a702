"""A few steps of every method with P = 20 017 parameters, stored and streamed.

    python benchmarks/many_parameters.py --out results

Laplace's equation on the square, S = 2116 rows, a network 2-139-139-1; each method in a process of
its own. Prints processor seconds a step, the first (which loads libraries) apart, and the highest
resident memory. J would take 0.34 GB. Runs already on file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import warnings
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from measure import table, write
from streaming import WIDTHS, peak

import anagram_ext as ax
from anagram_ext import methods

if TYPE_CHECKING:
    from anagram_ext.training.run import Run

POINTS = 44  # an axis: 44^2 + 4 * 45 rows
STEPS = 3
MEMORY = ("stored", "streamed")


def run(method: str, memory: str, points: int, widths: list[int], steps: int) -> dict:
    """Seconds of each step, the loss before and after, and the memory of this process."""
    problem, model = ax.problems.laplace_2d(n=points), ax.MLP(widths)
    stamps = [(0, time.process_time())]  # steps done, seconds

    def watch(state: Run) -> None:  # after every step, or after the last one
        stamps.append((state.steps, time.process_time()))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few steps converge to nothing
        found = ax.train(
            problem,
            model,
            method=method,
            memory=memory,
            steps=steps,
            seed=0,
            progress=False,
            callbacks=[watch],
        )
    losses = [float(loss) for loss in found.history["loss"]]
    seconds = [
        (after - before) / (steps_after - steps_before)
        for (steps_before, before), (steps_after, after) in pairwise(stamps)
    ]
    return {
        "method": method,
        "memory": memory,
        "seconds": seconds,
        "losses": losses,
        "peak": peak(),
    }


def line(found: dict) -> list[str]:
    """A row of the table."""
    first, *later = found["seconds"]
    return [
        found["method"],
        found["memory"],
        f"{first:.1f}",
        f"{statistics.median(later or [first]):.1f}",
        f"{found['peak'] / 1e9:.2f} GB",
        f"{found['losses'][0]:.1e}",
        f"{found['losses'][-1]:.1e}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--one", nargs=3, metavar=("METHOD", "MEMORY", "FILE"))
    arguments = parser.parse_args()
    if arguments.one:
        method, memory, file = arguments.one
        torch.set_num_threads(1)
        ax.set_num_threads(1)
        Path(file).write_text(json.dumps(run(method, memory, POINTS, WIDTHS, STEPS)))
        return
    folder = arguments.out / "many_parameters"
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for method in methods.names():
        for memory in MEMORY:
            file = folder / f"{method}-{memory}.json"
            if not file.exists():
                command = [sys.executable, __file__, "--one", method, memory, str(file)]
                subprocess.run(command, check=True)
            results.append(json.loads(file.read_text(encoding="utf-8")))
            print(*line(results[-1]), flush=True)
    header = ["method", "J", "first step, s", "a step, s", "peak memory", "loss", "after 3 steps"]
    write(arguments.out, "many_parameters", results, table(header, map(line, results)))


if __name__ == "__main__":
    main()
