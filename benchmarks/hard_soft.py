"""Initial and boundary values built in (hard) against conditions for them (soft).

    python benchmarks/hard_soft.py --out benchmarks/results

The problems of the zoo with their own points, as many in every step, and networks of one size
below; hard runs keep the equation alone.
"Both reach" is the relative error of the worst of all runs, soft and hard: steps and seconds of
the processor to there compare like with like.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
import warnings
from collections import Counter
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from measure import table, write

import anagram_ext as ax

pi = torch.pi
STEPS = 100
NETWORKS = {"heat": [2, 64, 1], "allen_cahn": [2, 20, 20, 1], "burgers": [2, 20, 20, 1]}
MAPS: dict[str, Callable[..., torch.Tensor]] = {
    "heat": lambda n, x: torch.sin(pi * x.x) + x.t * x.x * (1 - x.x) * n,
    "allen_cahn": lambda n, x: x.x**2 * torch.cos(pi * x.x) + x.t * (1 - x.x**2) * n,
    "burgers": lambda n, x: -torch.sin(pi * x.x) + x.t * (1 - x.x**2) * n,
}
HEADER = ["problem", "initial and walls", "seeds", "relative L2, median", "worst", "steps", "CPU s"]
HEADER += ["both reach", "steps to it", "CPU s to it", "verdicts"]

Record = dict[str, Any]


def posed(name: str, kind: str) -> tuple[ax.Problem, ax.Model]:
    """The problem of the zoo, as it is or with the equation alone and values built in."""
    problem, network = ax.problems.get(name), ax.MLP(NETWORKS[name])
    if kind == "soft":
        return problem, ax.Model(network)
    equation = {"interior": problem.conditions["interior"]}
    bare = ax.Problem(
        problem.coordinates,
        problem.fields,
        equation,
        solution=problem.solution,
        evaluation=problem.evaluation,
    )
    return bare, ax.Model(network, outputs=MAPS[name])


def run(name: str, kind: str, seed: int, steps: int = STEPS) -> Record:
    """One run watched with a clock of the processor."""
    problem, model = posed(name, kind)
    curve: list[tuple[int, float, float]] = []
    started = time.process_time()

    def watch(run: Any) -> None:
        last = run.history.last
        curve.append((last.step, time.process_time() - started, last.l2_error))

    found = ax.train(
        problem, model, seed=seed, steps=steps, coupled=False, progress=False, callbacks=[watch]
    )
    size = found.l2_error / found.l2_relative
    return {
        "problem": name,
        "kind": kind,
        "seed": seed,
        "error": found.l2_relative,
        "estimated_error": found.estimated_error,
        "verdict": str(found.verdict),
        "loss": found.loss,
        "steps": found.steps,
        "cpu_seconds": curve[-1][1],
        "curve": [(step, seconds, error / size) for step, seconds, error in curve],
    }


def recorded(folder: Path, name: str, kind: str, seed: int) -> Record:
    """The record of a run: from its file if there is one, else from running it now."""
    path = folder / f"{name}-{kind}-{seed}.json"
    if not path.exists():
        record = run(name, kind, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    record = json.loads(path.read_text(encoding="utf-8"))
    shown = {k: v for k, v in record.items() if k != "curve"}
    print(shown, flush=True)
    return record


def first_below(record: Record, target: float) -> tuple[int, float]:
    """Steps and processor seconds to an error that the run is known to reach."""
    step, seconds, _ = next(row for row in record["curve"] if row[2] <= target)
    return step, seconds


def lines(records: list[Record]) -> list[list[str]]:
    """Soft and hard runs of one problem, one line each."""
    target = max(record["error"] for record in records)
    made = []
    for kind in ("soft", "hard"):
        of = [record for record in records if record["kind"] == kind]
        reached = [first_below(record, target) for record in of]
        errors = [record["error"] for record in of]
        verdicts = Counter(record["verdict"] for record in of)
        made.append(
            [
                of[0]["problem"],
                kind,
                str(len(of)),
                f"{statistics.median(errors):.1e}",
                f"{max(errors):.1e}",
                f"{statistics.median(record['steps'] for record in of):.0f}",
                f"{statistics.median(record['cpu_seconds'] for record in of):.1f}",
                f"{target:.1e}",
                f"{statistics.median(step for step, _ in reached):.0f}",
                f"{statistics.median(seconds for _, seconds in reached):.1f}",
                ", ".join(f"{verdict} {count}" for verdict, count in verdicts.items()),
            ]
        )
    return made


def draw(records: list[Record], path: Path) -> None:
    """Smallest error so far against time of the processor, a panel a problem, a line a run."""
    names = list(dict.fromkeys(record["problem"] for record in records))
    figure = Figure(figsize=(3.6 * len(names), 3), layout="constrained")
    panels = figure.subplots(1, len(names), squeeze=False)[0]
    for record in records:
        panel = panels[names.index(record["problem"])]
        _, seconds, errors = zip(*record["curve"], strict=True)
        label = record["kind"] if record["seed"] == 0 else None
        lowest = list(accumulate(errors, min))
        panel.semilogy(seconds, lowest, color={"soft": "C1", "hard": "C0"}[record["kind"]])
        panel.lines[-1].set_label(label)
    for panel, name in zip(panels, names, strict=True):
        panel.set(title=name, xlabel="processor seconds")
        panel.grid(visible=True, alpha=0.3)
    panels[0].set_ylabel("relative L2 error, lowest so far")
    panels[0].legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--problems", nargs="*", default=list(MAPS), choices=list(MAPS))
    options = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    made, every = [], []
    for name in options.problems:
        records = [
            recorded(options.out / "hard_soft", name, kind, seed)
            for kind in ("soft", "hard")
            for seed in range(options.seeds)
        ]
        made += lines(records)
        every += records
    results = [{k: v for k, v in record.items() if k != "curve"} for record in every]
    write(options.out, "hard_soft", results, table(HEADER, made))
    draw(every, options.out / "hard_soft.png")


if __name__ == "__main__":
    main()
