"""
Operator learning: Burgers' equation for all amplitudes and viscosities
=======================================================================

A family of problems is one problem whose parameters are coordinates: the network takes time, place,
the amplitude of the initial wave and the viscosity, and is trained by the equation alone, without
any solution. It then solves members that it has never seen by one evaluation, and its derivatives
in the parameters are their sensitivities.
"""

from __future__ import annotations

import math

import numpy as np
import torch

import anagram_ext as ax

family = ax.Box(t=(0, 1), x=(-1, 1), a=(0.5, 1.5), nu=(0.1, 0.3))
problem = ax.Problem(
    ("t", "x", "a", "nu"),
    ("u",),
    {
        "equation": ax.Condition(
            lambda u, x: u.d("t") + u * u.d("x") - x.nu * u.d("xx"), family.sobol(2000).redrawn()
        )
    },
)
# Initial wave and walls hold for every member, whatever the network.
model = ax.Model(
    ax.MLP([4, 24, 24, 1]),
    outputs=lambda u, x: -x.a * torch.sin(math.pi * x.x) + x.t * (1 - x.x**2) * u,
)
run = ax.train(problem, model, steps=100, progress=False)


def exact(t: float, x: np.ndarray, a: float, nu: float) -> np.ndarray:
    """The solution by Cole and Hopf, its integrals by Gauss and Hermite."""
    nodes, weights = np.polynomial.hermite.hermgauss(100)
    y = x[:, None] - math.sqrt(4 * nu * t) * nodes
    kernel = weights * np.exp(-a * np.cos(math.pi * y) / (2 * math.pi * nu))
    wave: np.ndarray = (kernel * -a * np.sin(math.pi * y)).sum(axis=1) / kernel.sum(axis=1)
    return wave


x = np.linspace(-1, 1, 101)
error = 0.0
for a, nu in ((0.62, 0.11), (0.97, 0.23), (1.43, 0.17)):
    points = np.stack([np.full_like(x, value) for value in (0.8, 0, a, nu)], axis=1)
    points[:, 1] = x
    found = run.model(run.theta, torch.from_numpy(points))[:, 0].numpy()
    truth = exact(0.8, x, a, nu)
    relative = float(np.linalg.norm(found - truth) / np.linalg.norm(truth))
    print(f"a = {a}, nu = {nu}: relative L2 error {relative:.1e} at t = 0.8")
    error = max(error, relative)

# How the solution answers to the viscosity, against a difference of exact solutions.
at = torch.tensor([[0.8, 0.3, 0.97, 0.23]], dtype=torch.float64)
slope = float(run.model.jet(run.theta, at, ("nu",))["nu"])
h = 1e-4
ahead, behind = (exact(0.8, np.array([0.3]), 0.97, nu)[0] for nu in (0.23 + h, 0.23 - h))
print(f"du/dnu = {slope:.5f}; by differences of exact solutions {(ahead - behind) / (2 * h):.5f}")
