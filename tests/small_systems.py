"""Least-squares problems without a network, where the answer is known, for tests of the methods."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch

from anagram_ext.linear.jacobian import Stored
from anagram_ext.methods import Method, StepInfo
from anagram_ext.systems.protocol import Linearisation


class LeastSquares:
    """What a method sees of a `System`: a residual in torch, derivatives by autograd.

    Evaluated on the CPU, whatever the device of theta: the same numbers for every method.
    """

    draws, redrawn = 0, ()  # its points stay

    def __init__(self, residual, n_parameters):
        self._residual = residual
        self.n_parameters = n_parameters
        self.n_rows = len(residual(torch.zeros(n_parameters, dtype=torch.float64)))

    def residual(self, theta):
        return self._residual(theta.cpu()).to(theta.device)

    def residuals(self, thetas):
        return torch.stack([self.residual(theta) for theta in thetas])

    def losses(self, thetas):
        losses = 0.5 * self.residuals(thetas).square().sum(dim=1)
        return torch.nan_to_num(losses, nan=math.inf, posinf=math.inf)

    def linearise(self, theta):
        J = torch.func.jacrev(self._residual)(theta.cpu()).contiguous()
        r = self.residual(theta)
        return Linearisation(r, 0.5 * float(r @ r), Stored(J.to(theta.device)))

    def gradient(self, theta):
        here = self.linearise(theta)
        return here.loss, here.jacobian.rmatvec(here.residual)


def rosenbrock() -> LeastSquares:
    """Curved valley, minimum 0 at (1, 1)."""
    return LeastSquares(lambda v: torch.stack([1 - v[0], 10 * (v[1] - v[0] ** 2)]), 2)


def linear(seed: int = 0) -> tuple[LeastSquares, torch.Tensor, torch.Tensor]:
    """`A v - b` with more rows than columns and condition number 100; no exact fit."""
    rng = np.random.default_rng(seed)
    U, _ = np.linalg.qr(rng.normal(size=(12, 5)))
    V, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    A = torch.from_numpy((U * np.geomspace(1, 0.01, 5)) @ V.T)
    b = torch.from_numpy(rng.normal(size=12))
    return LeastSquares(lambda v: A @ v - b, 5), A, b


def run(
    method: Method, system: LeastSquares, theta: torch.Tensor, steps: int, device: str = "cpu"
) -> list[StepInfo]:
    """Steps on the device, their iterates on the CPU."""
    method.start(system, theta.to(device))
    infos = []
    for _ in range(steps):
        info = method.step()
        assert info.theta.device.type == device
        infos.append(dataclasses.replace(info, theta=info.theta.cpu()))
        if info.stop:
            break
    return infos


START = torch.tensor([-1.2, 1.0], dtype=torch.float64)
