"""
Cutoff and points, coupled
==========================

A step with damping l follows df = sum sigma^2 / (sigma^2 + l) combinations of the parameters: its
effective number of parameters. Smaller dampings follow more of them, and with fewer than about ten
points for each the step fits the points and not the equation. ``ax.train`` therefore ties redrawn
points to the damping, ten for each effective parameter; ``coupled=False`` keeps the number given.
"""

from __future__ import annotations

import warnings

import matplotlib.pyplot as plt
import numpy as np
import torch

import anagram_ext as ax

warnings.simplefilter("ignore", ax.TrainingWarning)
SEEDS = (0, 1, 2)

square = ax.Box(t=(0, 1), x=(0, 1))


def trained(n: int, seed: int, *, coupled: bool) -> ax.TrainResult:
    """Heat on n redrawn points a condition, 2-8-8-1, 60 steps."""
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "heat": ax.Condition(
                lambda u, x: u.d("t") - 0.25 * u.d("xx"), square.sobol(n).redrawn()
            ),
            "start": ax.Condition(
                lambda u, x: u - torch.sin(torch.pi * x.x), square.face(t=0).sobol(n).redrawn()
            ),
            "walls": ax.Condition(lambda u, x: u, square.faces("x").sobol(n).redrawn()),
        },
        solution=ax.problems.heat().solution,
        evaluation=square.grid(40),
    )
    return ax.train(
        problem, ax.MLP([2, 8, 8, 1]), steps=60, seed=seed, coupled=coupled, progress=False
    )


# %%
# Forty points a condition are 120 rows for 105 parameters; 220 are as many rows as the coupled run
# has at its end.

cases = {"40, as given": (40, False), "40, coupled": (40, True), "220, as given": (220, False)}
runs = {
    name: [trained(n, seed, coupled=coupled) for seed in SEEDS]
    for name, (n, coupled) in cases.items()
}


def median(name: str, of: str) -> float:
    """Over the seeds."""
    return float(np.median([getattr(run, of) for run in runs[name]]))


for name in runs:
    print(
        f"{name}: L2 error {median(name, 'l2_error'):.0e}, loss {median(name, 'loss'):.0e}, "
        f"held out {median(name, 'held_out_loss'):.0e}"
    )
error = median("40, coupled", "l2_error")
gain = median("40, as given", "l2_error") / error

# %%
# Rows follow the effective number of parameters as the damping falls, and with them the gap between
# the loss at the points and the loss elsewhere stays closed.

fig, (rows, losses) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
history = runs["40, coupled"][0].history
rows.plot(history["step"], history["rows"], label="rows")
rows.plot(history["step"], 10 * history["effective"], "--", label="10 x effective parameters")
rows.set_xlabel("step")
rows.legend()
for name, colour in (("40, as given", "#D55E00"), ("40, coupled", "#0072B2")):
    history = runs[name][0].history
    losses.semilogy(history["step"], history["loss"], ":", color=colour, label=f"{name}: loss")
    losses.semilogy(history["step"], history["held_out_loss"], color=colour, label="held out")
losses.set_xlabel("step")
losses.legend()
