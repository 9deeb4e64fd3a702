"""The conductivity of a heated square from 2500 noisy temperatures (PINNacle's HInv).

What is known holds exactly: temperature and conductivity on the rim by an output map, and that the
conductivity does not change in time. 25 steps a weight are a prior, too: the runs are not
converged, and converged ones are worse. Smoothness is that of the third derivatives, for which
``conductivity_bound.py`` says the least error of all orders.
"""

from __future__ import annotations

from math import pi

import torch
from case import Case, Outcome, chosen, fresh, relative

import anagram_ext as ax

BLOCK = ax.Box(t=(0, 1), x=(-1, 1), y=(-1, 1))
SIGMA = 0.1
NAMES = ("t", "x", "y")
WEIGHTS = (1e-4, 1e-5, 1e-6)  # of smoothness; cross-validation chooses


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


def known_rim(u: ax.Field, a: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, torch.Tensor]:
    """Temperature 0 and conductivity 2 on the rim, whatever the networks say."""
    bubble = (1 - x.x**2) * (1 - x.y**2)
    return bubble * u, 2 + bubble * a


def third_derivatives(_: ax.Field, a: ax.Field, __: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    return a.d("xxx"), a.d("xxy"), a.d("xyy"), a.d("yyy")


def measured(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Times and places [2500, 3], and the noise of the temperatures there."""
    generator = torch.Generator().manual_seed(100 + seed)
    noise = SIGMA * torch.randn(2500, generator=generator, dtype=torch.float64)
    return BLOCK.uniform(2500)(100 + seed), noise


def run(seed: int, **options: object) -> Outcome:
    at, noise = measured(seed)
    values = temperature(ax.Coordinates(NAMES, at)) + noise
    conditions = {
        "equation": ax.Condition(equation, BLOCK.sobol(1200), weight=1e4),
        "steady": ax.Condition(lambda u, a, x: a.d("t"), BLOCK.sobol(300), weight=1e4),
        "smooth": ax.Condition(third_derivatives, BLOCK.sobol(400)),
        "data": ax.Data(at, values, of=lambda u, a, x: u, sigma=SIGMA),
    }
    problem = ax.Problem(NAMES, ("u", "a"), conditions)
    model = ax.Model({"u": ax.MLP([3, 24, 24, 1]), "a": ax.MLP([3, 20, 1])}, outputs=known_rim)
    path = ax.regularisation_path(
        problem, model, "smooth", WEIGHTS, seed=seed, **{"steps": 25, "progress": False, **options}
    )
    points = fresh(BLOCK)
    exact = conductivity(ax.Coordinates(NAMES, points))
    return chosen(path, lambda run: relative(run.model(run.theta, points)[:, 1], exact))


CASE = Case(
    "PINNacle HInv (arXiv 2306.08827)",
    "3.8e-2 PELINE; 5.3e-2 PINNacle",
    3e-2,
    run,
    "relative L2 of the conductivity",
)
