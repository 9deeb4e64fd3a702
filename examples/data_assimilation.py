"""
Data assimilation: a few measurements where the points are too few
==================================================================

On a coarse grid a strong optimiser satisfies Allen-Cahn's equation at every point of the grid and
misses the fronts between them: the loss is at round-off, the solution wrong. A few measurements of
the solution, noisy ones, are conditions like any other and take this freedom away: they regularise
the equation. And the equation regularises them: without it, they say nothing of what lies between.
"""

from __future__ import annotations

import math
import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch

import anagram_ext as ax

warnings.simplefilter("ignore", ax.TrainingWarning)  # overfitted runs are what this page is about
SIGMA = 0.01  # noise of the measurements, of values between -1 and 1
SEEDS = (0, 1, 2)

zoo = ax.problems.allen_cahn()
strip = ax.Box(t=(0, 1), x=(-1, 1))
equation = {
    "interior": ax.Condition(
        lambda u, x: u.d("t") - 1e-3 * u.d("xx") - 5 * (u - u**3), strip.grid(8, 20)
    ),
    "initial": ax.Condition(
        lambda u, x: u - x.x**2 * torch.cos(math.pi * x.x), strip.face(t=0).grid(41)
    ),
    "walls": ax.Condition(lambda u, x: u + 1, strip.faces("x").grid(12)),
}

# %%
# Measurements: the reference solution at random places, with noise. ``Data`` makes a condition of
# them.

rng = torch.Generator().manual_seed(5)
lower, width = torch.tensor([[0.0, -1.0], [1.0, 2.0]], dtype=torch.float64)
places = lower + width * torch.rand(32, 2, generator=rng, dtype=torch.float64)
noise = SIGMA * torch.randn(32, generator=rng, dtype=torch.float64)
values = zoo.solution(ax.Coordinates(("t", "x"), places)) + noise


def trained(conditions: dict[str, ax.Condition], seed: int) -> ax.TrainResult:
    """The same network and number of steps, whatever the conditions."""
    problem = ax.Problem(
        ("t", "x"), ("u",), conditions, solution=zoo.solution, evaluation=strip.grid(20, 200)
    )
    return ax.train(problem, ax.MLP([2, 20, 20, 1]), steps=60, seed=seed, progress=False)


def measured(n: int) -> dict[str, ax.Condition]:
    """The first n measurements, as a condition."""
    return {"data": ax.Data(places[:n], values[:n])} if n else {}


# %%
# The equation alone, with more and more measurements, and the measurements alone.

cases = {f"equation and {n} values": equation | measured(n) for n in (0, 8, 16, 32)}
cases["32 values alone"] = measured(32)
runs = {name: [trained(case, seed) for seed in SEEDS] for name, case in cases.items()}
errors = {name: float(np.median([run.l2_error for run in of])) for name, of in runs.items()}
for name, of in runs.items():
    loss = np.median([run.loss for run in of])
    print(f"{name}: loss {loss:.0e}, L2 error {errors[name]:.3f} (medians of {len(of)} seeds)")

# %%
# The loss rises once the noise cannot be satisfied any more, and the error falls: it is the loss
# that was too small before. The other cure is more points: the fronts are in the equation, too.

error = errors["equation and 32 values"]
gain = errors["equation and 0 values"] / error
print(f"32 values of noise {SIGMA} divide the error by {gain:.0f}")

# %%
# The solution, and what one run makes of it without and with the measurements (crosses).

axis_t, axis_x = torch.linspace(0, 1, 81), torch.linspace(-1, 1, 121)
grid = torch.cartesian_prod(axis_t, axis_x).double()
maps = {"solution": zoo.solution(ax.Coordinates(("t", "x"), grid))}
for name in ("equation and 0 values", "equation and 32 values", "32 values alone"):
    run = runs[name][0]
    maps[name] = run.model(run.theta, grid)[:, 0]
fig, panels = plt.subplots(1, 4, figsize=(13, 3), sharey=True, layout="constrained")
for panel, (name, u) in zip(panels, maps.items(), strict=True):
    image = u.reshape(81, 121).numpy().T
    drawn = panel.imshow(
        image, origin="lower", extent=(0, 1, -1, 1), aspect="auto", vmin=-1, vmax=1, cmap="cividis"
    )
    panel.set(title=name, xlabel="t")
    if "32" in name:
        panel.plot(*places.numpy().T, "x", color="white", markersize=5)
panels[0].set_ylabel("x")
fig.colorbar(drawn, ax=panels)
