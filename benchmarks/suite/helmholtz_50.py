"""Helmholtz's equation with the wave number 50 on a torus, solution sin(pi x) sin(4 pi y)."""

from __future__ import annotations

from math import pi

import torch
from case import Case, Outcome, solved_forward

import anagram_ext as ax

K = 50.0
SIZE = K**2 - 17 * pi**2


def exact(x: ax.Coordinates) -> torch.Tensor:
    return torch.sin(pi * x.x) * torch.sin(4 * pi * x.y)


def run(seed: int, **options: object) -> Outcome:
    square = ax.Box(x=(-1, 1), y=(-1, 1))
    conditions = {
        "interior": ax.Condition(
            lambda u, x: (u.laplacian() + K**2 * u) / SIZE - exact(x), square.stratified(36)
        ),
        "boundary": ax.Condition(lambda u, x: u.value, square.boundary().stratified(80)),
    }
    problem = ax.Problem(("x", "y"), ("u",), conditions, solution=exact)
    model = ax.Model(ax.MLP([4, 24, 24, 1]), inputs=ax.periodic(x=2.0, y=2.0))
    return solved_forward(problem, model, square, seed, **{"steps": 150, **options})


CASE = Case("JAX-NG, Helmholtz (1, 4) with k = 50", "plots only", 1e-6, run)
