"""
Hard constraints: initial and boundary values by construction
=============================================================

``ax.Model(network, outputs=...)`` makes the field a function of the network and the coordinates.
Here the initial and boundary values of the heat equation hold exactly whatever the parameters are,
and the equation is the only condition that is left.
"""

from __future__ import annotations

from math import pi

import matplotlib.pyplot as plt
import torch

import anagram_ext as ax

strip = ax.Box(t=(0, 1), x=(0, 1))


def exact(x):
    """The first mode of the heat equation with diffusivity 1/4."""
    return torch.exp(-0.25 * pi**2 * x.t) * torch.sin(pi * x.x)


problem = ax.Problem(
    ("t", "x"),
    ("u",),
    {"equation": ax.Condition(lambda u, x: u.d("t") - 0.25 * u.d("xx"), strip.stratified(30))},
    solution=exact,
)

# %%
# At t = 0 only the sine is left, at x = 0 and x = 1 nothing.

model = ax.Model(
    ax.MLP([2, 32, 1]),
    outputs=lambda u, x: torch.sin(pi * x.x) + x.t * x.x * (1 - x.x) * u,
)
run = ax.train(problem, model, steps=80, progress=False)

error = run.l2_relative
walls = strip.faces("x").grid(50)
print(f"relative L2 error {error:.1e}; largest value on the walls", end=" ")
print(f"{run.model(run.theta, walls).abs().max():.1e}")

# %%
# The error: nothing at the start and on the walls.

points = strip.grid(60)
difference = run.model(run.theta, points)[:, 0] - exact(ax.Coordinates(("t", "x"), points))
fig, panel = plt.subplots(figsize=(5, 4), layout="constrained")
shown = panel.imshow(
    difference.reshape(60, 60).T.numpy(), origin="lower", extent=(0, 1, 0, 1), cmap="RdBu"
)
panel.set(xlabel="t", ylabel="x", title="error of u")
fig.colorbar(shown)
