"""The three coefficients of the Lorenz system from 25 states (DeepXDE's example)."""

from __future__ import annotations

import numpy as np
import torch
from case import Case, Outcome, largest_relative, outcome
from scipy.integrate import solve_ivp

import anagram_ext as ax

TRUTH = {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3}
WEIGHTS = (1e-3, 1e-2, 1e-1, 1.0, 10.0)  # of the equation: the data come first


def rates(x: object, y: object, z: object, *, sigma: object, rho: object, beta: object) -> tuple:
    return sigma * (y - x), x * (rho - z) - y, x * y - beta * z


def equation(x: ax.Field, y: ax.Field, z: ax.Field, _: ax.Coordinates, c: object) -> tuple:
    right = rates(x.value, y.value, z.value, sigma=c.sigma, rho=c.rho, beta=c.beta)
    return tuple(u.d("t") - rate for u, rate in zip((x, y, z), right, strict=True))


def measured() -> ax.Data:
    """25 states without noise."""
    times = np.linspace(0, 3, 25)
    states = solve_ivp(
        lambda t, state: rates(*state, **TRUTH),
        (0, 3),
        (-8.0, 7.0, 27.0),
        t_eval=times,
        method="DOP853",
        rtol=1e-12,
        atol=1e-12,
    ).y
    at, values = torch.from_numpy(times[:, None]), torch.from_numpy(states.T.copy())
    return ax.Data(at, values, of=lambda x, y, z, at: (x, y, z))


def run(seed: int, **options: object) -> Outcome:
    line, data = ax.Box(t=(0, 3)), measured()
    model, theta, stages = ax.MLP([1, 40, 3]), None, []
    for weight in WEIGHTS:
        conditions = {
            "equation": ax.Condition(equation, line.stratified(400), weight=weight),
            "data": data,
        }
        unknowns = dict.fromkeys(TRUTH, ax.Unknown(1.0))
        problem = ax.Problem(("t",), ("x", "y", "z"), conditions, unknowns=unknowns)
        found = ax.train(
            problem, model, theta=theta, seed=seed, **{"steps": 60, "progress": False, **options}
        )
        model, theta = found.model, found.theta
        stages.append(found)
    return outcome(stages, largest_relative(found.values, TRUTH), **found.values)


CASE = Case("DeepXDE, Lorenz_inverse", "no number", 1e-3, run, "relative error, worst coefficient")
