"""A fixed grid can be fitted without solving the equation: loss against held-out loss.

    python benchmarks/overfitting.py --out results

Allen-Cahn with the default method, once on the fixed grid of the published runs and once with as
many points chosen anew before every step. Both start from the same parameters.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

from matplotlib.figure import Figure
from measure import table, write

import anagram_ext as ax

CURVES = {"loss": "loss", "held_out_loss": "held-out loss", "l2_error": "L2 error"}


def draw(runs: dict[str, ax.TrainResult], path: Path) -> None:
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, (label, run) in zip(figure.subplots(1, 2, sharey=True), runs.items(), strict=True):
        for name, curve in CURVES.items():
            axes.semilogy(run.history["step"], run.history[name], label=curve)
        axes.set(xlabel="step", title=label)
        axes.grid(visible=True, alpha=0.3)
        axes.legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--steps", type=int, default=120)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    problems = {
        "fixed grid": ax.problems.allen_cahn(published=True),
        "chosen before every step": ax.problems.allen_cahn(),
    }
    runs = {
        label: ax.train(problem, steps=arguments.steps, progress=False)
        for label, problem in problems.items()
    }
    results = {label: run.summary() for label, run in runs.items()}
    lines = [
        [label, *(f"{result[name]:.1e}" for name in CURVES)] for label, result in results.items()
    ]
    write(arguments.out, "overfitting", results, table(["points", *CURVES.values()], lines))
    draw(runs, arguments.out / "overfitting.png")


if __name__ == "__main__":
    main()
