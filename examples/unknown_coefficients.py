"""
Unknown coefficients: the Lorenz system from 25 observations
============================================================

Coefficients are declared beside the conditions and move in the same least-squares step as the
weights of the network. Nothing else changes: a residual takes them as its last argument.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.integrate import solve_ivp

import anagram_ext as ax

# %%
# The data: 25 states of a chaotic trajectory, by an integrator of order eight.

TRUTH = {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3}


def rates(x, y, z, sigma, rho, beta):
    """The right-hand side of the Lorenz system."""
    return sigma * (y - x), x * (rho - z) - y, x * y - beta * z


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
data = ax.Data(
    torch.from_numpy(times[:, None]),
    torch.from_numpy(states.T.copy()),
    of=lambda x, y, z, at: (x, y, z),
)

# %%
# The problem, with a weight for the equation.


def residual(x, y, z, at, c):
    """One residual an equation."""
    right = rates(x.value, y.value, z.value, c.sigma, c.rho, c.beta)
    return tuple(u.d("t") - rate for u, rate in zip((x, y, z), right, strict=True))


def problem(weight):
    """The equation, weighted, and the data."""
    line = ax.Box(t=(0, 3))
    return ax.Problem(
        ("t",),
        ("x", "y", "z"),
        {"ode": ax.Condition(residual, line.stratified(400), weight=weight), "data": data},
        unknowns=dict.fromkeys(TRUTH, ax.Unknown(1.0)),
    )


# %%
# All coefficients start at 1. With the equation at full weight from the start, a network that
# knows nothing of the trajectory satisfies it by standing still. So the data come first: the
# equation gains weight from run to run, each of which goes on from the last one.

model, theta = ax.MLP([1, 40, 3]), None
for weight in (1e-3, 1e-2, 1e-1, 1.0):
    run = ax.train(problem(weight), model, theta=theta, steps=60, progress=False)
    model, theta = run.model, run.theta
    print(f"weight {weight:g}: {run.values}")

error = max(abs(run.values[name] / value - 1) for name, value in TRUTH.items())
print(f"largest relative error of a coefficient: {error:.1e}")

# %%
# The trajectory between the observations.

fine = torch.linspace(0, 3, 601, dtype=torch.float64)[:, None]
fig, panel = plt.subplots(figsize=(7, 3), layout="constrained")
panel.plot(fine[:, 0], model(theta, fine)[:, :3])
panel.set_prop_cycle(None)
panel.plot(times, states.T, "o", markersize=4)
panel.set_xlabel("t")
panel.legend(("x", "y", "z"))
