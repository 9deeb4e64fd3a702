"""
Ill-posed problems: a temperature of the past, from noisy measurements of today
===============================================================================

The heat equation forgets: what the n-th mode was at the start decays like ``exp(-n^2 pi^2 t / 4)``.
Backwards, errors grow as fast, and without something known beforehand the past can be anything.
Here it is known to be smooth. How smooth, generalised cross-validation says.
"""

from __future__ import annotations

from math import pi

import matplotlib.pyplot as plt
import torch

import anagram_ext as ax

NOISE, TODAY = 0.01, 0.1
strip = ax.Box(t=(0, TODAY), x=(0, 1))


def past(x):
    """The temperature to find."""
    return torch.sin(pi * x) + 0.4 * torch.sin(3 * pi * x)


def today(x):
    """What is left of it."""
    decay = [torch.exp(torch.tensor(-((k * pi) ** 2) * TODAY / 4)) for k in (1, 3)]
    return decay[0] * torch.sin(pi * x) + 0.4 * decay[1] * torch.sin(3 * pi * x)


# %%
# 60 measurements of today. The equation and the walls are exact, so they have much weight.

places = strip.face(t=TODAY).grid(60)
errors = torch.randn(60, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
problem = ax.Problem(
    ("t", "x"),
    ("u",),
    {
        "equation": ax.Condition(
            lambda u, x: u.d("t") - 0.25 * u.d("xx"), strip.stratified(24), weight=1e4
        ),
        "walls": ax.Condition(lambda u, x: u, strip.faces("x").grid(12), weight=1e6),
        "smooth": ax.Condition(lambda u, x: u.d("xx"), strip.face(t=0).grid(40)),
        "measured": ax.Data(places, today(places[:, 1]) + NOISE * errors, sigma=NOISE),
    },
)

# %%
# A run a weight of smoothness, each from where the one before ended.

path = ax.regularisation_path(
    problem,
    ax.MLP([2, 24, 1]),
    "smooth",
    weights=[1e-2, 1e-4, 1e-6, 1e-8, 1e-10],
    steps=60,
    progress=False,
)
print(path)

# %%
# The bands count smoothness as prior knowledge: they hold what it hides, not only what the noise
# moves. Too much of it hides the third mode. Far below the chosen weight the field hardly changes
# any more (damped steps add no roughness that the data do not ask for); what the noise of today
# leaves open about the past is then seen in the band.

line = torch.linspace(0, 1, 201, dtype=torch.float64)
start = torch.stack([torch.zeros_like(line), line], dim=1)
shown = {"largest": path.points[0], "chosen": path.best, "smallest": path.points[-1]}
fig, panels = plt.subplots(1, 4, figsize=(12, 3), layout="constrained")
for panel, (name, point) in zip(panels, shown.items(), strict=False):
    u = point.run.model(point.run.theta, start)[:, 0]
    std = point.uncertainty.field(start)[:, 0]
    panel.fill_between(line, u - 2 * std, u + 2 * std, alpha=0.3)
    panel.plot(line, u)
    panel.plot(line, past(line), "k--", linewidth=1)
    panel.set(title=f"{name} weight, {point.weight:.0e}", xlabel="x", ylim=(-0.5, 2))
panels[3].loglog([p.weight for p in path.points], [p.score for p in path.points], "o-")
panels[3].set(title="cross-validation", xlabel="weight")

found = path.best.run.model(path.best.run.theta, start)[:, 0]
off = (found - past(line)).abs()
error = float((off.square().mean() / past(line).square().mean()).sqrt())
covered = float((off < 2 * path.best.uncertainty.field(start)[:, 0]).double().mean())
print(f"relative error of the past {error:.1e}; the band holds it at {covered:.0%} of the points")
