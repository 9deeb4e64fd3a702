"""Helmholtz's equation on the square, with a product of sines for solution.

A run that overfits goes on with as many points as its warning asks for, and with the boundary
weighted: its residual was 200 times that of the equation, relative to the terms in each.
"""

from __future__ import annotations

from functools import partial
from math import ceil, pi, sqrt

import torch
from case import Case, Outcome, fresh_error, outcome

import anagram_ext as ax


def run(a: int, b: int, seed: int, **options: object) -> Outcome:
    """Solution sin(a pi x) sin(b pi y) on [-1, 1]^2."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return torch.sin(a * pi * x.x) * torch.sin(b * pi * x.y)

    def equation(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        return u.laplacian() + u - (1 - (a * pi) ** 2 - (b * pi) ** 2) * exact(x)

    square = ax.Box(x=(-1, 1), y=(-1, 1))

    def problem(across: int, weight: float = 1.0) -> ax.Problem:
        edges = square.boundary().stratified(120)
        conditions = {
            "interior": ax.Condition(equation, square.stratified(across)),
            "boundary": ax.Condition(lambda u, x: u - exact(x), edges, weight=weight),
        }
        return ax.Problem(("x", "y"), ("u",), conditions, solution=exact)

    network = ax.MLP([2, 30, 30, 1], "sin")
    model: ax.MLP | ax.Model = network
    if max(a, b) > 4:  # begins with waves of that size; with random ones it ended at 0.28
        model = ax.Model(network, inputs=lambda x: (a * x.x, b * x.y))
    options = {"seed": seed, "progress": False, **options}
    runs = [ax.train(problem(45), model, **{"steps": 130 if max(a, b) > 4 else 150, **options})]
    if runs[0].verdict is ax.Verdict.OVERFITTED:
        finer = problem(ceil(sqrt(10 * runs[0].facts.effective)), weight=1e4)
        runs.append(ax.train(finer, model, theta=runs[0].theta, **{"steps": 45, **options}))
    return outcome(runs, fresh_error(runs[-1], problem(45), square))


def case_of(a: int, b: int, published: str) -> Case:
    return Case("Urban et al. (arXiv 2405.04230)", published, 1e-6, partial(run, a, b))
