"""
Collocation, finite differences, finite elements: one step
===========================================================

A model that is linear in theta: one ANaGRAM step is the classical method.

The natural gradient is ``pinv(J) r``. Where r = A theta - b the tangent space is the model itself,
J = A, and one step lands on the least-squares solution from anywhere. Which classical method that
is depends on the model and on the rows:

- random features and the equation at points: least-squares collocation;
- hat functions and ``u' - q`` with -q' = f on each element: finite elements (Galerkin), because
  J^T J is then the stiffness matrix, on equal elements the matrix of finite differences.
"""

from __future__ import annotations

from math import pi

import numpy as np
import torch

from anagram_ext import Cutoff, methods
from anagram_ext.linear.jacobian import Stored
from anagram_ext.systems.protocol import Linearisation, half_squares


class LinearSystem:
    """r(theta) = A theta - b, as a method sees it."""

    draws, redrawn = 0, ()  # its points stay

    def __init__(self, A: np.ndarray, b: np.ndarray) -> None:
        self.A, self.b = torch.from_numpy(A), torch.from_numpy(b)
        self.n_rows, self.n_parameters = A.shape

    def residuals(self, thetas: torch.Tensor) -> torch.Tensor:
        return thetas @ self.A.T - self.b

    def losses(self, thetas: torch.Tensor) -> torch.Tensor:
        return half_squares(self.residuals(thetas))

    def gradient(self, theta: torch.Tensor) -> tuple[float, torch.Tensor]:
        r = self.A @ theta - self.b
        return float(half_squares(r)), self.A.T @ r

    def linearise(self, theta: torch.Tensor) -> Linearisation[Stored]:
        r = self.A @ theta - self.b
        return Linearisation(r, float(half_squares(r)), Stored(self.A.clone()))


def one_step(A: np.ndarray, b: np.ndarray, start: np.ndarray, cutoff: float) -> np.ndarray:
    """The parameters after one step of the method ``anagram``."""
    method = methods.get("anagram")(cutoff=Cutoff(cutoff))
    method.start(LinearSystem(A, b), torch.from_numpy(start))
    return method.step().theta.numpy()


def collocation(n_features: int = 40, n_points: int = 200) -> dict[str, float]:
    """-u'' = pi^2 sin(pi x), u(0) = u(1) = 0 by random features tanh(w x + c)."""
    rng = np.random.default_rng(0)
    w, centres = 8 * rng.normal(size=n_features), rng.random(n_features)

    def features(x: np.ndarray) -> np.ndarray:
        return np.tanh(w * (x[:, None] - centres))

    def second(x: np.ndarray) -> np.ndarray:
        h = features(x)
        return -2 * w**2 * h * (1 - h**2)

    x = (np.arange(n_points) + 0.5) / n_points
    A = np.concatenate([-second(x) / np.sqrt(n_points), features(np.array([0.0, 1.0]))])
    b = np.concatenate([pi**2 * np.sin(pi * x) / np.sqrt(n_points), np.zeros(2)])
    cutoff = 1e-10
    theta = one_step(A, b, np.zeros(n_features), cutoff)
    expected = np.linalg.lstsq(A, b, rcond=cutoff)[0]
    elsewhere = one_step(A, b, rng.normal(size=n_features), cutoff)
    u = features(x)
    return {
        "step minus numpy.linalg.lstsq, as functions": float(np.abs(u @ (theta - expected)).max()),
        "the same from a random start": float(np.abs(u @ (elsewhere - expected)).max()),
        "error of u": float(np.abs(u @ theta - np.sin(pi * x)).max()),
    }


def finite_elements(n_elements: int = 64) -> dict[str, float]:
    """The same equation by hat functions on equal elements."""
    h = 1 / n_elements
    nodes = np.linspace(0, 1, n_elements + 1)
    slopes = (np.eye(n_elements, n_elements - 1) - np.eye(n_elements, n_elements - 1, -1)) / h
    # q = pi cos(pi x) has -q' = f; its mean over each element is a difference quotient of sin.
    mean_q = np.diff(np.sin(pi * nodes)) / h
    A, b = np.sqrt(h) * slopes, np.sqrt(h) * mean_q
    theta = one_step(A, b, np.zeros(n_elements - 1), 1e-14)
    stencil = (2 * np.eye(n_elements - 1) - np.eye(n_elements - 1, k=1)) / h
    stencil -= np.eye(n_elements - 1, k=-1) / h
    load = A.T @ b  # int phi_i f
    return {
        "J^T J minus (-1, 2, -1) / h": float(np.abs(A.T @ A - stencil).max() * h),
        "step minus finite elements": float(np.abs(theta - np.linalg.solve(stencil, load)).max()),
        "error of u at the nodes": float(np.abs(theta - np.sin(pi * nodes[1:-1])).max()),
    }


def main() -> dict[str, dict[str, float]]:
    """Both comparisons, printed."""
    found = {"collocation": collocation(), "finite elements": finite_elements()}
    for name, numbers in found.items():
        print(name)
        for what, value in numbers.items():
            print(f"  {what}: {value:.1e}")
    return found


if __name__ == "__main__":
    main()
