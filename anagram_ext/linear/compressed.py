"""Damped least squares with more rows than parameters, turned into a square problem first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from anagram_ext.linear.damped import PROBES, random_signs, with_sum
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.left_out import press
from anagram_ext.linear.row_gram import RowGram
from anagram_ext.linear.triangle import Triangle

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

# The diagonal of a matrix from products with vectors of signs is as noisy as its rows are long.
_MORE_PROBES = 4


class Compressed:
    """By ``A = Q L`` with L lower triangular [P, P]: rotated, all but P rows of A are zero.

    What remains is the square problem with L and ``c = Q^T r``, which ``RowGram`` solves with the
    triangle L^T, as accurately as singular values would. What r has outside of the range of A is
    known without a difference. Costs ``2 P^2 (S - P / 3)`` operations and 2/3 P^3 a shift.

    Args:
        matrix: A [S, P], S > P; not used afterwards.
        residual: r [S].
    """

    def __init__(self, matrix: Tensor, residual: Tensor) -> None:
        # QR of the columns in reverse order is QL of the columns.
        self._reflectors, self._scales = torch.geqrf(matrix.flip(1))
        self._width = matrix.shape[1]
        lower = torch.triu(self._reflectors[: self._width]).flip(0, 1)
        turned = self._turned(residual[None])
        rows, outside = turned[0, -self._width :], turned[0, : -self._width]
        self._residual = residual
        self._outside = 0.5 * float(outside.square().sum())
        self._square = RowGram(Stored(lower), Triangle(lower.T), rows)
        self.unit = self._square.unit

    def steps(self, shifts: Sequence[float]) -> Tensor:
        """``L^T (L L^T + l)^-1 c`` [q, P]."""
        return self._square.steps(shifts)

    def corrections(self, shifts: Sequence[float], residuals: Tensor, steps: Tensor) -> Tensor:
        """Those of the square problem [q, P]."""
        rows = self._turned(residuals)[:, -self._width :].contiguous()
        return self._square.corrections(shifts, rows, steps)

    def expand(self, steps: Tensor) -> Tensor:
        """The steps themselves."""
        return steps

    def sums(self, shifts: Sequence[float]) -> Tensor:
        """Those of the square problem."""
        return self._square.sums(shifts)

    def know(self, shifts: Sequence[float], sums: Sequence[Sequence[float]]) -> None:
        """Takes them, read."""
        self._square.know(shifts, sums)

    def reduction(self, step: Tensor) -> float:
        """``A y (r - 1/2 A y)``, all of which lies in the range of A."""
        return self._square.reduction(step)

    def outcome(self, step: Tensor, shift: float) -> tuple[float, float]:
        """Both."""
        return self._square.outcome(step, shift)

    def floor(self, shift: float) -> float:
        """What lies outside of the range of A, and what the shift keeps."""
        return self._outside + self._square.floor(shift)

    def rank(self, shift: float) -> int:
        """The effective number of parameters, rounded."""
        return self._square.rank(shift)

    def effective(self, shift: float) -> float:
        """``tr (L L^T + l)^-1 L L^T``."""
        return self._square.effective(shift)

    def leverages(self, shift: float, probes: int | None = PROBES) -> Tensor:
        """Means of ``Q z`` times ``Q X z`` over vectors of signs, ``X = 1 - l (L L^T + l)^-1``.

        Four times as many; or the sum over unit vectors z.
        """
        if probes is None:
            signs = torch.eye(self._width, dtype=self._scales.dtype, device=self._scales.device)
        else:
            signs = random_signs((_MORE_PROBES * probes, self._width), self._scales)
        seen = self._square.seen(signs, shift)
        products = (self._returned(signs) * self._returned(seen)).sum(dim=0)
        if probes is None:
            return products.clamp_(0.0, 1.0)
        fitted = (products / len(signs)).clamp_(min=0.0)
        return with_sum(fitted, self.effective(shift))

    def press(self, shift: float) -> float:
        """From the residual after the step and all leverages: P products with Q."""
        kept = self._square.kept(shift)
        remaining = self._turned(self._residual[None])
        remaining[0, -self._width :] = kept
        left = self._unturned(remaining)[0]
        return press(left / (1.0 - self.leverages(shift, None)))

    def captured(self, shift: float) -> float:
        """``1/2 c (c - l z)``."""
        return self._square.captured(shift)

    def weak(self, y: Tensor, shift: float) -> Tensor:
        """``y - L^T (L L^T + l)^-1 L y``."""
        return self._square.weak(y, shift)

    def _turned(self, rows: Tensor) -> Tensor:
        """``[outside, Q]^T r`` for rows r [q, S]: the coordinates in the range of A come last."""
        turned = torch.ormqr(self._reflectors, self._scales, rows.T.contiguous(), transpose=True)
        return turned.flip(0).T

    def _unturned(self, rows: Tensor) -> Tensor:
        """The inverse: [q, S]."""
        return torch.ormqr(self._reflectors, self._scales, rows.T.flip(0)).T

    def _returned(self, rows: Tensor) -> Tensor:
        """``Q c`` for rows c [q, P], [q, S]."""
        missing = len(self._residual) - self._width
        return self._unturned(torch.nn.functional.pad(rows, (missing, 0)))
