"""Heat in the unit ball of five dimensions with u_n = u on its sphere (PINNacle's HNd).

Source, first values and domain are the same in all directions, which nothing but the square of the
distance from the centre can tell a network: one more input. Without it, ridge functions of six
coordinates have to make up a radial one, and 513 of their parameters end at an error of 1e-3.
"""

from __future__ import annotations

import torch
from case import Case, Outcome, solved_forward

import anagram_ext as ax

SPACE = tuple(f"x{i}" for i in range(1, 6))


def square(x: ax.Coordinates) -> torch.Tensor:
    return sum(x[name] ** 2 for name in SPACE)


def exact(x: ax.Coordinates) -> torch.Tensor:
    return torch.exp(square(x) / 2 + x.t)


def equation(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
    return u.d("t") - u.laplacian(*SPACE) / 5 + square(x) / 5 * exact(x)


def robin(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
    """u_n - u on the unit sphere, whose normal is the point itself."""
    return sum(x[name] * u.d(name) for name in SPACE) - u


def features(x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    return x.t, *(x[name] for name in SPACE), square(x)


def run(seed: int, **options: object) -> Outcome:
    ball = ax.Ball(**dict.fromkeys(SPACE, 0), radius=1)
    cylinder = ax.Interval(t=(0, 1)) * ball
    conditions = {
        "equation": ax.Condition(equation, cylinder.sobol(2000)),
        "sphere": ax.Condition(robin, cylinder.boundary().sobol(800), weight=10),
        "initial": ax.Condition(
            lambda u, x: u - exact(x), cylinder.face(t=0).sobol(500), weight=10
        ),
    }
    problem = ax.Problem(("t", *SPACE), ("u",), conditions, solution=exact)
    model = ax.Model(ax.MLP([7, 32, 1]), inputs=features)
    return solved_forward(problem, model, cylinder, seed, **{"steps": 200, **options})


CASE = Case("PINNacle HNd (arXiv 2306.08827)", "1.2e-4 PINNacle (L-BFGS)", 1e-7, run)
