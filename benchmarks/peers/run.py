"""Time to accuracy beside other libraries: same points, same errors, one process a run.

    python3 -m venv .peers && .peers/bin/pip install -r benchmarks/peers/requirements.txt
    python benchmarks/peers/run.py --peers .peers/bin/python --out benchmarks/results

Runs already on file are not repeated. What comes before the first step is apart, compilation
most of it: seconds are those of training, warm.
All train on the points that our seed draws; our points of ``allen_cahn`` and ``burgers`` are drawn
anew while we train, the peers' stay.
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

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from measure import table, write

import anagram_ext as ax
from anagram_ext import problems

PROBLEMS = ("laplace_2d", "heat", "laplace_5d", "allen_cahn", "burgers")
LEVELS = (1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10)
OURS = "anagram_ext"
PEERS = {
    "jinns NGD": ("jinns_peer.py",),
    "Scimba ANaGRAM": ("scimba_peer.py", "ANaGRAM"),
    "Scimba DSGNAR": ("scimba_peer.py", "DSGNAR"),
    "Scimba RATATAM-LM": ("scimba_peer.py", "RATATAM-LM"),
    "Scimba SS-Broyden": ("scimba_peer.py", "SS-Broyden"),
    "Optimistix LM": ("optimistix_peer.py",),
}


def export(problem: ax.Problem, seed: int, path: Path) -> None:
    """Points, prescribed values, first iterate, and exact values, for the peers."""
    arrays: dict[str, np.ndarray] = {"widths": np.array(problem.model.widths)}
    for number, (name, condition) in enumerate(problem.conditions.items()):
        points = condition.points_for(seed)
        arrays[f"points:{name}"] = points.numpy()
        if number:  # all but the equation prescribe values
            arrays[f"values:{name}"] = prescribed(problem, name, points).numpy()
    at = problem.evaluation
    if at is None:
        at = torch.cat([c.points_for(10_000 + seed) for c in problem.conditions.values()])
    arrays["theta"] = problem.model.init(seed).numpy()
    arrays["evaluation"] = at.numpy()
    arrays["solution"] = problem.solution(ax.Coordinates(problem.coordinates, at)).numpy()
    np.savez(path, **arrays)


def prescribed(problem: ax.Problem, name: str, points: torch.Tensor) -> torch.Tensor:
    """What a condition ``u = g`` asks for, as the residual of u = 0 says."""
    coordinates = ax.Coordinates(problem.coordinates, points)
    zero = torch.zeros(len(points), dtype=points.dtype)
    return -problem.conditions[name].residual(zero, coordinates)


def ours(problem: ax.Problem, seed: int, out: Path) -> None:
    """Our own run with default settings, after one of a few steps."""
    ax.train(problem, problem.model, seed=seed, steps=2, progress=False)
    run = ax.train(problem, problem.model, seed=seed, progress=False)
    seconds, errors = (run.history[key] for key in ("seconds", "l2_error"))
    curve = list(zip((seconds - seconds[0]).tolist(), errors.tolist(), strict=True))
    record = {"curve": curve, "steps": run.steps, "compile_seconds": float(seconds[0])}
    out.write_text(json.dumps(record) + "\n", encoding="utf-8")


def theirs(problem: ax.Problem, seed: int, out: Path, command: list[str], seconds: float) -> None:
    """A peer's run: the python of its environment, its script, and options of that."""
    python, script, *options = command
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / f"{problem.name}-{seed}.npz"
        export(problem, seed, data)
        whole = [python, str(HERE / script), str(data), str(out), str(seconds), *options]
        done = subprocess.run(whole, check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"{out.stem} failed: {done.stderr.strip().splitlines()[-1]}", flush=True)


def seconds_to(record: dict, level: float) -> float:
    """Seconds until the error was at or below a level for the first time, inf if never."""
    return next((seconds for seconds, error in record["curve"] if error <= level), math.inf)


def line(problem: str, contestant: str, records: list[dict]) -> list[str]:
    """Medians over the seeds."""
    lowest = statistics.median(min(error for _, error in record["curve"]) for record in records)
    times = [statistics.median(seconds_to(r, level) for r in records) for level in LEVELS]
    return [
        problem,
        contestant,
        str(len(records)),
        *(f"{time:.2f}" if math.isfinite(time) else "-" for time in times),
        f"{lowest:.1e}",
        f"{statistics.median(record['compile_seconds'] for record in records):.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--peers", type=Path, help="python of the peers' environment", required=True
    )
    parser.add_argument("--out", type=Path, default=Path("results/peers"))
    parser.add_argument("--problems", nargs="+", default=PROBLEMS, choices=PROBLEMS)
    parser.add_argument("--contestants", nargs="+", default=(OURS, *PEERS), choices=(OURS, *PEERS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=60.0, help="of training, at most")
    arguments = parser.parse_args()

    runs = arguments.out / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    lines, results = [], []
    for name in arguments.problems:
        for contestant in arguments.contestants:
            records = []
            for seed in arguments.seeds:
                out = runs / f"{name}-{contestant.replace(' ', '_')}-{seed}.json"
                if not out.exists() and contestant == OURS:
                    ours(problems.get(name), seed, out)
                elif not out.exists():
                    command = [str(arguments.peers), *PEERS[contestant]]
                    theirs(problems.get(name), seed, out, command, arguments.seconds)
                if out.exists():
                    records.append(json.loads(out.read_text(encoding="utf-8")))
            if records:
                lines.append(line(name, contestant, records))
                print(*lines[-1], flush=True)
            results += [{"problem": name, "contestant": contestant, **record} for record in records]
    header = ["problem", "contestant", "seeds", *(f"{level:.0e}" for level in LEVELS)]
    text = table([*header, "lowest L2 error", "before"], lines)
    write(arguments.out, "peers", results, f"Seconds to an L2 error:\n\n{text}")


if __name__ == "__main__":
    main()
