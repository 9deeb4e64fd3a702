r"""
Momentum: what the points of this step do not determine
=======================================================

With points drawn anew before every step, and few of them, a step knows the residual at its own
points only; what the steps before have learned from theirs is thrown away. SPRING (Goldshlager,
Abrahamsen & Lin, arXiv 2401.10190) starts the least-squares solve from a share ``mu`` of the last
direction instead of from zero,

.. math:: d_k = \mu d_{k-1} + J^+ (r - J \mu d_{k-1}),

so that directions which the rows of this step leave open are remembered. ``method="spring"`` is
ANaGRAM with mu = 1/2; any other share is a keyword.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

import anagram_ext as ax

warnings.simplefilter("ignore", ax.TrainingWarning)
SEEDS = (0, 1, 2, 3)

square = ax.Box(t=(0, 1), x=(0, 1))


def heat(n: int, *, redrawn: bool) -> ax.Problem:
    """The heat equation on n points inside and n / 8 on each other condition."""

    def some(region: ax.Box, n: int) -> ax.Sampler:
        return region.sobol(n).redrawn() if redrawn else region.sobol(n)

    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "heat": ax.Condition(lambda u, x: u.d("t") - 0.25 * u.d("xx"), some(square, n)),
            "start": ax.Condition(
                lambda u, x: u - torch.sin(torch.pi * x.x), some(square.face(t=0), n // 8)
            ),
            "walls": ax.Condition(lambda u, x: u, some(square.faces("x"), n // 8)),
        },
        solution=ax.problems.heat().solution,
        evaluation=square.grid(40),
    )


def errors(problem: ax.Problem, method: Callable[[], ax.methods.Method]) -> list[float]:
    """L2 errors after 100 steps of 2-32-1, as many points in every step."""
    runs = [
        ax.train(
            problem,
            ax.MLP([2, 32, 1]),
            method=method(),
            steps=100,
            seed=seed,
            coupled=False,
            progress=False,
        )
        for seed in SEEDS
    ]
    return sorted(run.l2_error for run in runs)


# %%
# Momentum of no, half and much; beside them the default method, which has none.

anagram = partial(ax.methods.get("anagram"), cutoff=1e-6)
methods = {f"mu = {mu:g}": partial(anagram, momentum=mu) for mu in (0, 0.5, 0.8)}
methods["natural_lm"] = ax.methods.get("natural_lm")

# %%
# Few points anew in every step, and more points that stay: medians, and all seeds.

cases = {
    "100 points anew": heat(100, redrawn=True),
    "400 points, the same": heat(400, redrawn=False),
}
medians = {}
for name, problem in cases.items():
    for share, method in methods.items():
        found = errors(problem, method)
        medians[name, share] = float(np.median(found))
        every = " ".join(f"{value:.0e}" for value in found)
        print(f"{name}, {share}: {medians[name, share]:.1e} ({every})")

error = medians["100 points anew", "mu = 0.5"]
gain = medians["100 points anew", "mu = 0"] / error

# %%
# Half of the last direction divides the error on few points by about ten. Much of it (0.8) is a
# gamble: it has the best run and the worst. On points that stay there is nothing to remember; it
# gets runs off a plateau, and the scatter is that of the plateaus. The default method has no
# momentum, chooses its damping anew in every step, and gets a hundred times further.
