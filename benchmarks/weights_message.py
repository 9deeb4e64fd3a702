"""Does more weight help where a run is told so? On the problems of the points' messages.

    python benchmarks/weights_message.py --out results

All problems of ``points_message_blind.py``, ``points_message_fresh.py`` and
``points_message_third.py``, with three seeds each. A run whose warning asks for ten times the
weight of a condition is followed by one with it, and once more where that asks again. That a
condition on a boundary is given up for the equations was noticed on two of these problems (the
nonlinear conduction and Cahn and Hilliard's front), so they are no independent test.
"""

from __future__ import annotations

import argparse
import re
import warnings
from dataclasses import replace
from pathlib import Path

import points_message_blind as blind
import points_message_fresh as fresh
import points_message_third as third
from measure import table, write

import anagram_ext as ax

ASKED = re.compile(r"give\s+'([^']+)'\s+ten\s+times\s+its\s+weight")
SIZE = 400  # points inside
SEEDS = (0, 1, 2)
TIMES = 2  # ten times the weight, at most so often
HEADER = ["problem", "seed", "verdict", "relative L2", "asked for", "verdict", "relative L2"]
HEADER += ["asked again", "verdict", "relative L2"]
CASES = blind.CASES | fresh.CASES | third.CASES


def trained(problem: ax.Problem, case: blind.Case, seed: int) -> ax.TrainResult:
    return ax.train(problem, ax.MLP(case.widths), seed=seed, steps=blind.STEPS, progress=False)


def heavier(problem: ax.Problem, name: str) -> ax.Problem:
    """The same problem with ten times the weight of a condition."""
    condition = problem.conditions[name]
    conditions = problem.conditions | {name: replace(condition, weight=10 * condition.weight)}
    return ax.Problem(problem.coordinates, problem.fields, conditions, solution=problem.solution)


def line(name: str, case: blind.Case, seed: int) -> list[str]:
    """One run, and those that do what they are told; empty if it was not told so."""
    problem = case.make(SIZE)
    run = trained(problem, case, seed)
    cells = [name, str(seed), str(run.verdict), f"{run.l2_relative:.1e}"]
    for _ in range(TIMES):
        asked = ASKED.search(run.warning or "")
        if not asked:
            break
        problem = heavier(problem, asked[1])
        run = trained(problem, case, seed)
        cells += [asked[1], str(run.verdict), f"{run.l2_relative:.1e}"]
    told = len(cells) > 4
    return cells + ["-"] * (len(HEADER) - len(cells)) if told else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    lines = []
    for name, case in CASES.items():
        for seed in SEEDS:
            found = line(name, case, seed)
            print(name, seed, *found[2:], sep=" | ", flush=True)
            lines += [found] if found else []
    runs = len(CASES) * len(SEEDS)
    text = f"{len(lines)} of {runs} runs were told to give weight:\n\n{table(HEADER, lines)}"
    write(arguments.out, "weights_message", lines, text)


if __name__ == "__main__":
    main()
