"""The wave equation with two modes (PINNacle's Wave1d-C), initial and boundary values hard."""

from __future__ import annotations

from math import pi

import torch
from case import Case, Outcome, solved_forward

import anagram_ext as ax


def exact(x: ax.Coordinates) -> torch.Tensor:
    slow = torch.sin(pi * x.x) * torch.cos(2 * pi * x.t)
    return slow + 0.5 * torch.sin(4 * pi * x.x) * torch.cos(8 * pi * x.t)


def hard(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
    """Values and u_t at t = 0 and u at both ends, whatever the network says."""
    start = torch.sin(pi * x.x) + 0.5 * torch.sin(4 * pi * x.x)
    return start + x.t**2 * torch.sin(pi * x.x) * u


def run(seed: int, **options: object) -> Outcome:
    square = ax.Box(t=(0, 1), x=(0, 1))
    conditions = {
        "interior": ax.Condition(lambda u, x: u.d("tt") - 4 * u.d("xx"), square.stratified(40))
    }
    problem = ax.Problem(("t", "x"), ("u",), conditions, solution=exact)
    model = ax.Model(ax.MLP([4, 32, 32, 1], "sin"), outputs=hard, inputs=features)
    return solved_forward(problem, model, square, seed, **{"steps": 400, **options})


def features(x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """Continued oddly beyond both ends, the solution has the period 2 in x."""
    return x.t, x.t**2, torch.cos(pi * x.x), torch.sin(pi * x.x)


CASE = Case(
    "PINNacle Wave1d-C (arXiv 2306.08827)",
    "6.5e-2 PELINE; 1.2e-15 DSGNAR (H100, own version)",
    1e-8,
    run,
)
