"""Errors of truncated directions on Jacobians of networks: this package and LAPACK, by the truth.

    python benchmarks/solver_accuracy.py --out results

The truth is an SVD in 80-bit arithmetic (tests/extended_svd.py), which takes some seconds for a few
hundred parameters. Errors are relative to the direction.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
from measure import table, write

import anagram_ext as ax
from anagram_ext.linear.solve import lstsq

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from extended_svd import ExtendedSvd

CUTOFFS = (1e-4, 1e-6, 1e-8, 1e-10)
CASES = [("laplace_2d", 0), ("laplace_2d", 40), ("heat", 0), ("heat", 40)]  # with training steps


def gesdd(J: np.ndarray, r: np.ndarray, cutoff: float) -> np.ndarray:
    """The direction from LAPACK's divide-and-conquer SVD."""
    U, sigma, Vt = np.linalg.svd(J, full_matrices=False)
    rank = int((sigma > cutoff * sigma[0]).sum())
    return Vt[:rank].T @ ((U[:, :rank].T @ r) / sigma[:rank])


def measure(name: str, steps: int) -> list[dict[str, Any]]:
    """The errors at every cutoff, after that many training steps."""
    problem = ax.problems.get(name)
    assert problem.model is not None
    theta = problem.model.init(0)
    if steps:
        theta = ax.train(problem, steps=steps, seed=0, progress=False).theta
    r, J = ax.jacobian(problem, problem.model, theta)
    exact = ExtendedSvd(J.numpy(), r.numpy())
    results = []
    for cutoff in CUTOFFS:
        expected = exact.direction(cutoff)
        found = {
            "anagram_ext": lstsq(J, r, cutoff).direction.numpy(),
            "gelsd": scipy.linalg.lstsq(J, r, cutoff, lapack_driver="gelsd")[0],
            "gesdd": gesdd(J.numpy(), r.numpy(), cutoff),
        }
        errors = {
            who: float(np.linalg.norm(direction - expected) / np.linalg.norm(expected))
            for who, direction in found.items()
        }
        results.append({"problem": name, "steps": steps, "cutoff": cutoff, **errors})
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    results = [result for case in CASES for result in measure(*case)]
    rows = [
        [
            result["problem"],
            str(result["steps"]),
            f"{result['cutoff']:.0e}",
            *(f"{result[who]:.1e}" for who in ("anagram_ext", "gelsd", "gesdd")),
        ]
        for result in results
    ]
    header = ["problem", "training steps", "cutoff", "anagram_ext", "gelsd", "gesdd"]
    write(arguments.out, "solver_accuracy", results, table(header, rows))


if __name__ == "__main__":
    main()
