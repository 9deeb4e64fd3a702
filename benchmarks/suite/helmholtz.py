"""Helmholtz's equation on the square, with a product of sines for solution."""

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

    def problem(across: int) -> ax.Problem:
        conditions = {
            "interior": ax.Condition(equation, square.stratified(across)),
            "boundary": ax.Condition(lambda u, x: u - exact(x), square.boundary().stratified(120)),
        }
        return ax.Problem(("x", "y"), ("u",), conditions, solution=exact)

    network = ax.MLP([2, 30, 30, 1], "sin")
    model: ax.MLP | ax.Model = network
    if max(a, b) > 4:  # begins with waves of that size; with random ones it ended at 0.28
        model = ax.Model(network, inputs=lambda x: (a * x.x, b * x.y))
    options = {"seed": seed, "progress": False, **options}
    runs = [ax.train(problem(45), model, **{"steps": 150, **options})]
    if runs[0].verdict is ax.Verdict.OVERFITTED:  # goes on with the points that it asks for
        asked = ceil(sqrt(10 * runs[0].facts.effective))
        runs.append(
            ax.train(problem(asked), model, theta=runs[0].theta, **{"steps": 50, **options})
        )
    return outcome(runs, fresh_error(runs[-1], problem(45), square))


def case_of(a: int, b: int, published: str) -> Case:
    return Case("Urban et al. (arXiv 2405.04230)", published, 1e-6, partial(run, a, b))
