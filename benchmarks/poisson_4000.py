"""Poisson's equation on the ten-dimensional cube with 4000 rows: what networks make of them.

    OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 python benchmarks/poisson_4000.py --processor 600
    ... --only "10-64-1 grown"

Prints a line a step of `natural_lm`: processor seconds, factorisations of shifted matrices, loss,
and damping; at the end, for each way, processor seconds to levels of the relative L2 error and what
became of it. Ways that are not run keep their rows. J of 10-64-64-1 is 4000 x 4929. Waiting threads
of a BLAS count as working: with one of them these are seconds of an idle machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
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
WAYS = {  # widths of the network, whether it grows, whether every step gets new points
    "10-64-64-1": ([10, 64, 64, 1], False, False),
    "10-64-64-1, new points every step": ([10, 64, 64, 1], False, True),
    "10-64-1": ([10, 64, 1], False, False),
    "10-64-1 grown": ([10, 64, 1], True, False),
}


def exact(x: ax.Coordinates) -> torch.Tensor:
    """The sum of cos(pi x_i)."""
    return torch.stack([torch.cos(torch.pi * x[name]) for name in NAMES]).sum(dim=0)


def problem(*, redrawn: bool) -> ax.Problem:
    """3000 points inside, 1000 on the boundary."""
    cube = ax.Box(**dict.fromkeys(NAMES, (0.0, 1.0)))
    points = [cube.uniform(3000), cube.boundary().uniform(1000)]
    within, around = (some.redrawn() for some in points) if redrawn else points
    inside = ax.Condition(lambda u, x: u.laplacian() + torch.pi**2 * exact(x), within)
    boundary = ax.Condition(lambda u, x: u - exact(x), around)
    return ax.Problem(
        coordinates=NAMES,
        fields=("u",),
        conditions={"interior": inside, "boundary": boundary},
        solution=exact,
    )


class Watched(NaturalLM):
    """Prints what each step costs, and keeps it."""

    def __init__(self) -> None:
        self.steps: list[dict] = []

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


def trained(way: str, processor: float, seed: int) -> dict:
    """The steps of a run, its errors after each of them, and how it ended."""
    widths, grow, redrawn = WAYS[way]
    method = Watched()
    run = ax.train(
        problem(redrawn=redrawn),
        ax.MLP(widths),
        method=method,
        steps=2000,
        seed=seed,
        progress=False,
        coupled=False,  # as many rows as there are
        grow=grow,
        callbacks=[lambda _: "time is up" if method.spent() > processor else None],
    )
    errors = [float(x) for x in run.history["l2_relative"]][-len(method.steps) :]
    end = {
        "parameters": int(run.history["parameters"][-1]),
        "loss": run.loss,
        "held_out_loss": run.held_out_loss,
        "l2_relative": run.l2_relative,
        "verdict": str(run.verdict),
        "stop": run.stop_reason,
        "warning": run.warning,
    }
    return {"seed": seed, "steps": method.steps, "l2_relative": errors, "end": end}


def row(way: str, found: dict) -> list[str]:
    """A line of the table."""
    spent = list(itertools.accumulate(step["processor"] for step in found["steps"]))
    pairs = list(zip(spent, found["l2_relative"], strict=True))
    to = [next((t for t, error in pairs if error <= level), math.inf) for level in LEVELS]
    end = found["end"]
    ends = [f"{end[key]:.1e}" for key in ("l2_relative", "loss", "held_out_loss")]
    reached = [f"{seconds:.0f}" if math.isfinite(seconds) else "-" for seconds in to]
    size, steps = str(end["parameters"]), str(len(spent))
    return [way, size, *reached, f"{spent[-1]:.0f}", steps, *ends, end["verdict"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--processor", type=float, default=600.0, help="seconds of each way")
    parser.add_argument("--only", choices=WAYS, action="append", help="not all ways")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    file = arguments.out / "poisson_4000.json"
    results = json.loads(file.read_text(encoding="utf-8"))["results"] if file.exists() else {}
    for way in arguments.only or WAYS:
        results[way] = trained(way, arguments.processor, arguments.seed)
    levels = [f"s to {level:.0e}" for level in LEVELS]
    end = ["s in all", "steps", "relative L2", "loss", "held out", "verdict"]
    rows = [row(way, results[way]) for way in WAYS if way in results]
    write(arguments.out, "poisson_4000", results, table(["network", "P", *levels, *end], rows))


if __name__ == "__main__":
    main()
