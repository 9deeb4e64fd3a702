"""
Extreme learning machine: one solve for the last layer
======================================================

Random hidden layers, the last layer by one least-squares solve.

An MLP is linear in its last layer, and so is the residual of a linear PDE: restricted to the
columns of that layer, one ANaGRAM step is the extreme learning machine of Huang, Zhu & Siew
(Neurocomputing 2006; for PDEs Dwivedi & Srinivasan 2020). It is a strong baseline where the
solution is smooth and the random slopes are right; training all layers needs neither luck nor a
wide net.
"""

from __future__ import annotations

import warnings

import torch

import anagram_ext as ax
from anagram_ext.linear.jacobian import Stored
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.systems.protocol import Linearisation


class LastLayer:
    """A problem seen by a method that may change the last layer only."""

    draws, redrawn = 0, ()

    def __init__(self, problem: ax.Problem, model: ax.MLP, theta: torch.Tensor) -> None:
        self._system = PdeSystem(problem, model)
        self._theta = theta
        self.n_parameters = (model.widths[-2] + 1) * model.widths[-1]
        self.n_rows = self._system.n_rows

    def whole(self, lasts: torch.Tensor) -> torch.Tensor:
        """All parameters [q, P] for values of the last layer [q, p]."""
        frozen = self._theta[: -self.n_parameters].expand(len(lasts), -1)
        return torch.cat([frozen, lasts], dim=1)

    def residuals(self, thetas: torch.Tensor) -> torch.Tensor:
        return self._system.residuals(self.whole(thetas))

    def losses(self, thetas: torch.Tensor) -> torch.Tensor:
        return self._system.losses(self.whole(thetas))

    def gradient(self, theta: torch.Tensor) -> tuple[float, torch.Tensor]:
        loss, gradient = self._system.gradient(self.whole(theta[None])[0])
        return loss, gradient[-self.n_parameters :]

    def linearise(self, theta: torch.Tensor) -> Linearisation[Stored]:
        r, J = self._system.residual_and_matrix(self.whole(theta[None])[0])
        return Linearisation(r, 0.5 * float(r @ r), Stored(J[:, -self.n_parameters :].contiguous()))


def random_hidden_layer(widths: list[int], slope: float, seed: int) -> tuple[ax.MLP, torch.Tensor]:
    """A net that bends at random places of the unit square."""
    model = ax.MLP(widths)
    d, n = widths[:2]
    theta = model.init(seed)
    rng = torch.Generator().manual_seed(seed)
    slopes = slope * torch.randn(n, d, generator=rng, dtype=torch.float64)
    centres = torch.rand(n, d, generator=rng, dtype=torch.float64)
    theta[: d * n] = slopes.reshape(-1)
    theta[d * n : (d + 1) * n] = -(slopes * centres).sum(dim=1)
    return model, theta


def extreme_learning_machine(problem: ax.Problem, n: int, slope: float, seed: int = 0) -> float:
    """L2 error after one step on the last layer of 2-n-1."""
    model, theta = random_hidden_layer([2, n, 1], slope, seed)
    system = LastLayer(problem, model, theta)
    method = ax.methods.get("anagram")(cutoff=ax.Cutoff(1e-13))
    method.start(system, theta[-system.n_parameters :])
    solved = system.whole(method.step().theta[None])[0]
    points = ax.Box(t=(0, 1), x=(0, 1)).grid(60, 60)
    exact = problem.solution(ax.Coordinates(("t", "x"), points))
    return float((model(solved, points)[:, 0] - exact).square().mean().sqrt())


def main() -> dict[str, float]:
    """Errors on the heat equation: last layer alone for several slopes, and all layers."""
    problem = ax.problems.heat()
    found = {
        f"last layer, 2-256-1, slope {slope:g}": extreme_learning_machine(problem, 256, slope)
        for slope in (0.3, 1.0, 3.0, 10.0)
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ax.HeldOutWarning)
        run = ax.train(problem, ax.MLP([2, 32, 1]), steps=100, progress=False)
    found["all layers, 2-32-1, 100 steps"] = run.l2_error
    for what, value in found.items():
        print(f"{what}: L2 error {value:.1e}")
    return found


if __name__ == "__main__":
    main()
