"""Kovasznay's flow behind a grid at Re = 40, velocities on the boundary, no data for pressure."""

from __future__ import annotations

from math import pi, sqrt

import torch
from case import Case, Outcome, solved_forward

import anagram_ext as ax

RE = 40.0
LAMBDA = RE / 2 - sqrt(RE**2 / 4 + 4 * pi**2)


def exact(x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """u, v, and the pressure that is zero at the left lower corner."""
    decay, wave = torch.exp(LAMBDA * x.x), 2 * pi * x.y
    u = 1 - decay * torch.cos(wave)
    v = LAMBDA / (2 * pi) * decay * torch.sin(wave)
    return u, v, (torch.exp(LAMBDA * -x.x.new_ones(1)) - torch.exp(2 * LAMBDA * x.x)) / 2


def flow(u: ax.Field, v: ax.Field, p: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    return (
        u * u.d("x") + v * u.d("y") + p.d("x") - u.laplacian() / RE,
        u * v.d("x") + v * v.d("y") + p.d("y") - v.laplacian() / RE,
        u.d("x") + v.d("y"),
    )


def velocity(u: ax.Field, v: ax.Field, _: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    right = exact(x)
    return u - right[0], v - right[1]


def run(seed: int, **options: object) -> Outcome:
    box = ax.Box(x=(-0.5, 1), y=(-0.5, 1.5))
    corner = torch.tensor([[-0.5, -0.5]], dtype=torch.float64)
    conditions = {
        "flow": ax.Condition(flow, box.stratified(24)),
        "velocity": ax.Condition(velocity, box.boundary().stratified(100)),
        "pressure": ax.Condition(lambda u, v, p, x: p - exact(x)[2], corner),
    }
    problem = ax.Problem(("x", "y"), ("u", "v", "p"), conditions, solution=exact)
    model = ax.MLP([2, 24, 24, 3])
    return solved_forward(problem, model, box, seed, **{"steps": 250, **options})


CASE = Case(
    "Kovasznay 1948; JAX-NG's setting", "plots only", 1e-6, run, "relative L2, worst of u, v, p"
)
