"""Poisson's equation in five dimensions (PINNacle's PNd): every coordinate adds a sine."""

from __future__ import annotations

from math import pi

import torch
from case import Case, Outcome, solved_forward

import anagram_ext as ax

NAMES = tuple(f"x{i}" for i in range(1, 6))


def exact(x: ax.Coordinates) -> torch.Tensor:
    return sum(torch.sin(pi / 2 * x[name]) for name in NAMES)


def run(seed: int, **options: object) -> Outcome:
    cube = ax.Box(**dict.fromkeys(NAMES, (0, 1)))
    conditions = {
        "interior": ax.Condition(
            lambda u, x: u.laplacian() + pi**2 / 4 * exact(x), cube.sobol(2000)
        ),
        "boundary": ax.Condition(lambda u, x: u - exact(x), cube.boundary().sobol(1000)),
    }
    problem = ax.Problem(NAMES, ("u",), conditions, solution=exact)
    return solved_forward(problem, ax.MLP([5, 48, 1]), cube, seed, **{"steps": 120, **options})


CASE = Case("PINNacle PNd (arXiv 2306.08827)", "2.4e-4 PELINE; 4.7e-4 PINNacle", 1e-8, run)
