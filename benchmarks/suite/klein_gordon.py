"""A cubic Klein-Gordon equation, u_tt - u_xx + u^3 = f, with a wave that grows along x."""

from __future__ import annotations

from math import pi

import torch
from case import Case, Outcome, solved_forward

import anagram_ext as ax

RATE = 5 * pi


def exact(x: ax.Coordinates) -> torch.Tensor:
    return x.x * torch.cos(RATE * x.t) + (x.x * x.t) ** 3


def equation(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
    wave = -(RATE**2) * x.x * torch.cos(RATE * x.t)
    cubic = 6 * x.t * x.x**3 - 6 * x.x * x.t**3
    return u.d("tt") - u.d("xx") + u * u * u - (wave + cubic + exact(x) ** 3)


def start(u: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """First values, and no velocity."""
    return u - x.x, u.d("t")


def run(seed: int, **options: object) -> Outcome:
    square = ax.Box(t=(0, 1), x=(0, 1))
    conditions = {
        "equation": ax.Condition(equation, square.stratified(40)),
        "start": ax.Condition(start, square.face(t=0).stratified(60), weight=100),
        "ends": ax.Condition(
            lambda u, x: u - exact(x), square.faces("x").stratified(60), weight=100
        ),
    }
    problem = ax.Problem(("t", "x"), ("u",), conditions, solution=exact)
    model = ax.MLP([2, 24, 24, 1])
    return solved_forward(problem, model, square, seed, **{"steps": 250, **options})


CASE = Case(
    "Wang, Teng and Perdikaris (arXiv 2001.04536)", "3e-3 Wang et al. (M4; unchecked)", 1e-7, run
)
