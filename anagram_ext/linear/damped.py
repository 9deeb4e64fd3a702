"""Damped least squares ``min ||A y - r||^2 + l ||y||^2`` for many shifts l, and two ways to it.

``Spectral`` works with singular directions, ``Gram`` (in ``gram.py``) with parameters; a step has
the same length in either.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from anagram_ext.linear.factorisation import Factorisation

# A difference of losses below this share of them is rounding.
CANCELLED: Final = 1e-12


class DampedSolves(Protocol):
    """One factorisation of A [S, P] with one right-hand side r [S], solved for any shift l > 0.

    Steps are vectors [n] of coordinates of the solver's own, in which their length is that of y.

    Attributes:
        unit: the square of the largest singular value, 1 for a zero matrix.
    """

    unit: float

    def steps(self, shifts: Sequence[float]) -> Tensor:
        """The solutions for q shifts, [q, n]."""

    def corrections(self, shifts: Sequence[float], residuals: Tensor, steps: Tensor) -> Tensor:
        """``(A^T A + l)^-1 (A^T r' - l y)`` [q, n].

        A Newton step of the damped problem from where the steps ended, with the matrix from where
        they began.

        Args:
            shifts: q shifts l.
            residuals: r' after each step, [q, S].
            steps: y, [q, n].
        """

    def expand(self, steps: Tensor) -> Tensor:
        """The steps as vectors y: [n] or [q, n] -> [P] or [q, P]."""

    def reduction(self, step: Tensor) -> float:
        """``1/2 ||r||^2 - 1/2 ||r - A y||^2``."""

    def floor(self, shift: float) -> float:
        """``1/2 ||r - A y||^2`` for the solution y: what the damped step cannot remove.

        Too small, never too large, where it is lost in the rounding of the loss.
        """

    def rank(self, shift: float) -> int:
        """The number of singular directions that the shift leaves (more than half of)."""

    def captured(self, shift: float) -> float:
        """``1/2 ||P r||^2``, P the projection on what these directions can change of r."""

    def weak(self, y: Tensor, shift: float) -> Tensor:
        """``l (A^T A + l)^-1 y``: the part of y [P] that A hardly sees, [P]."""


class Spectral:
    """By a singular value decomposition: as accurate as double precision allows.

    Args:
        factorisation: of A.
        residual: r [S].
        loss: ``1/2 ||r||^2``.
    """

    def __init__(self, factorisation: Factorisation, residual: Tensor, loss: float) -> None:
        self._factorisation = factorisation
        self._sigma = factorisation.singular_values  # [k]
        self._target = factorisation.project(residual)  # c = U^T r, [k]
        self._loss = loss
        self.unit = factorisation.largest**2 or 1.0

    def steps(self, shifts: Sequence[float]) -> Tensor:
        """``S c / (S^2 + l)`` [q, k]."""
        return self._sigma / (self._sigma**2 + self._column(shifts)) * self._target

    def corrections(self, shifts: Sequence[float], residuals: Tensor, steps: Tensor) -> Tensor:
        """``(S U^T r' - l y) / (S^2 + l)`` [q, k]."""
        remaining = self._factorisation.project(residuals)  # U^T r', [q, k]
        column = self._column(shifts)
        return (self._sigma * remaining - column * steps) / (self._sigma**2 + column)

    def expand(self, steps: Tensor) -> Tensor:
        """``V y``."""
        return self._factorisation.expand(steps)

    def reduction(self, step: Tensor) -> float:
        """``1/2 ||c||^2 - 1/2 ||c - S y||^2``."""
        left = self._target - self._sigma * step
        return 0.5 * float(self._target.square().sum() - left.square().sum())

    def floor(self, shift: float) -> float:
        """What lies outside of the tangent space, where that is known, and what the shift keeps."""
        outside = self._loss - 0.5 * float(self._target.square().sum())
        outside = outside if outside > CANCELLED * self._loss else 0.0
        kept = shift / (self._sigma**2 + shift) * self._target
        return outside + 0.5 * float(kept.square().sum())

    def rank(self, shift: float) -> int:
        """Number of singular values above the square root of the shift."""
        return self._factorisation.count_above(math.sqrt(shift / self.unit))

    def captured(self, shift: float) -> float:
        """The share of the first ``rank`` directions."""
        return 0.5 * float(self._target[: self.rank(shift)].square().sum())

    def weak(self, y: Tensor, shift: float) -> Tensor:
        """``y - V S^2 / (S^2 + l) V^T y``."""
        seen = self._sigma**2 / (self._sigma**2 + shift) * self._factorisation.pull(y)
        return y - self._factorisation.expand(seen)

    def _column(self, shifts: Sequence[float]) -> Tensor:
        return self._sigma.new_tensor(shifts)[:, None]
