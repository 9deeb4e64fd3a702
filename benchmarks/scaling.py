"""Time of the solve and of the whole step against S at fixed P, and against P at fixed S.

    python benchmarks/scaling.py --out results

At fixed rank the time must grow linearly in both: the fitted exponents are printed, and the plot
shows the slopes of O(S P r) and of a full SVD, O(min(S P^2, S^2 P)). LAPACK's gelsd is measured
where it takes a few seconds at most.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import scipy.linalg
import torch
from measure import medians, table, write

import anagram_ext as ax
from anagram_ext.linear.solve import factorise

CUTOFF = 1e-6
SIZES = (500, 1000, 2000, 4000, 8000)
FIXED = 2000
LARGEST_FULL_SVD = 3e9  # operations: a few seconds
LABELS = {"solve": "solve, given spectrum", "gelsd": "LAPACK gelsd", "step": "step, Poisson"}


def exponential_matrix(S: int, P: int) -> torch.Tensor:
    """J [S, P] whose singular values fall like 10^(-k / 8), k < 128: those of a PINN, nearly."""
    random = torch.Generator().manual_seed(0)
    decay = 10 ** (-torch.arange(128, dtype=torch.float64) / 8)
    left = torch.randn(S, 128, generator=random, dtype=torch.float64) / S**0.5
    right = torch.randn(128, P, generator=random, dtype=torch.float64) / P**0.5
    return (left * decay) @ right


def solve(S: int, P: int, rounds: int) -> dict[str, float]:
    """Seconds of this package and, if that is bearable, of LAPACK."""
    J = exponential_matrix(S, P)
    r = torch.ones(S, dtype=torch.float64)
    contestants: dict[str, Callable[[], Any]] = {
        "solve": lambda: factorise(J, smallest_cutoff=CUTOFF).direction(r, CUTOFF)
    }
    if S * P * min(S, P) < LARGEST_FULL_SVD:
        contestants["gelsd"] = lambda: scipy.linalg.lstsq(J, r, CUTOFF, lapack_driver="gelsd")
    return medians(contestants, rounds)


def step(S: int, P: int, rounds: int) -> tuple[int, int, dict[str, float]]:
    """The actual sizes of a Poisson problem near S and P, and seconds of its step."""
    n = round((S + 4) ** 0.5) - 2  # n^2 + 4 (n + 1) rows
    width = round((P + 5.25) ** 0.5 - 2.5)  # width^2 + 5 width + 1 parameters
    problem, model = ax.problems.laplace_2d(n=n), ax.MLP([2, width, width, 1])
    theta = model.init(seed=0)
    seconds = medians({"step": lambda: ax.step(problem, model, theta, CUTOFF)}, rounds)
    return n * n + 4 * (n + 1), model.n_parameters, seconds


def sweep(axis: str, sizes: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """All times along one axis, "S" or "P"."""
    results: list[dict[str, Any]] = []
    for size in sizes:
        S, P = (size, FIXED) if axis == "S" else (FIXED, size)
        for contestant, seconds in solve(S, P, rounds).items():
            results.append({"what": contestant, "S": S, "P": P, "seconds": seconds})
        actual_S, actual_P, measured = step(S, P, rounds)
        results.append({"what": "step", "S": actual_S, "P": actual_P, "seconds": measured["step"]})
    return results


def line(results: list[dict[str, Any]], what: str, axis: str) -> tuple[list[int], list[float]]:
    """Sizes and seconds of one curve."""
    chosen = [result for result in results if result["what"] == what]
    return [result[axis] for result in chosen], [result["seconds"] for result in chosen]


def slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """The exponent p of the best fit seconds ~ size^p."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def plot(sweeps: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """Both sweeps side by side, log-log."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout="constrained")
    for panel, (axis, results) in zip(panels, sweeps.items(), strict=True):
        for what, label in LABELS.items():
            panel.loglog(*line(results, what, axis), "o-", label=label)
        sizes = np.array(SIZES, dtype=float)
        first = line(results, "solve", axis)[1][0]
        full = line(results, "gelsd", axis)[1][0]
        short = np.minimum(sizes, FIXED)
        panel.loglog(sizes, first * sizes / sizes[0], "k:", label="O(S P r)")
        svd = full * (short / short[0]) * (sizes / sizes[0])
        panel.loglog(sizes, svd, "k--", label="O(min(S P², S² P))")
        other = "P" if axis == "S" else "S"
        panel.set(xlabel=axis, title=f"{other} = {FIXED}")
    panels[0].set_ylabel("seconds")
    panels[0].legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    sweeps = {axis: sweep(axis, SIZES, arguments.rounds) for axis in ("S", "P")}
    rows = []
    for axis, results in sweeps.items():
        for what, label in LABELS.items():
            sizes, seconds = line(results, what, axis)
            times = ", ".join(f"{n}: {1e3 * s:.0f}" for n, s in zip(sizes, seconds, strict=True))
            rows.append([axis, label, times, f"{slope(sizes, seconds):.2f}"])
    write(arguments.out, "scaling", sweeps, table(["axis", "", "size: ms", "slope"], rows))
    plot(sweeps, arguments.out / "scaling.png")


if __name__ == "__main__":
    main()
