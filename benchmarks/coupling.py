"""Points tied to the damping against as many points as the problem says, on redrawn points.

    python benchmarks/coupling.py --seeds 0 1 --steps 125

One line a run, with the processor time of the whole process that it took.
"""

from __future__ import annotations

import argparse
import time
import warnings

import anagram_ext as ax
from anagram_ext import problems

PROBLEMS = ("allen_cahn", "burgers")
HEADER = "| problem | seed | points | steps | S | CPU s | held out / training loss | L2 |"


def line(problem: str, seed: int, coupled: bool, steps: int | None) -> str:
    """One run as a line of the table."""
    before = time.process_time()
    run = ax.train(problems.get(problem), seed=seed, steps=steps, coupled=coupled, progress=False)
    spent = time.process_time() - before
    points = "coupled" if coupled else "as given"
    rows = int(run.history["rows"][-1])
    return (
        f"| {problem} | {seed} | {points} | {run.steps} | {rows} | {spent:.0f} "
        f"| {run.held_out_loss / run.loss:.1f} | {run.l2_error:.1e} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", nargs="+", default=PROBLEMS, choices=problems.names())
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steps", type=int, help="the method's usual number by default")
    parser.add_argument("--only", choices=("coupled", "given"), help="leave out the other half")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    print(HEADER)
    print("|---" * HEADER.count(" | ") + "|---|")
    for problem in arguments.problems:
        for seed in arguments.seeds:
            for coupled in (False, True):
                if arguments.only in {None, "coupled" if coupled else "given"}:
                    print(line(problem, seed, coupled, arguments.steps), flush=True)


if __name__ == "__main__":
    main()
