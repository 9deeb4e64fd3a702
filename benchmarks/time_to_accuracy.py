"""Seconds to an L2 error, this tree beside an older commit: default settings, paired runs.

    python benchmarks/time_to_accuracy.py --against COMMIT --out results/time_to_accuracy

The commit is cloned, and installed into an environment of its own, in a scratch folder that can be
given and is then used again. Runs take turns, each in a process of its own, so that noise hits both
alike; runs already on file are not repeated. Seconds are those of training, from its call on.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from measure import table, write

from anagram_ext import problems

ROOT = Path(__file__).parent.parent
PROBLEMS = ("laplace_2d", "heat", "laplace_5d", "allen_cahn", "burgers")
LEVELS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10)
# What either tree understands.
RUN = """
import json, sys, warnings
import anagram_ext as ax
warnings.simplefilter("ignore")
problem, seed, out = ax.problems.get(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
run = ax.train(problem, seed=seed, progress=False)
history = {key: [float(x) for x in run.history[key]] for key in ("seconds", "l2_error")}
with open(out, "w", encoding="utf-8") as file:
    json.dump({**history, "total": float(run.seconds), "final": float(run.l2_error)}, file)
"""


def installed(commit: str, folder: Path) -> Path:
    """The python of an environment that holds this package as of a commit."""
    python = folder / "environment" / "bin" / "python"
    if not python.exists():
        source = folder / "source"
        _call("git", "clone", "--quiet", str(ROOT), str(source))
        _call("git", "-C", str(source), "checkout", "--quiet", commit)
        _call(sys.executable, "-m", "venv", str(folder / "environment"))
        same = [f"{name}=={version(name).split('+')[0]}" for name in ("torch", "numpy", "scipy")]
        _call(str(python), "-m", "pip", "install", "--quiet", *same, str(source))
    return python


def _call(*command: str) -> None:
    subprocess.run(command, check=True)


def record(python: Path, problem: str, seed: int, out: Path) -> dict:
    """The run from its file, or from running it now, away from the source folder."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        command = [str(python), "-c", RUN, problem, str(seed), str(out.absolute())]
        subprocess.run(command, check=True, cwd=out.parent)
    return json.loads(out.read_text(encoding="utf-8"))


def seconds_to(run: dict, level: float) -> float:
    """Until the error was at or below a level for the first time, inf if never."""
    pairs = zip(run["seconds"], run["l2_error"], strict=True)
    return next((seconds for seconds, error in pairs if error <= level), math.inf)


def line(problem: str, tree: str, runs: list[dict], ends: list[float]) -> list[str]:
    """Medians over the seeds; ``ends`` are the errors at which the older tree ended."""
    times = [statistics.median(seconds_to(run, level) for run in runs) for level in LEVELS]
    reached = [seconds_to(run, end) for run, end in zip(runs, ends, strict=True)]
    times.append(statistics.median(reached))
    return [
        problem,
        tree,
        str(len(runs)),
        *(f"{seconds:.2f}" if math.isfinite(seconds) else "-" for seconds in times),
        f"{statistics.median(run['total'] for run in runs):.2f}",
        f"{statistics.median(run['final'] for run in runs):.1e}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", required=True, help="commit")
    parser.add_argument("--scratch", type=Path, help="where it is, or will be, installed")
    parser.add_argument("--out", type=Path, default=Path("results/time_to_accuracy"))
    parser.add_argument("--problems", nargs="+", default=PROBLEMS, choices=problems.names())
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        older = installed(arguments.against, arguments.scratch or Path(temporary))
        trees = {"this": Path(sys.executable), arguments.against: older}
        lines, results = [], []
        for problem in arguments.problems:
            runs: dict[str, list[dict]] = {tree: [] for tree in trees}
            for seed in arguments.seeds:
                for tree, python in trees.items():
                    out = arguments.out / "runs" / f"{problem}-{tree}-{seed}.json"
                    runs[tree].append(record(python, problem, seed, out))
            ends = [run["final"] for run in runs[arguments.against]]
            for tree, found in runs.items():
                lines.append(line(problem, tree, found, ends))
                print(*lines[-1], flush=True)
                results += [{"problem": problem, "tree": tree, **run} for run in found]
    header = ["problem", "tree", "seeds", *(f"{level:.0e}" for level in LEVELS)]
    header += ["to the older's end", "total", "L2"]
    write(arguments.out, "time_to_accuracy", results, table(header, lines))


if __name__ == "__main__":
    main()
