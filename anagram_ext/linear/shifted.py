"""A positive semidefinite matrix with multiples of the identity added, by Cholesky."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.linear.damped import PROBES, random_signs

if TYPE_CHECKING:
    from torch import Tensor

_KEPT_FACTORS: Final = 3
_BLOCK: Final = 8  # columns of the subspace iteration for sigma_1
_SWEEPS: Final = 20
_SETTLED: Final = 1e-8  # relative change of sigma_1^2 by a sweep
# Up to this side a trace costs less than is worth sparing: n^3 operations.
_EXACT: Final = 1024


class Shifted:
    """``M + l`` for any shift l > 0; a factorisation costs n^3 / 3, the last few are kept.

    Args:
        matrix: M [n, n].

    Attributes:
        matrix: M.
        unit: its largest eigenvalue, 1 for a zero matrix.
    """

    def __init__(self, matrix: Tensor) -> None:
        self.matrix = matrix
        self.unit = largest_eigenvalue(matrix) or 1.0
        self._factors: dict[float, Tensor] = {}
        self._effective: dict[float, float] = {}

    def solve(self, shift: float, right: Tensor) -> Tensor:
        """``(M + l)^-1 b``, b [n]."""
        return torch.cholesky_solve(right[:, None], self.factor(shift))[:, 0]

    def factor(self, shift: float) -> Tensor:
        """The Cholesky factor L of M + l."""
        if shift not in self._factors:
            while len(self._factors) >= _KEPT_FACTORS:
                self._factors.pop(next(iter(self._factors)))
            shifted = self.matrix.clone()
            shifted.diagonal().add_(shift)
            self._factors[shift] = torch.linalg.cholesky(shifted)
        return self._factors[shift]

    def effective(self, shift: float) -> float:
        """``tr (M + l)^-1 M``.

        Beyond a side of 1024 by 16 random vectors of signs, with a standard deviation of at most
        the square root of an eighth of it (Hutchinson, "A stochastic estimator of the trace of
        the influence matrix for Laplacian smoothing splines", 1990).
        """
        if shift not in self._effective:
            factor = self.factor(shift)
            n = len(factor)
            right = torch.eye(n).to(factor) if n <= _EXACT else random_signs((n, PROBES), factor)
            left = torch.linalg.solve_triangular(factor, right, upper=False).square_().sum()
            self._effective[shift] = max(
                0.0, n - shift * float(left) * n / float(right.square().sum())
            )
        return self._effective[shift]


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
