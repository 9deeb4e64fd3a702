"""The conductivity of a square from 2500 noisy potentials (PINNacle's PInv, with the right source).

The source in the published code has two signs wrong: with it, the published conductivity and
potential do not satisfy the published equation. Here f = -div(a grad u) of these two.
"""

from __future__ import annotations

from math import pi

import torch
from case import Case, Outcome, bends, chosen, fresh, relative

import anagram_ext as ax

SIGMA = 0.1
WEIGHTS = (1e-1, 1e-2, 1e-3)  # of smoothness; cross-validation chooses
NAMES = ("x", "y")


def potential(x: ax.Coordinates) -> torch.Tensor:
    return torch.sin(pi * x.x) * torch.sin(pi * x.y)


def conductivity(x: ax.Coordinates) -> torch.Tensor:
    return 1 / (1 + x.x**2 + x.y**2 + (x.x - 1) ** 2 + (x.y - 1) ** 2)


def equation(u: ax.Field, a: ax.Field, x: ax.Coordinates) -> torch.Tensor:
    """div(a grad u) + f."""
    k = conductivity(x)
    slope_x = pi * torch.cos(pi * x.x) * torch.sin(pi * x.y)
    slope_y = pi * torch.sin(pi * x.x) * torch.cos(pi * x.y)
    bends = (4 * x.x - 2) * slope_x + (4 * x.y - 2) * slope_y
    source = 2 * pi**2 * k * potential(x) + k**2 * bends
    return a.d("x") * u.d("x") + a.d("y") * u.d("y") + a * u.laplacian() + source


def run(seed: int, **options: object) -> Outcome:
    square = ax.Box(x=(0, 1), y=(0, 1))
    at = square.grid(50)
    generator = torch.Generator().manual_seed(100 + seed)
    noise = SIGMA * torch.randn(len(at), generator=generator, dtype=torch.float64)
    values = potential(ax.Coordinates(NAMES, at)) + noise
    conditions = {
        "equation": ax.Condition(equation, square.sobol(600), weight=1e4),
        "rim": ax.Condition(
            lambda u, a, x: a - conductivity(x), square.boundary().sobol(120), weight=1e4
        ),
        "smooth": ax.Condition(lambda u, a, x: bends(a), square.sobol(400)),
        "data": ax.Data(at, values, of=lambda u, a, x: u, sigma=SIGMA),
    }
    problem = ax.Problem(NAMES, ("u", "a"), conditions)
    model = ax.Model({"u": ax.MLP([2, 16, 16, 1]), "a": ax.MLP([2, 20, 1])})
    path = ax.regularisation_path(
        problem, model, "smooth", WEIGHTS, seed=seed, **{"steps": 40, "progress": False, **options}
    )
    points = fresh(square)
    exact = conductivity(ax.Coordinates(NAMES, points))
    return chosen(path, lambda run: relative(run.model(run.theta, points)[:, 1], exact))


CASE = Case(
    "PINNacle PInv (arXiv 2306.08827), source corrected",
    "1.5e-2 PELINE; 2.5e-2 PINNacle (with the wrong source)",
    3e-2,
    run,
    "relative L2 of the conductivity",
)
