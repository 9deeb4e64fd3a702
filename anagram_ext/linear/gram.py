"""Damped least squares by the Gram matrix ``A^T A``, one Cholesky factorisation a shift."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.linear.damped import CANCELLED, PROBES, random_signs, with_sum
from anagram_ext.linear.left_out import press

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from anagram_ext.linear.jacobian import Jacobian

# Shifts below this many roundings of sigma_1^2 are left to a singular value decomposition: 2.3e-13
# in double precision. Steps are then right to about three digits, see the bound below.
RESOLVED: Final = 2.0**10
# A pass over J for the Gram matrix and some Cholesky factorisations cost as much as sketches that
# find this share of P singular values (900 x 257 to 3180 x 921, see docs/adr/024).
HIGH_RANK: Final = 0.3

_KEPT_FACTORS: Final = 3
_BLOCK: Final = 8  # columns of the subspace iteration for sigma_1
_SWEEPS: Final = 20
_SETTLED: Final = 1e-8  # relative change of sigma_1^2 by a sweep


class Gram:
    """By the normal equations ``(G + l) y = g`` with G = A^T A and g = A^T r.

    Costs one symmetric product of S P^2 operations and P^3 / 3 a shift, all at the rate of matrix
    products; J is read tile by tile and needs not be stored.

    Rounding moves G by E with ``||E|| <= e sigma_1^2`` and g by at most ``e sigma_1 ||r||``, e a
    modest multiple of the unit round-off (in practice a few, at worst max(S, P)). A shift
    l = d sigma_1^2 then gives a step that is wrong by at most

        ``||y' - y|| <= e / d (||y|| + ||r|| / sigma_1)``

    (Higham, "Accuracy and Stability of Numerical Algorithms", SIAM 2002, theorem 7.2 and section
    20.4). A singular value decomposition has the square root of d in place of d.

    Args:
        jacobian: J [S, P].
        gram: ``J^T J`` [P, P]; overwritten.
        scale: D [P]; A is J D^-1.
        residual: r [S].
        loss: ``1/2 ||r||^2``.
    """

    def __init__(
        self, jacobian: Jacobian, gram: Tensor, scale: Tensor, residual: Tensor, loss: float
    ) -> None:
        self._jacobian = jacobian
        self._scale = scale
        self._gram = gram.div_(scale).div_(scale[:, None])  # G
        self._pulled = jacobian.rmatvec(residual) / scale  # g
        self._residual = residual
        self._loss = loss
        self._factors: dict[float, Tensor] = {}
        self._effective: dict[float, float] = {}  # by shift: it costs P^3 / 3
        self.unit = largest_eigenvalue(self._gram) or 1.0

    def steps(self, shifts: Sequence[float]) -> Tensor:
        """``(G + l)^-1 g`` [q, P]."""
        return torch.stack([self._solve(shift, self._pulled) for shift in shifts])

    def corrections(self, shifts: Sequence[float], residuals: Tensor, steps: Tensor) -> Tensor:
        """``(G + l)^-1 (A^T r' - l y)`` [q, P]."""
        return torch.stack(
            [
                self._solve(shift, self._jacobian.rmatvec(residual) / self._scale - shift * step)
                for shift, residual, step in zip(shifts, residuals, steps, strict=True)
            ]
        )

    def expand(self, steps: Tensor) -> Tensor:
        """The steps themselves."""
        return steps

    def reduction(self, step: Tensor) -> float:
        """``g y - 1/2 y G y``."""
        return float(self._pulled @ step) - 0.5 * float(step @ (self._gram @ step))

    def floor(self, shift: float) -> float:
        """``1/2 ||r||^2 - 1/2 (g y + l y y)``, or ``1/2 l y y`` where that has cancelled."""
        step = self._solve(shift, self._pulled)
        kept = 0.5 * shift * float(step @ step)
        left = self._loss - 0.5 * float(self._pulled @ step) - kept
        return left if left > CANCELLED * self._loss else min(kept, CANCELLED * self._loss)

    def rank(self, shift: float) -> int:
        """The effective number of parameters, rounded.

        It counts singular values by the share of each that the shift leaves.
        """
        return round(self.effective(shift))

    def effective(self, shift: float) -> float:
        """``tr (G + l)^-1 G``."""
        if shift not in self._effective:
            factor = self._factor(shift)
            identity = torch.eye(len(factor), dtype=factor.dtype, device=factor.device)
            inverse = torch.linalg.solve_triangular(factor, identity, upper=False)
            left = len(factor) - shift * float(inverse.square().sum())
            self._effective[shift] = max(0.0, left)
        return self._effective[shift]

    def leverages(self, shift: float, probes: int | None = PROBES) -> Tensor:
        """Mean squares of ``A L^-T z``, L the Cholesky factor of G + l and z random signs.

        Or the sum of squares over unit vectors z.
        """
        factor = self._factor(shift)
        if probes is None:
            vectors = torch.eye(len(factor), dtype=factor.dtype, device=factor.device)
        else:
            vectors = random_signs((len(factor), probes), factor)
        directions = torch.linalg.solve_triangular(factor.T, vectors, upper=True)  # [P, probes]
        total = torch.zeros_like(self._residual)
        for direction in directions.T:
            total += self._jacobian.matvec(direction / self._scale).square_()
        return total if probes is None else with_sum(total / probes, self.effective(shift))

    def press(self, shift: float) -> float:
        """From the residual after the step and all leverages: P products with J."""
        step = self._solve(shift, self._pulled)
        remaining = self._residual - self._jacobian.matvec(step / self._scale)
        return press(remaining / (1.0 - self.leverages(shift, None)))

    def captured(self, shift: float) -> float:
        """``1/2 r A (G + l)^-1 A^T r``."""
        return 0.5 * float(self._pulled @ self._solve(shift, self._pulled))

    def weak(self, y: Tensor, shift: float) -> Tensor:
        """``l (G + l)^-1 y``."""
        return shift * self._solve(shift, y)

    def _solve(self, shift: float, right: Tensor) -> Tensor:
        return torch.cholesky_solve(right[:, None], self._factor(shift))[:, 0]

    def _factor(self, shift: float) -> Tensor:
        """The Cholesky factor L of G + l, kept for the shifts that were asked for last."""
        if shift not in self._factors:
            while len(self._factors) >= _KEPT_FACTORS:
                self._factors.pop(next(iter(self._factors)))
            shifted = self._gram.clone()
            shifted.diagonal().add_(shift)
            self._factors[shift] = torch.linalg.cholesky(shifted)
        return self._factors[shift]


def gram_pays(shape: tuple[int, int], least_damping: float, rank: int, eps: float) -> bool:
    """Whether ``Gram`` is accurate enough and faster than a decomposition.

    Args:
        shape: (S, P).
        least_damping: the least shift that will be asked for, relative to sigma_1^2.
        rank: how many singular values a decomposition would have to find, about.
        eps: the spacing of the numbers of J at 1.
    """
    n_rows, n_columns = shape
    accurate = least_damping >= RESOLVED * eps
    return accurate and n_columns <= n_rows and rank >= HIGH_RANK * n_columns


def largest_eigenvalue(matrix: Tensor) -> float:
    """Of a positive semidefinite matrix [n, n], by subspace iteration, to some eight digits."""
    n = len(matrix)
    generator = torch.Generator().manual_seed(0)
    block = torch.randn((n, min(_BLOCK, n)), generator=generator, dtype=torch.float64)
    block = torch.linalg.qr(block.to(matrix)).Q
    largest = 0.0
    for _ in range(_SWEEPS):
        image = matrix @ block
        before, largest = largest, float(torch.linalg.eigvalsh(block.T @ image)[-1])
        if not math.isfinite(largest) or largest - before <= _SETTLED * largest:
            break
        block = torch.linalg.qr(image).Q
    return largest
