"""Two coefficients of a flow in a porous channel from five velocities (DeepXDE's example)."""

from __future__ import annotations

from math import cosh, sqrt

import torch
from case import Case, Outcome, largest_relative, outcome

import anagram_ext as ax

VISCOSITY, POROSITY = 1e-3, 0.4
TRUTH = {"nu_e": 1e-3, "K": 1e-3}  # effective viscosity, permeability
RATE = sqrt(VISCOSITY * POROSITY / (TRUTH["nu_e"] * TRUTH["K"]))


def exact(x: torch.Tensor) -> torch.Tensor:
    return TRUTH["K"] / VISCOSITY * (1 - torch.cosh(RATE * (x - 0.5)) / cosh(RATE / 2))


def run(seed: int, **options: object) -> Outcome:
    line = ax.Box(x=(0, 1))
    at = torch.tensor([[0.1], [0.3], [0.5], [0.7], [0.9]], dtype=torch.float64)
    conditions = {
        "equation": ax.Condition(
            lambda u, x, c: -c.nu_e / POROSITY * u.d("xx") + VISCOSITY * u / c.K - 1,
            line.stratified(100),
        ),
        "ends": ax.Condition(lambda u, x: u.value, line.boundary().grid(2)),
        "data": ax.Data(at, exact(at[:, 0])),
    }
    unknowns = dict.fromkeys(TRUTH, ax.Unknown(0.1, positive=True))
    problem = ax.Problem(("x",), ("u",), conditions, unknowns=unknowns)
    found = ax.train(problem, ax.MLP([1, 20, 20, 1]), seed=seed, **{"progress": False, **options})
    return outcome([found], largest_relative(found.values, TRUTH), **found.values)


CASE = Case(
    "DeepXDE, brinkman_forchheimer", "no number", 1e-3, run, "relative error, worst coefficient"
)
