"""
Long times: the Lorenz system in windows
========================================

One network for a long time settles for a solution that is wrong from some time on, and its loss may
look perfect. ``ax.march`` trains one network after the other: each window begins where the one
before ended, with its parameters as first iterate.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.integrate import solve_ivp

import anagram_ext as ax

END = 3.0


def rates(x, y, z):
    """The right-hand side of the Lorenz system."""
    return 10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z


line = ax.Box(t=(0, END))
problem = ax.Problem(
    ("t",),
    ("x", "y", "z"),
    {
        "ode": ax.Condition(
            lambda x, y, z, at: tuple(
                u.d("t") - rate
                for u, rate in zip((x, y, z), rates(x.value, y.value, z.value), strict=True)
            ),
            line.stratified(60),
        ),
        "start": ax.Condition(
            lambda x, y, z, at: (x - 1.0, y - 1.0, z - 1.0), line.face(t=0).grid(1)
        ),
    },
)

# %%
# Twelve windows of a quarter each; the answer can be asked for at any time.

run = ax.march(problem, ax.MLP([1, 24, 3]), windows=12, steps=60, progress=False)
print(run)

# %%
# The trajectory by an integrator of order eight.

times = torch.linspace(0, END, 1001, dtype=torch.float64)[:, None]
reference = solve_ivp(
    lambda t, state: rates(*state),
    (0, END),
    (1.0, 1.0, 1.0),
    t_eval=times[:, 0].numpy(),
    method="DOP853",
    rtol=1e-13,
    atol=1e-13,
).y
found = run(times).numpy().T
error = float(np.linalg.norm(found - reference) / np.linalg.norm(reference))
print(f"relative L2 error over [0, {END:g}]: {error:.1e}")

# %%
# All three components; every eighth state of the integrator as a dot.

fig, panel = plt.subplots(figsize=(7, 3), layout="constrained")
panel.plot(times[:, 0], found.T)
panel.set_prop_cycle(None)
panel.plot(times[::8, 0], reference[:, ::8].T, ".", markersize=3)
panel.set_xlabel("t")
panel.legend(problem.fields)
