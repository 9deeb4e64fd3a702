"""Further problems of the zoo, this tree beside an older commit: errors, and losses beside them.

    python benchmarks/zoo.py --against COMMIT --out results

Default settings, each run in a process of its own; runs already on file are not repeated. Held-out
over training loss tells whether points are too few, and PRESS over held-out loss whether the rows
themselves tell the loss elsewhere: PRESS of the result, by an exact factorisation at the damping of
the last step. Seconds are processor seconds of training.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from measure import table, write
from runs import median, worst
from time_to_accuracy import installed

from anagram_ext import problems

PROBLEMS = ("wave", "advection", "biharmonic", "kdv", "helmholtz_2d", "navier_stokes")
AGAIN = ("laplace_2d", "heat", "laplace_5d")  # for their losses, in this tree alone
GAIN, SMALL = 10.0, 1e-11  # what is asked for: a factor, or an error
HEADER = ["problem", "tree", "seeds", "median L2", "worst L2", "loss", "held out"]
HEADER += ["held out / training", "PRESS / held out", "steps", "CPU s", "asked for"]
# What either tree understands; PRESS and the verdict are those of a later one.
RUN = """
import json, math, sys, time, warnings
import torch
import anagram_ext as ax
warnings.simplefilter("ignore")
problem, seed, out = ax.problems.get(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
limit, start = float(sys.argv[4]), time.process_time()
late = lambda run: "out of time" if time.process_time() - start > limit else None
options = {"callbacks": [late]} if math.isfinite(limit) else {}
run = ax.train(problem, seed=seed, progress=False, **options)
cpu = time.process_time() - start
press = math.nan
if hasattr(run, "press"):
    r, J = ax.jacobian(problem, problem.model, run.theta, seed=seed)
    press = ax.factorise(J).press(r, float(run.history["cutoff"][-1]) ** 2)
rows = int(run.facts.n_rows) if hasattr(run, "facts") else None
columns = ("loss", "held_out_loss", "l2_error", "press", "effective")
history = {name: run.history[name].tolist() for name in columns if name in run.history}
numbers = {name: float(getattr(run, name)) for name in ("loss", "held_out_loss", "l2_error")}
record = {"press": press, "cpu": cpu, "steps": run.steps, "rows": rows, "history": history}
record |= {"stop": run.stop_reason, "verdict": str(getattr(run, "verdict", "")), **numbers}
record |= {"warning": run.warning, "theta": run.theta.tolist()}
with open(out, "w", encoding="utf-8") as file:
    json.dump(record, file)
"""


def record(python: Path, problem: str, seed: int, out: Path, limit: float = math.inf) -> dict:
    """The run from its file, or from running it now, away from the source folder."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        command = [str(python), "-c", RUN, problem, str(seed), str(out.absolute()), str(limit)]
        subprocess.run(command, check=True, cwd=out.parent)
    found = json.loads(out.read_text(encoding="utf-8"))
    print(f"{out.stem}: L2 {found['l2_error']:.1e}, {found['cpu']:.0f} s", flush=True)
    return found


def spread(values: list[float]) -> str:
    """Median, least and largest."""
    if any(map(math.isnan, values)):
        return "-"
    return f"{statistics.median(values):.2g} ({min(values):.2g} to {max(values):.2g})"


def verdict(runs: list[dict], older: list[dict] | None) -> str:
    """Whether the median is as small as asked for, and by what factor it went down."""
    if older is None or runs is older:
        return "-"
    new, old = (statistics.median(run["l2_error"] for run in group) for group in (runs, older))
    return f"{'yes' if new <= SMALL or new * GAIN <= old else 'no'}, {old / new:.1f} times smaller"


def line(problem: str, tree: str, runs: list[dict], older: list[dict] | None) -> list[str]:
    """Medians over the seeds, and the spread of the ratios."""

    def column(name: str) -> list[float]:
        return [run[name] for run in runs]

    return [
        *(problem, tree, str(len(runs)), median(column("l2_error")), worst(column("l2_error"))),
        *(median(column(name)) for name in ("loss", "held_out_loss")),
        spread([run["held_out_loss"] / run["loss"] for run in runs]),
        spread([run["press"] / run["held_out_loss"] for run in runs]),
        f"{statistics.median(column('steps')):.0f}",
        f"{statistics.median(column('cpu')):.1f}",
        verdict(runs, older),
    ]


def without_curves(run: dict) -> dict:
    return {key: value for key, value in run.items() if key not in ("history", "theta")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", help="commit; this tree alone without one")
    parser.add_argument("--scratch", type=Path, help="where it is, or will be, installed")
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--problems", nargs="+", default=PROBLEMS + AGAIN, choices=problems.names())
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--limit", type=float, default=math.inf, help="processor seconds of a run")
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        trees = {"this": Path(sys.executable)}
        if arguments.against:
            older = installed(arguments.against, arguments.scratch or Path(temporary))
            trees = {arguments.against: older} | trees
        lines, results, limit = [], [], arguments.limit
        for problem in arguments.problems:
            file = f"zoo/{problem}-{{}}-{{}}.json"
            found = {
                tree: [
                    record(python, problem, seed, arguments.out / file.format(tree, seed), limit)
                    for seed in arguments.seeds
                ]
                for tree, python in trees.items()
                if tree == "this" or problem not in AGAIN
            }
            for tree, runs in found.items():
                lines.append(line(problem, tree, runs, found.get(arguments.against)))
                results += [{"problem": problem, "tree": tree, **without_curves(r)} for r in runs]
    write(arguments.out, "zoo", results, table(HEADER, lines))


if __name__ == "__main__":
    main()
