"""How the fixed cutoff of ANaGRAM decides what it reaches: a sweep from 1e-2 to 1e-14.

    python benchmarks/cutoff_sweep.py --out results/cutoff

One JSON a run; runs that are already there are not repeated. The default method stands beside, as a
line that needs no cutoff.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from measure import table, write
from runs import Record, median, recorded, without_curve, worst

import anagram_ext as ax
from anagram_ext import problems

EXPONENTS = range(2, 15)
QUANTITIES = {"l2_error": "L2 error", "loss": "loss"}

Sweep = dict[float, list[Record]]  # by cutoff, one record a seed


def run(problem: str, cutoff: float | None, seed: int, steps: int) -> ax.TrainResult:
    """One run; without a cutoff by the default method with its own number of steps."""
    options = {} if cutoff is None else {"method": "anagram", "cutoff": cutoff, "steps": steps}
    return ax.train(problems.get(problem), seed=seed, progress=False, **options)


def draw(sweeps: dict[str, tuple[Sweep, list[Record]]], path: Path) -> None:
    """Medians over the seeds against the cutoff, and the spread from best to worst."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (name, label) in zip(figure.subplots(1, 2), QUANTITIES.items(), strict=True):
        for problem, (sweep, defaults) in sweeps.items():
            values = [[record[name] for record in records] for records in sweep.values()]
            (drawn,) = axes.loglog(
                list(sweep), [statistics.median(v) for v in values], "o-", label=problem
            )
            bounds = [min(v) for v in values], [max(v) for v in values]
            axes.fill_between(list(sweep), *bounds, color=drawn.get_color(), alpha=0.2)
            axes.axhline(
                statistics.median(record[name] for record in defaults),
                color=drawn.get_color(),
                linestyle="--",
                label=f"{problem}, default method",
            )
        axes.set(xlabel="cutoff relative to the largest singular value", ylabel=label)
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/cutoff"))
    parser.add_argument("--problems", nargs="+", default=["laplace_2d", "heat"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)

    def records(problem: str, cutoff: float | None) -> list[Record]:
        label = "default" if cutoff is None else f"{cutoff:.0e}"
        return [
            recorded(
                arguments.out / "runs" / f"{problem}-{label}-{seed}.json",
                partial(run, problem, cutoff, seed, arguments.steps),
            )
            for seed in arguments.seeds
        ]

    sweeps = {
        problem: (
            {10.0**-k: records(problem, 10.0**-k) for k in EXPONENTS},
            records(problem, None),
        )
        for problem in arguments.problems
    }
    lines = [
        [
            problem,
            label,
            *(f([r[name] for r in runs]) for name in QUANTITIES for f in (median, worst)),
        ]
        for problem, (sweep, defaults) in sweeps.items()
        for label, runs in [*((f"{c:.0e}", r) for c, r in sweep.items()), ("default", defaults)]
    ]
    header = ["problem", "cutoff", "median L2", "worst L2", "median loss", "worst loss"]
    results = {
        problem: [without_curve(r) for runs in (*sweep.values(), defaults) for r in runs]
        for problem, (sweep, defaults) in sweeps.items()
    }
    write(arguments.out, "cutoff_sweep", results, table(header, lines))
    draw(sweeps, arguments.out / "cutoff_sweep.png")


if __name__ == "__main__":
    main()
