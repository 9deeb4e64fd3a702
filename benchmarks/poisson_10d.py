"""A large problem: Poisson's equation on the ten-dimensional cube, 10-64-64-1, 4000 points.

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/poisson_10d.py --processor 600

Prints a line a step of `natural_lm`: processor seconds, factorisations of shifted matrices, loss,
and damping; at the end processor seconds to levels of the relative L2 error. J is 4000 x 4929.
Waiting threads of a BLAS count as working: with one of them these are seconds of an idle machine.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
from pathlib import Path

import torch
from measure import table, write

import anagram_ext as ax
from anagram_ext.linear.shifted import Shifted
from anagram_ext.methods.natural_lm import NaturalLM

NAMES = tuple(f"x{i}" for i in range(1, 11))
LEVELS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)


def exact(x: ax.Coordinates) -> torch.Tensor:
    """The sum of cos(pi x_i)."""
    return torch.stack([torch.cos(torch.pi * x[name]) for name in NAMES]).sum(dim=0)


def problem() -> ax.Problem:
    """3000 points inside, 1000 on the boundary."""
    cube = ax.Box(**dict.fromkeys(NAMES, (0.0, 1.0)))
    inside = ax.Condition(lambda u, x: u.laplacian() + torch.pi**2 * exact(x), cube.uniform(3000))
    boundary = ax.Condition(lambda u, x: u - exact(x), cube.boundary().uniform(1000))
    return ax.Problem(
        coordinates=NAMES,
        fields=("u",),
        conditions={"interior": inside, "boundary": boundary},
        solution=exact,
    )


class Watched(NaturalLM):
    """Prints what each step costs, and keeps it."""

    def start(self, system: object, theta: torch.Tensor) -> None:
        """Begins a list of steps."""
        self.steps: list[dict] = []
        super().start(system, theta)

    def spent(self) -> float:
        """Processor seconds of all steps."""
        return math.fsum(step["processor"] for step in self.steps)

    def step(self) -> object:
        """One step, timed."""
        factorisations, factor = [0], Shifted.factor

        def counted(shifted: Shifted, shift: float) -> torch.Tensor:
            before = shifted.factorisations
            found = factor(shifted, shift)
            factorisations[0] += shifted.factorisations - before
            return found

        Shifted.factor = counted
        start = time.process_time()
        try:
            info = super().step()
        finally:
            Shifted.factor = factor
        self.steps.append(
            {
                "processor": time.process_time() - start,
                "factorisations": factorisations[0],
                "evaluations": info.evaluations,
                "loss": info.loss,
                "damping": info.cutoff**2,
                "effective": info.effective,
            }
        )
        print(len(self.steps), *(f"{key} {x:.3g}" for key, x in self.steps[-1].items()), flush=True)
        return info


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processor", type=float, default=600.0, help="seconds")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--out", type=Path, default=Path("results/poisson_10d"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    method = Watched()
    run = ax.train(
        problem(),
        ax.MLP([10, 64, 64, 1]),
        method=method,
        steps=arguments.steps,
        seed=0,
        progress=False,
        callbacks=[lambda _: "time is up" if method.spent() > arguments.processor else None],
    )
    errors = [float(x) for x in run.history["l2_relative"]][-len(method.steps) :]
    spent = itertools.accumulate(step["processor"] for step in method.steps)
    pairs = list(zip(spent, errors, strict=True))
    rows = []
    for level in LEVELS:
        first = next((seconds for seconds, error in pairs if error <= level), math.inf)
        rows.append([f"{level:.0e}", f"{first:.1f}" if math.isfinite(first) else "-"])
    results = {"steps": method.steps, "l2_relative": errors}
    header = ["relative L2", "processor seconds"]
    write(arguments.out, "poisson_10d", results, table(header, rows))


if __name__ == "__main__":
    main()
