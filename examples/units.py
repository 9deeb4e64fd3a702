"""
Units: an option price in dollars
=================================

Coordinates from 50 to 200 and prices up to 100 are far from what a network at its first iterate can
represent. Training finds the units of coordinates, fields and conditions by itself, from the
points and from the values that the conditions prescribe; the model that comes back takes and gives
dollars.
"""

from __future__ import annotations

import math
import warnings

import matplotlib.pyplot as plt
import torch

import anagram_ext as ax

RATE, VOLATILITY, STRIKE, MATURITY = 0.05, 0.2, 100.0, 1.0


def price(x):
    """Black and Scholes' price of a call option."""
    left = MATURITY - x.t
    spread = VOLATILITY * left.sqrt()
    d1 = (torch.log(x.S / STRIKE) + (RATE + VOLATILITY**2 / 2) * left) / spread
    normal = lambda z: 0.5 * (1 + torch.erf(z / math.sqrt(2)))
    return x.S * normal(d1) - STRIKE * torch.exp(-RATE * left) * normal(d1 - spread)


box = ax.Box(t=(0, 0.9), S=(50, 200))
problem = ax.Problem(
    ("t", "S"),
    ("V",),
    {
        "equation": ax.Condition(
            lambda V, x: (
                V.d("t")
                + 0.5 * VOLATILITY**2 * x.S**2 * V.d("SS")
                + RATE * x.S * V.d("S")
                - RATE * V.value
            ),
            box.stratified(30),
        ),
        "end": ax.Condition(lambda V, x: V - price(x), box.face(t=0.9).grid(60)),
        "walls": ax.Condition(lambda V, x: V - price(x), box.faces("S").grid(30)),
    },
    solution=price,
)

run = ax.train(problem, ax.MLP([2, 32, 1]), steps=60, progress=False)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ax.TrainingWarning)  # it is meant to fail
    plain = ax.train(problem, ax.MLP([2, 32, 1]), steps=60, progress=False, scales=False)
error = run.l2_relative
print(f"relative L2 error {error:.1e}; without units of its own {plain.l2_relative:.1e}")

# %%
# The price today and at the end, in dollars.

fig, panel = plt.subplots(figsize=(6, 3.5), layout="constrained")
S = torch.linspace(50, 200, 301, dtype=torch.float64)
for t in (0.0, 0.9):
    points = torch.stack([torch.full_like(S, t), S], dim=1)
    panel.plot(S, run.model(run.theta, points)[:, 0], label=f"t = {t:g}")
panel.set(xlabel="share, dollars", ylabel="option, dollars")
panel.legend()
