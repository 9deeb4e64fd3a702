"""The viscosity of Burgers' equation from 1024 noisy values, as in the tutorial of jinns."""

from __future__ import annotations

import cole_hopf
import torch
from case import Case, Outcome, outcome

import anagram_ext as ax

SIGMA = 0.01
START = 0.0682
WEIGHTS = (1.0, 10.0, 100.0, 1000.0)  # of the equation: the data come first


def measured(seed: int) -> ax.Data:
    """1024 values at random places."""
    generator = torch.Generator().manual_seed(100 + seed)
    at = torch.rand(1024, 2, generator=generator, dtype=torch.float64)
    at[:, 1] = 2 * at[:, 1] - 1
    values = torch.from_numpy(cole_hopf.solution(at[:, 0].numpy(), at[:, 1].numpy()))
    noise = torch.randn(1024, generator=generator, dtype=torch.float64)
    return ax.Data(at, values + SIGMA * noise, sigma=SIGMA)


def run(seed: int, **options: object) -> Outcome:
    box, data = ax.Box(t=(0, 1), x=(-1, 1)), measured(seed)
    model, theta, stages = ax.MLP([2, 16, 16, 1]), None, []
    for weight in WEIGHTS:
        conditions = {
            "equation": ax.Condition(
                lambda u, x, c: u.d("t") + u * u.d("x") - c.nu * u.d("xx"),
                box.sobol(4096).adaptive(1024),
                weight=weight,
            ),
            "data": data,
        }
        unknowns = {"nu": ax.Unknown(START, positive=True)}
        problem = ax.Problem(("t", "x"), ("u",), conditions, unknowns=unknowns)
        found = ax.train(
            problem, model, theta=theta, seed=seed, **{"steps": 50, "progress": False, **options}
        )
        model, theta = found.model, found.theta
        stages.append(found)
    nu = found.unknowns["nu"]
    low, high = nu.interval
    inside = float(low <= cole_hopf.NU <= high)
    error = abs(nu.value / cole_hopf.NU - 1)
    return outcome(stages, error, nu=nu.value, std=nu.std, low=low, high=high, inside=inside)


CASE = Case(
    "jinns, tutorial on inverse problems", "9.6e-1 jinns", 2e-2, run, "relative error of nu"
)
