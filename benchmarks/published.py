"""The ANaGRAM paper's own runs (arXiv 2412.10782), with its settings, beside its results.

    python benchmarks/published.py --out results/published

One JSON a run; runs that are already there are not repeated. A run ends after the published number
of steps, or when the best loss has not fallen by one percent in `PATIENCE` steps.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from measure import table, write
from runs import Record, median, recorded, with_fixed_points, without_curve, worst

import anagram_ext as ax
from anagram_ext.methods import StepInfo
from anagram_ext.methods.anagram import Anagram
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.systems.protocol import Linearisation

PUBLISHED = {"laplace_2d": 2.6e-9, "heat": 6.6e-7, "laplace_5d": 3.9e-5}
PATIENCE = 300

# In the authors' losses a mean square is multiplied with the size of the set it is taken over. For
# heat it is not published whether the two walls are one set of size one or two; one is used here.
MEASURES = {"laplace_2d": {"boundary": 4.0}, "heat": {}, "laplace_5d": {"boundary": 10.0}}


class PublishedSystem:
    """The least-squares problem of the authors' script.

    The direction comes from unscaled rows, while the line search looks at integrals over each
    condition's set, which weigh the boundary more.
    """

    def __init__(self, integrals: PdeSystem) -> None:
        self._integrals = integrals
        self._rows = PdeSystem(unscaled(integrals.problem), integrals.model)
        self.n_rows, self.n_parameters = self._rows.n_rows, self._rows.n_parameters
        self.draws, self.redrawn = 0, ()
        self.residuals, self.gradient = self._rows.residuals, self._rows.gradient
        self.losses = integrals.losses

    def linearise(self, theta: torch.Tensor) -> Linearisation:
        """Unscaled rows, and the loss of the integrals."""
        loss = float(self.losses(theta[None])[0])
        return replace(self._rows.linearise(theta), loss=loss)


class AsPublished:
    """The method `anagram` on that problem, which stops on a plateau."""

    name = "as published"
    default_steps = 2001
    evaluate_every = 1

    def __init__(self, cutoff: ax.Cutoff) -> None:
        self._method = Anagram(cutoff)

    def start(self, system: PdeSystem, theta: torch.Tensor) -> None:
        """Takes the problem with integrals."""
        self._method.start(PublishedSystem(system), theta)
        self._milestone, self._idle = math.inf, 0

    def step(self) -> StepInfo:
        """One step of the paper."""
        info = self._method.step()
        return replace(info, stop=self._stop(info.loss))

    def _stop(self, loss: float) -> str | None:
        if loss < 0.99 * self._milestone:
            self._milestone, self._idle = loss, 0
        else:
            self._idle += 1
        return f"plateau of {PATIENCE} steps" if self._idle >= PATIENCE else None


def unscaled(problem: ax.Problem) -> ax.Problem:
    """The problem whose rows are the plain residuals."""
    conditions = {
        name: replace(condition, weight=1.0) for name, condition in problem.conditions.items()
    }
    return replace(problem, conditions=conditions, row_scaling="none")


def integrated(problem: ax.Problem) -> ax.Problem:
    """The problem whose loss is half the sum of the integrals of all squared residuals."""
    conditions = {
        name: replace(condition, weight=MEASURES[problem.name].get(name, 1.0))
        for name, condition in problem.conditions.items()
    }
    return replace(problem, conditions=conditions)


def run(name: str, seed: int) -> ax.TrainResult:
    """One run with the published network, points, initial parameters, cutoff and steps."""
    grid = {} if name == "laplace_5d" else {"published": True}  # its points are drawn anyway
    problem = integrated(with_fixed_points(ax.problems.get(name, **grid), seed))
    settings, model = problem.settings, problem.model
    return ax.train(
        problem,
        method=AsPublished(settings["cutoff"]),
        theta=model.init(seed, scheme=settings["init"]),
        steps=settings["steps"],
        seed=seed,
        progress=False,
    )


def line(name: str, records: list[Record]) -> list[str]:
    errors = [record["l2_error"] for record in records]
    published = PUBLISHED[name]
    return [
        name,
        str(len(records)),
        f"{published:.1e}",
        median(errors),
        worst(errors),
        f"{float(median(errors)) / published:.2f}",
        f"{float(median(record['steps'] for record in records)):.0f}",
        f"{float(median(record['seconds'] for record in records)):.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/published"))
    parser.add_argument("--problems", nargs="+", default=["laplace_2d", "heat"], choices=PUBLISHED)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    arguments = parser.parse_args()
    results = {
        name: [
            recorded(arguments.out / "runs" / f"{name}-{seed}.json", partial(run, name, seed))
            for seed in arguments.seeds
        ]
        for name in arguments.problems
    }
    header = ["problem", "seeds", "published L2", "median L2", "worst L2", "ratio of medians"]
    header += ["median steps", "median seconds"]
    text = table(header, [line(name, records) for name, records in results.items()])
    write(
        arguments.out, "published", {n: [*map(without_curve, r)] for n, r in results.items()}, text
    )


if __name__ == "__main__":
    main()
