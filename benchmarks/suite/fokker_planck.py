"""The logarithm of a density that spreads in nine dimensions and time (SPRING's Fokker-Planck).

dp = div(x p / 2 + grad p) dt for p = e^q on [-5, 5]^9, t from 0 to 1, from a normal density of
variance 1, and nothing on the walls. Equation and first values are the same in all directions,
which nothing but the square of the distance from the origin can tell a network: one more input, as
in ``heat_ball``.
"""

from __future__ import annotations

from math import log, pi

import torch
from case import Case, Outcome, solved_forward

import anagram_ext as ax

SPACE = tuple(f"x{i}" for i in range(1, 10))


def square(x: ax.Coordinates) -> torch.Tensor:
    return sum(x[name] ** 2 for name in SPACE)


def exact(x: ax.Coordinates) -> torch.Tensor:
    variance = 2 - torch.exp(-x.t)
    return -square(x) / (2 * variance) - len(SPACE) / 2 * torch.log(2 * pi * variance)


def equation(q: ax.Field, x: ax.Coordinates) -> torch.Tensor:
    slopes = [q.d(name) for name in SPACE]
    carried = sum(x[name] * slope for name, slope in zip(SPACE, slopes, strict=True)) / 2
    steep = sum(slope * slope for slope in slopes)
    return q.d("t") - len(SPACE) / 2 - carried - steep - q.laplacian(*SPACE)


def start(q: ax.Field, x: ax.Coordinates) -> torch.Tensor:
    return q + square(x) / 2 + len(SPACE) / 2 * log(2 * pi)


def features(x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    return x.t, *(x[name] / 5 for name in SPACE), square(x) / 75


def run(seed: int, **options: object) -> Outcome:
    box = ax.Box(t=(0, 1), **dict.fromkeys(SPACE, (-5, 5)))
    conditions = {
        "equation": ax.Condition(equation, box.sobol(1500)),
        "start": ax.Condition(start, box.face(t=0).sobol(500), weight=10),
    }
    problem = ax.Problem(("t", *SPACE), ("q",), conditions, solution=exact)
    model = ax.Model(ax.MLP([11, 24, 1]), inputs=features)
    return solved_forward(problem, model, box, seed, **{"steps": 120, **options})


CASE = Case(
    "Guzman-Cordero et al. (arXiv 2505.12149), log-Fokker-Planck 9 + 1",
    "1.5e-3 SPRING (6000 s on a GPU)",
    1.5e-3,
    run,
)
