"""The conductivity of a heated square from 2500 noisy temperatures (PINNacle's HInv)."""

from __future__ import annotations

from math import pi

import torch
from case import Case, Outcome, bends, chosen, fresh, relative

import anagram_ext as ax

SIGMA = 0.1
WEIGHTS = (1e-3, 1e-4, 1e-5)  # of smoothness; cross-validation chooses


def temperature(x: ax.Coordinates) -> torch.Tensor:
    return torch.exp(-x.t) * torch.sin(pi * x.x) * torch.sin(pi * x.y)


def conductivity(x: ax.Coordinates) -> torch.Tensor:
    return 2 + torch.sin(pi * x.x) * torch.sin(pi * x.y)


def equation(u: ax.Field, a: ax.Field, x: ax.Coordinates) -> torch.Tensor:
    """u_t - div(a grad u) less the same of the truth."""
    slope_x = torch.cos(pi * x.x) * torch.sin(pi * x.y)
    slope_y = torch.sin(pi * x.x) * torch.cos(pi * x.y)
    s = torch.sin(pi * x.x) * torch.sin(pi * x.y)
    decay = torch.exp(-x.t)
    slopes = decay * pi**2 * (slope_x**2 + slope_y**2)
    right = -decay * s + 2 * pi**2 * decay * s * conductivity(x) - slopes
    flux = a.d("x") * u.d("x") + a.d("y") * u.d("y") + a * (u.d("xx") + u.d("yy"))
    return u.d("t") - flux - right


def run(seed: int, **options: object) -> Outcome:
    block = ax.Box(t=(0, 1), x=(-1, 1), y=(-1, 1))
    generator = torch.Generator().manual_seed(100 + seed)
    names = ("t", "x", "y")
    at = block.uniform(2500)(100 + seed)
    noise = SIGMA * torch.randn(2500, generator=generator, dtype=torch.float64)
    values = temperature(ax.Coordinates(names, at)) + noise
    conditions = {
        "equation": ax.Condition(equation, block.sobol(1200), weight=1e4),
        "rim": ax.Condition(
            lambda u, a, x: (u - temperature(x), a - conductivity(x)),
            block.faces("x", "y").sobol(80),
            weight=1e4,
        ),
        "smooth": ax.Condition(lambda u, a, x: (a.d("t"), *bends(a)), block.sobol(400)),
        "data": ax.Data(at, values, of=lambda u, a, x: u, sigma=SIGMA),
    }
    problem = ax.Problem(names, ("u", "a"), conditions)
    model = ax.MLP([3, 24, 24, 2])
    path = ax.regularisation_path(
        problem, model, "smooth", WEIGHTS, seed=seed, **{"steps": 40, "progress": False, **options}
    )
    points = fresh(block)
    exact = conductivity(ax.Coordinates(names, points))
    return chosen(path, lambda run: relative(run.model(run.theta, points)[:, 1], exact))


CASE = Case(
    "PINNacle HInv (arXiv 2306.08827)",
    "3.8e-2 PELINE; 5.3e-2 PINNacle",
    3e-2,
    run,
    "relative L2 of the conductivity",
)
