"""Heat on very different scales in x and y (PINNacle's Heat2d-MS): ten waves across the square.

First values and walls have the period 0.1 in x, once continued oddly beyond the walls, and so has
what the network sees. With random Fourier features instead, 1545 parameters on as many points
ended at an error of 0.7.
"""

from __future__ import annotations

from math import pi

import torch
from case import Case, Outcome, solved_forward

import anagram_ext as ax

IN_X = 1 / (500 * pi) ** 2  # diffusivities
IN_Y = 1 / pi**2
RATE = (20 * pi) ** 2 * IN_X + pi**2 * IN_Y


def exact(x: ax.Coordinates) -> torch.Tensor:
    return torch.exp(-RATE * x.t) * torch.sin(20 * pi * x.x) * torch.sin(pi * x.y)


def run(seed: int, **options: object) -> Outcome:
    block = ax.Box(t=(0, 5), x=(0, 1), y=(0, 1))
    conditions = {
        "equation": ax.Condition(
            lambda u, x: u.d("t") - IN_X * u.d("xx") - IN_Y * u.d("yy"), block.sobol(1500)
        ),
        "initial": ax.Condition(lambda u, x: u - exact(x), block.face(t=0).sobol(500)),
        "walls": ax.Condition(lambda u, x: u.value, block.faces("x", "y").sobol(500)),
    }
    problem = ax.Problem(("t", "x", "y"), ("u",), conditions, solution=exact)
    model = ax.Model(ax.MLP([4, 20, 16, 1]), inputs=ax.periodic(x=0.1))
    return solved_forward(problem, model, block, seed, **{"steps": 150, **options})


CASE = Case("PINNacle Heat2d-MS (arXiv 2306.08827)", "6.2e-2 PINNacle", 1e-6, run)
