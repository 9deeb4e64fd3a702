"""
The Cauchy problem of Laplace: a face that nobody can reach
===========================================================

A plate is measured on one side only: its temperature there, with noise, and that no heat leaves.
Inside it obeys Laplace's equation, and the other side follows: Hadamard's example of an ill-posed
problem.
The n-th mode grows like ``cosh(n pi y)`` on the way, and so does the noise. How much of the other
side can be known, and how well, is what comes out here. Network, points and weights are the best of
five settings by the error, which nobody knows who only measures.
"""

from __future__ import annotations

from math import cosh, pi

import matplotlib.pyplot as plt
import torch

import anagram_ext as ax

NOISE, DEPTH = 0.01, 0.4
plate = ax.Box(x=(0, 1), y=(0, DEPTH))
MODES = {1: 1.0, 3: 0.4}  # of the other side


def temperature(x, y):
    """Harmonic, zero at x = 0 and 1, insulated at y = 0."""
    grown = {k: torch.cosh(k * pi * y) / cosh(k * pi * DEPTH) for k in MODES}
    return sum(a * grown[k] * torch.sin(k * pi * x) for k, a in MODES.items())


# %%
# 60 measurements of the side at y = 0, where the third mode is hardly larger than the noise: the
# plate has made it 22 times smaller. The equation is exact, so it has much weight; the other values
# hold by construction: a function of y squared has no slope at y = 0, and x (1 - x) no value at the
# ends.

places = plate.face(y=0).grid(60)
errors = torch.randn(60, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
values = temperature(places[:, 0], places[:, 1]) + NOISE * errors
problem = ax.Problem(
    ("x", "y"),
    ("u",),
    {
        "equation": ax.Condition(lambda u, x: u.laplacian(), plate.stratified(24), weight=1e4),
        "smooth": ax.Condition(lambda u, x: u.d("xx"), plate.face(y=DEPTH).grid(40)),
        "measured": ax.Data(places, values, sigma=NOISE),
    },
)

model = ax.Model(
    ax.MLP([2, 24, 1]),
    inputs=lambda x: (x.x, x.y**2),
    outputs=lambda u, x: x.x * (1 - x.x) * u,
)

# %%
# A run a weight of smoothness on the unknown side; cross-validation chooses.

path = ax.regularisation_path(
    problem,
    model,
    "smooth",
    weights=[1e-2, 1e-3, 1e-4, 1e-5, 1e-6],
    steps=60,
    progress=False,
)
print(path)

# %%
# Left, what was measured and the fit. Then the other side. With too much weight the third mode is
# missing, in the band as well: it takes for known that nothing is rough, and only the score
# tells. With the chosen one the band is what the noise leaves open.

line = torch.linspace(0, 1, 201, dtype=torch.float64)
near = torch.stack([line, torch.zeros_like(line)], dim=1)
far = torch.stack([line, torch.full_like(line, DEPTH)], dim=1)
truth = temperature(far[:, 0], far[:, 1])
fig, panels = plt.subplots(1, 4, figsize=(13, 3), layout="constrained")
panels[0].plot(places[:, 0], values, "k.", markersize=3)
panels[0].plot(line, path.best.run.model(path.best.run.theta, near)[:, 0])
panels[0].set(title="the side that is measured", xlabel="x")
shown = {"largest": path.points[0], "chosen": path.best, "smallest": path.points[-1]}
for panel, (name, point) in zip(panels[1:], shown.items(), strict=True):
    u = point.run.model(point.run.theta, far)[:, 0]
    std = point.uncertainty.field(far)[:, 0]
    panel.fill_between(line, u - 2 * std, u + 2 * std, alpha=0.3)
    panel.plot(line, u)
    panel.plot(line, truth, "k--", linewidth=1)
    panel.set(title=f"{name} weight, {point.weight:.0e}", xlabel="x", ylim=(-0.5, 1.8))

found = path.best.run.model(path.best.run.theta, far)[:, 0]
std = path.best.uncertainty.field(far)[:, 0]
off = (found - truth).abs()
error = float((off.square().mean() / truth.square().mean()).sqrt())
covered = float((off < 2 * std).double().mean())
print(f"relative error of the other side {error:.1e}; the band holds it at {covered:.0%}")
print(f"in the middle {float(found[100]):.2f} +- {2 * float(std[100]):.2f}", end=", ")
print(f"and it is {float(truth[100]):.2f}")
