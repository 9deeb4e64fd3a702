"""Helmholtz's equation around a hole with normal derivatives given on it (DeepXDE's example)."""

from __future__ import annotations

from math import pi

import torch
from case import Case, Outcome, solved_forward

import anagram_ext as ax

K = 2 * pi


def exact(x: ax.Coordinates) -> torch.Tensor:
    return torch.sin(K * x.x) * torch.sin(K * x.y)


def slope(x: ax.Coordinates) -> torch.Tensor:
    """The normal derivative of the solution, [n]."""
    along_x = K * torch.cos(K * x.x) * torch.sin(K * x.y)
    along_y = K * torch.sin(K * x.x) * torch.cos(K * x.y)
    return x.normal.x * along_x + x.normal.y * along_y


def run(seed: int, **options: object) -> Outcome:
    plate = ax.Rectangle(x=(-0.5, 0.5), y=(-0.5, 0.5)) - ax.Disk(x=0, y=0, radius=0.25, name="hole")
    conditions = {
        "equation": ax.Condition(
            lambda u, x: u.laplacian() + K**2 * u + K**2 * exact(x), plate.sobol(1200)
        ),
        "hole": ax.Condition(lambda u, x: u.normal() - slope(x), plate.boundary("hole").grid(100)),
        "walls": ax.Condition(lambda u, x: u - exact(x), plate.boundary("rectangle").grid(160)),
    }
    problem = ax.Problem(("x", "y"), ("u",), conditions, solution=exact)
    return solved_forward(problem, ax.MLP([2, 24, 24, 1]), plate, seed, **{"steps": 250, **options})


CASE = Case("DeepXDE, Helmholtz_Neumann_2d_hole", "no number", 1e-5, run)
