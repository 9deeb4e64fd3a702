"""Transport around a ring, u_t + c u_x = 0 with u = sin x at first, in windows of time."""

from __future__ import annotations

from functools import partial
from math import ceil, pi

import torch
from case import Case, Outcome, marched_forward

import anagram_ext as ax

PERIODS = 1.0  # in time, of a window


def run(speed: float, seed: int, **options: object) -> Outcome:
    """From t = 0 to 1 on [0, 2 pi]; the wave goes around speed / (2 pi) times."""
    strip = ax.Box(t=(0, 1), x=(0, 2 * pi))
    conditions = {
        "equation": ax.Condition(
            lambda u, x: u.d("t") / speed + u.d("x"), strip.stratified(20, 20)
        ),
        "start": ax.Condition(
            lambda u, x: u - torch.sin(x.x), strip.face(t=0).stratified(40), weight=100
        ),
    }
    problem = ax.Problem(
        ("t", "x"), ("u",), conditions, solution=lambda x: torch.sin(x.x - speed * x.t)
    )
    model = ax.Model(ax.MLP([3, 20, 1], "sin"), inputs=ax.periodic(x=2 * pi))
    windows = ceil(speed / (2 * pi) / PERIODS)
    return marched_forward(problem, model, strip, seed, windows, **{"steps": 200, **options})


def case_of(speed: float, published: str) -> Case:
    source = "Krishnapriyan et al. (arXiv 2109.01050); jaxpi"
    return Case(source, published, 1e-6, partial(run, speed))
