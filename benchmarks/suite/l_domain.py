"""Poisson's equation on an L (DeepXDE's example), with and without functions of its corner."""

from __future__ import annotations

import l_reference
import torch
from case import Outcome, solved_forward

import anagram_ext as ax

VERTICES = ((0, 0), (0, 1), (-1, 1), (-1, -1), (1, -1), (1, 0))


def exact(x: ax.Coordinates) -> torch.Tensor:
    points = torch.stack((x.x, x.y), dim=1).detach().numpy()
    return torch.from_numpy(l_reference.solution(points))


def corner(x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """r^(2/3) times sine and cosine of 2/3 phi, which make the singular functions, beside x, y."""
    power = (x.x**2 + x.y**2) ** (1 / 3)
    phi = torch.atan2(x.x - x.y, -x.x - x.y)  # from the bisector: no jump in the L
    return x.x, x.y, power * torch.sin(2 / 3 * phi), power * torch.cos(2 / 3 * phi)


def run(seed: int, *, singular: bool, **options: object) -> Outcome:
    shape = ax.Polygon(VERTICES)
    conditions = {
        "equation": ax.Condition(lambda u, x: u.laplacian() + 1, shape.sobol(1500)),
        "boundary": ax.Condition(lambda u, x: u.value, shape.boundary().sobol(360), weight=100),
    }
    problem = ax.Problem(("x", "y"), ("u",), conditions, solution=exact)
    plain = ax.MLP([2, 24, 24, 1])
    model = ax.Model(ax.MLP([4, 24, 24, 1]), inputs=corner) if singular else plain
    return solved_forward(problem, model, shape, seed, **{"steps": 200, **options})
