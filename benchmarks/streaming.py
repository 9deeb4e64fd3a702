"""One step with S = 50 000 rows and P = 20 000 parameters, whose J would take 8 GB.

    python benchmarks/streaming.py --out results

Prints the time and the highest resident memory of the process.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import torch
from measure import table, write

import anagram_ext as ax

POINTS = 222  # an axis: 222^2 + 4 * 223 = 50 176 rows
WIDTHS = [2, 139, 139, 1]  # 20 017 parameters
CUTOFF = 1e-6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    problem, model = ax.problems.laplace_2d(n=POINTS), ax.MLP(WIDTHS)
    theta = model.init(seed=0)
    before = peak()
    start = time.perf_counter()
    result = ax.step(problem, model, theta, CUTOFF, memory="streamed")
    seconds = time.perf_counter() - start
    S = sum(len(condition.points_for(0)) for condition in problem.conditions.values())
    P = model.n_parameters
    measured = {
        "S": S,
        "P": P,
        "J would take": 8 * S * P,
        "peak before the step": before,
        "peak of the process": peak(),
        "seconds": seconds,
        "rank": result.rank,
        "loss": result.loss,
    }
    assert torch.isfinite(result.theta).all()
    rows = [
        ["S x P", f"{S} x {P}"],
        ["J would take", f"{8 * S * P / 1e9:.2f} GB"],
        ["peak resident memory, imports included", f"{peak() / 1e9:.2f} GB"],
        ["before the step", f"{before / 1e9:.2f} GB"],
        ["time of the step", f"{seconds:.1f} s"],
        ["rank", str(result.rank)],
    ]
    write(arguments.out, "streaming", measured, table(["", ""], rows))


def peak() -> int:
    """Highest resident memory of this process so far, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
