"""Why is the loss on held-out points above the training loss: rounding, or too few points?

    python benchmarks/between_points.py --out results --seeds 0 1 2

Trains laplace_2d and heat with their equation at evenly spread points (one in every cell of a
grid) and at as many that are denser towards the sides. Both losses of the result are then computed
again from the same parameters in 80-bit numbers, by formulas of a network with one hidden layer
that share no code with the package: where they agree, the gap is none of rounding. PRESS is that of
the result, by an exact factorisation at the damping of the last step.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import table, write

import anagram_ext as ax
from anagram_ext import problems
from anagram_ext.systems.draws import Draws

PROBLEMS = {"laplace_2d": 7, "heat": 0}  # and the draw of its stratified points
COUNT = 28
HELD_OUT = 4  # points for each training point
HEADER = ["problem", "points", "seed", "effective", "rows", "training loss", "held-out loss"]
HEADER += ["80-bit training", "80-bit held-out", "held out / training", "PRESS / held out"]
HEADER += ["rounding", "L2"]

Array = np.ndarray[Any, Any]


def designed(name: str, design: str) -> ax.Problem:
    """The problem with the points of its equation in a design."""
    problem = problems.get(name)
    condition = problem.conditions["interior"]
    region = condition.points.region
    points = {
        "even": lambda: region.stratified(COUNT)(PROBLEMS[name]),
        "denser at the sides": lambda: region.chebyshev(COUNT)(0),
    }[design]()
    conditions = problem.conditions | {"interior": replace(condition, points=points)}
    return replace(problem, conditions=conditions)


def jets(theta: Array, width: int, points: Array) -> tuple[Array, Array, Array]:
    """Values u [n], first [n, 2] and pure second derivatives [n, 2], in the dtype of the points."""
    theta = theta.astype(points.dtype)
    W = theta[: 2 * width].reshape(width, 2)
    b, v = theta[2 * width : 3 * width], theta[3 * width : 4 * width]
    T = np.tanh(points @ W.T + b)
    slope = 1 - T * T
    first = (slope * v) @ W
    second = (-2 * T * slope * v) @ (W * W)
    return T @ v + theta[-1], first, second


def residual(problem: str, condition: str, theta: Array, width: int, points: Array) -> Array:
    """Of a condition at points [n, 2], in their dtype."""
    a, b = points.T
    pi = 2 * np.arccos(points.dtype.type(0))
    u, first, second = jets(theta, width, points)
    if problem == "laplace_2d":
        if condition == "interior":
            return second.sum(axis=1) + 2 * pi**2 * np.sin(pi * a) * np.sin(pi * b)
        return u
    if condition == "interior":
        return first[:, 0] - second[:, 1] / 4
    return u - np.sin(pi * b) if condition == "initial" else u


def losses(problem: ax.Problem, name: str, theta: Array, dtype: Any) -> list[list[Array]]:
    """Residuals by condition on training and on held-out points."""
    width = problem.model.widths[1]
    draws = Draws(problem, 0, torch.device("cpu"), torch.float64)
    found = []
    for places in (draws.first, lambda key: draws.held_out(key, HELD_OUT)):
        points = {key: places(key).points.numpy().astype(dtype) for key in problem.conditions}
        found.append([residual(name, key, theta, width, points[key]) for key in points])
    return found


def loss(residuals: list[Array]) -> float:
    return float(sum(0.5 * np.mean(r * r) for r in residuals))


def line(name: str, design: str, seed: int) -> list[str]:
    """One run, and its losses in 80 bits."""
    problem = designed(name, design)
    run = ax.train(problem, seed=seed, progress=False)
    theta = run.theta.numpy()
    exact, double = (losses(problem, name, theta, t) for t in (np.longdouble, np.float64))
    rounding = [a - b for a, b in zip(exact[0], double[0], strict=True)]
    training, held_out = map(loss, exact)
    r, J = ax.jacobian(problem, problem.model, run.theta)
    press = ax.factorise(J).press(r, float(run.history["cutoff"][-1]) ** 2)
    return [
        *(name, design, str(seed), f"{run.facts.effective:.0f}", str(run.facts.n_rows)),
        *(f"{value:.1e}" for value in (run.loss, run.held_out_loss, training, held_out)),
        *(f"{run.held_out_loss / run.loss:.1f}", f"{press / run.held_out_loss:.2g}"),
        *(f"{loss(rounding):.0e}", f"{run.l2_error:.1e}"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    lines = []
    for name in PROBLEMS:
        for design in ("even", "denser at the sides"):
            for seed in arguments.seeds:
                lines.append(line(name, design, seed))
                print(*lines[-1], sep=" | ", flush=True)
    write(arguments.out, "between_points", lines, table(HEADER, lines))


if __name__ == "__main__":
    main()
