"""A positive semidefinite matrix with multiples of the identity added, by Cholesky."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.linear.damped import PROBES, random_signs
from anagram_ext.linear.transfer import uploaded

if TYPE_CHECKING:
    from torch import Tensor

_KEPT_FACTORS: Final = 3
_BLOCK: Final = 8  # columns of the subspace iteration for sigma_1
_SWEEPS: Final = 20
_SETTLED: Final = 1e-8  # relative change of sigma_1^2 by a sweep
_AT_ONCE: Final = {"cpu": 1, "cuda": 6}  # sweeps between two looks; most matrices take 3 to 6
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
        """The Cholesky factor L of M + l; nan, and all that it solves, where there is none."""
        if shift not in self._factors:
            while len(self._factors) >= _KEPT_FACTORS:
                self._factors.pop(next(iter(self._factors)))
            shifted = self.matrix.clone()
            shifted.diagonal().add_(shift)
            factor, failed = torch.linalg.cholesky_ex(shifted)
            factor.diagonal().masked_fill_(failed != 0, torch.nan)  # nobody waits for the answer
            self._factors[shift] = factor
        return self._factors[shift]

    def effective(self, shift: float, left_over: float | None = None) -> float:
        """``tr (M + l)^-1 M``, which is ``n - l tr (M + l)^-1``.

        Args:
            shift: l.
            left_over: that of this shift, where it has been read already.
        """
        if shift not in self._effective:
            total = float(self.left_over(shift)) if left_over is None else left_over
            n = len(self.matrix)
            squares = n if n <= _EXACT else n * PROBES
            self._effective[shift] = max(0.0, n - shift * total * n / squares)
        return self._effective[shift]

    def left_over(self, shift: float) -> Tensor:
        """``tr (M + l)^-1``, a number on the device.

        Beyond a side of 1024 sixteen times as much, estimated by so many random vectors of signs.
        The effective number has a standard deviation of at most the square root of an eighth of it
        then (Hutchinson, "A stochastic estimator of the trace of the influence matrix for Laplacian
        smoothing splines", 1990).
        """
        factor = self.factor(shift)
        n = len(factor)
        if n <= _EXACT:
            right = torch.eye(n, dtype=factor.dtype, device=factor.device)
        else:
            right = random_signs((n, PROBES), factor)
        total: Tensor = torch.linalg.solve_triangular(factor, right, upper=False).square_().sum()
        return total


def largest_eigenvalue(matrix: Tensor) -> float:
    """Of a positive semidefinite matrix [n, n], by subspace iteration, to some eight digits."""
    n = len(matrix)
    generator = torch.Generator().manual_seed(0)
    block = torch.randn((n, min(_BLOCK, n)), generator=generator, dtype=torch.float64)
    image = uploaded(block, matrix)
    at_once = _AT_ONCE[matrix.device.type]
    largest = 0.0
    for _ in range(0, _SWEEPS, at_once):
        restricted = []  # the matrix in the subspace, [8, 8] each
        for _ in range(at_once):
            block = torch.linalg.qr(image).Q
            image = matrix @ block
            restricted.append(block.T @ image)
        for small in torch.stack(restricted).cpu():
            before, largest = largest, float(torch.linalg.eigvalsh(small)[-1])
            if not largest - before > _SETTLED * largest:
                return largest
    return largest
