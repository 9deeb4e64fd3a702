"""The tangent space of any least-squares system: projection, kernel, spectrum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from anagram_ext.checks import check_kind
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.systems.protocol import Linearisation

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.jacobian import Jacobian


@dataclass(frozen=True)
class Spectrum:
    """How the singular directions of J share the residual r.

    Attributes:
        singular_values: ``[k]``, descending.
        captured: ``[k]``; entry i is the share ``|U_(i+1)^T r|^2 / |r|^2`` of the squared residual
            that the i + 1 strongest directions see, between 0 and 1.
        cutoff: the absolute threshold; directions at or below are dropped.
        rank: number of directions that are kept.
    """

    singular_values: Tensor
    captured: Tensor
    cutoff: float
    rank: int

    @property
    def captured_residual(self) -> float:
        """The share of the squared residual that the kept directions see."""
        return float(self.captured[self.rank - 1]) if self.rank else 0.0

    def __repr__(self) -> str:
        return (
            f"Spectrum({len(self.singular_values)} singular values, rank {self.rank} above "
            f"{self.cutoff:.3g}, captured residual {self.captured_residual:.6f})"
        )


class TangentSpace:
    """The span of the kept left singular vectors of J [S, P], with the kernel that projects on it.

    With J = U Sigma V^T truncated at rank k, the empirical natural gradient of arXiv 2412.10782 is
    ``V_k Sigma_k^-1 U_k^T r``: it takes from the residual what lies in this space.

    Args:
        linearisation: of any system, ``system.linearise(theta)``.
        cutoff: singular values at or below are dropped; a number is relative to the largest.

    Attributes:
        residual: r [S].
        factorisation: of J.
        rank: k.

    Raises:
        TypeError: ``linearisation`` is none, or ``cutoff`` is no number.
        ValueError: ``cutoff`` is negative or not finite.
        NonFiniteError: J holds NaN or infinity.
    """

    def __init__(
        self, linearisation: Linearisation[Jacobian], cutoff: float | Cutoff = 1e-8
    ) -> None:
        check_kind("linearisation", linearisation, Linearisation, "a Linearisation")
        self._cutoff = Cutoff.of(cutoff)
        self.residual = linearisation.residual
        self.factorisation = linearisation.jacobian.factorise()
        self.rank = self.factorisation.rank(self._cutoff)

    def project(self, values: Tensor) -> Tensor:
        """``U_k U_k^T v``: the part of v [S] or [q, S], rows as in r, that lies in the space."""
        y = self.factorisation.project(values)
        y[..., self.rank :] = 0
        return self.factorisation.push(y)

    def step(self) -> Tensor:
        """``V_k Sigma_k^-1 U_k^T r`` [P]: the natural gradient."""
        return self.factorisation.direction(self.residual, self._cutoff)

    def kernel(self, left: Tensor, right: Tensor) -> Tensor:
        """``left (J^T J)_k^+ right^T`` [a, b] of features [a, P] and [b, P].

        ``(J^T J)_k^+ = V_k Sigma_k^-2 V_k^T`` is the inverse of the Gram matrix G of the features
        in the inner product of the rows; for left = right = J the kernel is ``U_k U_k^T``.
        """
        return self._whitened(left) @ self._whitened(right).T

    def spectrum(self) -> Spectrum:
        """Singular values, threshold, and how much of r the directions see."""
        sigma = self.factorisation.singular_values
        squares = self.factorisation.project(self.residual).square()
        total = self.residual.square().sum()
        shares = squares.cumsum(0) / total if total > 0 else torch.zeros_like(sigma)
        largest = self.factorisation.largest if self._cutoff.relative else 1.0
        return Spectrum(sigma, shares.clamp(max=1.0), self._cutoff.value * largest, self.rank)

    def _whitened(self, features: Tensor) -> Tensor:
        """``features V_k Sigma_k^-1`` [a, k]."""
        k = self.rank
        return self.factorisation.pull(features)[:, :k] / self.factorisation.singular_values[:k]
