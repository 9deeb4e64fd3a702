"""
Order two: chord corrections against the full Hessian
=====================================================

A Gauss-Newton step follows the tangent; the network is curved. There are two ways to second order:

- the full Hessian of the loss, ``J^T J + sum r_i (Hessian of r_i)``: its second term, expensive,
  vanishes with the residual;
- **geodesic acceleration** (Transtrum & Sethna, arXiv 1207.4999), the second derivative of the path
  that the step follows, ``-1/2 pinv(J) r_vv`` with r_vv the second derivative of r along the step.
  A **chord correction**, the same factorisation applied to the residual at the end of the step, is
  that to leading order and needs no second derivatives. ``natural_lm`` lives on them.

Poisson's equation in one dimension with 1-8-1 is small enough to compute everything.
"""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import torch

import anagram_ext as ax
from anagram_ext.methods.descent import Descent

NEURONS = 8
x = (torch.arange(40, dtype=torch.float64) + 0.5) / 40
ends = torch.tensor([0.0, 1.0], dtype=torch.float64)


def residual(theta: torch.Tensor) -> torch.Tensor:
    """-u'' = pi^2 sin(pi x) inside and u = 0 at the ends, [42], in plain torch."""
    slope, shift, weight, constant = theta.split([NEURONS, NEURONS, NEURONS, 1])
    h = torch.tanh(x[:, None] * slope + shift)
    second = (-2 * h * (1 - h**2)) @ (weight * slope**2)
    values = torch.tanh(ends[:, None] * slope + shift) @ weight + constant
    inside = (-second - math.pi**2 * torch.sin(math.pi * x)) / math.sqrt(len(x))
    return torch.cat([inside, values])


def half_square(theta: torch.Tensor) -> torch.Tensor:
    """The loss."""
    return 0.5 * residual(theta).square().sum()


class Net(torch.nn.Module):
    """All parameters in one vector [25]."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        rng = torch.Generator().manual_seed(seed)
        first = torch.randn(3 * NEURONS + 1, generator=rng, dtype=torch.float64)
        self.theta = torch.nn.Parameter(first)


# %%
# A chord correction is the geodesic acceleration
# -----------------------------------------------
# At an iterate of some training, v is a damped step. Of the part h v of it, both corrections; their
# difference falls like h.

theta = ax.least_squares(lambda net: residual(net.theta), Net(0), steps=5, progress=False).theta
r, J = residual(theta), torch.func.jacfwd(residual)(theta)
U, S, Vt = torch.linalg.svd(J, full_matrices=False)


def solve(right: torch.Tensor) -> torch.Tensor:
    """The damped pseudo-inverse of J."""
    return Vt.T @ (S / (S**2 + 1e-6 * S[0] ** 2) * (U.T @ right))


def along(theta: torch.Tensor) -> torch.Tensor:
    """The derivative of the residual along v."""
    return torch.func.jvp(residual, (theta,), (v,))[1]


def chord(h: float) -> torch.Tensor:
    """What the factorisation wants at the end of the step h v, beyond the straight line."""
    return -solve(residual(theta + h * v) - r - h * (J @ v))


v = -solve(r)
curvature = torch.func.jvp(along, (theta,), (v,))[1]
differences = {}
for h in (1.0, 0.1, 0.01, 0.001):
    acceleration = -solve(h**2 * curvature / 2)
    differences[h] = float((chord(h) - acceleration).norm() / acceleration.norm())
    print(f"h = {h:g}: they differ by {differences[h]:.1e} of their length")
error = differences[0.001]

losses = {
    "here": half_square(theta),
    "after the step": half_square(theta + v),
    "after step and acceleration": half_square(theta + v - solve(curvature / 2)),
    "after step and chord correction": half_square(theta + v + chord(1.0)),
}
for what, value in losses.items():
    print(f"loss {what}: {float(value):.1e}")

# %%
# What the full Hessian is worth
# ------------------------------
# Newton's method as a method of one's own: four lines of mathematics in ``step``. Eigenvalues
# count by their size (saddles repel); the line search is the one of ``gauss-newton``.


class Newton:
    """Newton's method with the full Hessian."""

    name, default_steps, evaluate_every = "newton", 100, 1

    def start(self, system, theta):
        self.system, self.theta, self.descend = system, theta, Descent("lower")

    def state(self):
        return {"theta": self.theta}

    def restore(self, system, state):
        self.start(system, state["theta"])

    def step(self):
        loss, gradient = self.system.gradient(self.theta)
        size, V = torch.linalg.eigh(torch.func.hessian(half_square)(self.theta))
        size = size.abs().clamp(min=1e-14 * size.abs().max())
        info = self.descend(self.system, self.theta, loss, V @ (V.T @ gradient / size))
        self.theta = info.theta
        return info


methods = {
    "newton": Newton,
    "gauss-newton": lambda: ax.methods.get("anagram")(cutoff=1e-7, accept="lower"),
    "levenberg_marquardt": ax.methods.get("levenberg_marquardt"),
    "natural_lm": ax.methods.get("natural_lm"),
}
fits = {
    name: [
        ax.least_squares(
            lambda net: residual(net.theta), Net(seed), method=method(), steps=60, progress=False
        )
        for seed in (0, 1, 2)
    ]
    for name, method in methods.items()
}
reached = {name: float(np.median([fit.loss for fit in of])) for name, of in fits.items()}
for name, of in fits.items():
    steps = [fit.steps for fit in of]
    evaluations = [int(fit.history["evaluations"][-1]) for fit in of]
    print(f"{name}: loss {reached[name]:.0e} after {steps} steps, {evaluations} evaluations")

# %%
# With the same line search the exact Hessian is ahead of Gauss-Newton on the way, and neither
# arrives. Where the loss is small the second term is small, too: Gauss-Newton's matrix is the
# Hessian, and knowing it exactly gains nothing. What limits a step is how far the straight line
# may be followed, and that is what the corrections repair.

for name in ("newton", "natural_lm"):
    theta = fits[name][0].theta
    J = torch.func.jacfwd(residual)(theta)
    rest = torch.func.hessian(half_square)(theta) - J.T @ J
    share = float(torch.linalg.matrix_norm(rest, 2) / torch.linalg.matrix_norm(J, 2) ** 2)
    print(f"at the end of {name} the second term is {share:.0e} of the first")

fig, panel = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, colour in zip(fits, ("#CC79A7", "#D55E00", "#009E73", "#0072B2"), strict=True):
    for seed, fit in enumerate(fits[name]):
        label = name if seed == 0 else None
        panel.semilogy(fit.history["step"], fit.history["loss"], color=colour, label=label)
panel.set(xlabel="step", ylabel="loss")
panel.legend()
