"""Error bars of fitted parameters, from one factorisation of J at the minimum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.linear.cutoff import Cutoff

if TYPE_CHECKING:
    from anagram_ext.systems.protocol import System

UNSEEN: Final = 1e-6  # share of a parameter outside of what J sees that leaves it undetermined


class ErrorBars:
    """Covariance of parameters theta [P] that minimise ``1/2 ||r||^2``, to first order.

    For r = model - data with independent errors of one variance s^2 in the data it is
    ``s^2 (J^T J)^-1``; s^2 is estimated by ``||r||^2 / (S - rank)``. Columns of J are brought to
    unit length first, such that what is negligible does not depend on the unit of a parameter.
    Source: Seber & Wild, "Nonlinear Regression" (Wiley 1989), section 2.1.2.

    Args:
        system: the least-squares problem.
        theta: the minimum.

    Attributes:
        rank: of J, at machine precision.
        variance: the estimate of s^2; infinite where S <= rank leaves nothing to estimate it by.
        undetermined: [P], true for a parameter that can change without a change of the residual.
        captured: the share of ``||r||^2`` that a linear step could still remove; 0 at a minimum.
    """

    def __init__(self, system: System, theta: Tensor) -> None:
        here = system.linearise(theta)
        lengths = here.jacobian.column_norms()
        units = torch.where(lengths > 0, lengths, torch.ones_like(lengths))
        factorisation = here.jacobian.scaled(units).factorise()
        S, P = factorisation.shape
        self.rank = factorisation.rank(Cutoff(min(0.5, max(S, P) * torch.finfo(theta.dtype).eps)))
        sigma = factorisation.singular_values
        basis = factorisation.expand(torch.eye(len(sigma)).to(sigma)[: self.rank])  # V^T [rank, P]
        self._roots = basis / sigma[: self.rank, None] / units
        self.undetermined = 1 - basis.square().sum(dim=0) > UNSEEN
        seen = float(factorisation.project(here.residual)[: self.rank].square().sum())
        self.captured = seen / (2 * here.loss) if here.loss > 0 else 0.0
        freedom = system.n_rows - self.rank
        self.variance = 2 * here.loss / freedom if freedom > 0 else math.inf

    def covariance(self, variance: float) -> Tensor:
        """The covariance [P, P] for a variance of the errors; without what J does not see."""
        return variance * (self._roots.T @ self._roots)

    def deviations(self, variance: float) -> Tensor:
        """Standard deviations [P]; infinite for what is undetermined."""
        deviations = math.sqrt(variance) * torch.linalg.vector_norm(self._roots, dim=0)
        return torch.where(self.undetermined, math.inf, deviations)
