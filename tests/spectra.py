"""Matrices with a prescribed singular value decomposition: their truncated solutions are known."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.linear.solve import LstsqResult, lstsq


@dataclass(frozen=True)
class Prescribed:
    J: torch.Tensor  # [S, P] = U diag(sigma) V^T, on the device; the rest is what to expect of it
    U: torch.Tensor  # [S, n]
    sigma: torch.Tensor  # [n], descending
    V: torch.Tensor  # [P, n]

    def direction(self, r: torch.Tensor, rank: int) -> torch.Tensor:
        return self.V[:, :rank] @ ((self.U[:, :rank].T @ r) / self.sigma[:rank])

    def error_bound(self, r: torch.Tensor, rank: int, eps: float) -> float:
        """First-order bound of the direction's error, for a backward-stable factorisation.

        A perturbation E of J, ``|E| <= c eps sigma_1``, moves the truncated solution x by at most
        ``|E| / gap * (|x| + |U^T r| / sigma_k)`` with gap = the distance of the smallest kept
        singular value to its first dropped neighbour (Wedin 1973).
        """
        kept = float(self.sigma[rank - 1])
        dropped = float(self.sigma[rank]) if rank < len(self.sigma) else 0.0
        perturbation = 30 * eps * float(self.sigma[0])
        size = float(self.direction(r, rank).norm()) + float(r.norm()) / kept
        return perturbation / (kept - dropped) * size


def prescribed(
    S: int,
    P: int,
    sigma: torch.Tensor,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    device: str = "cpu",
) -> Prescribed:
    """Random orthonormal factors around ``sigma`` [n], n <= min(S, P)."""
    generator = torch.Generator().manual_seed(seed)

    def orthonormal(length: int) -> torch.Tensor:
        gauss = torch.randn(length, len(sigma), generator=generator, dtype=torch.float64)
        return torch.linalg.qr(gauss).Q

    U, V = orthonormal(S), orthonormal(P)
    J = (U * sigma.double()) @ V.T
    return Prescribed(J.to(device, dtype), U.to(dtype), sigma.to(dtype), V.to(dtype))


def solve(J: torch.Tensor, r: torch.Tensor, cutoff: float | Cutoff) -> LstsqResult:
    """`lstsq` where J is, its results on the CPU."""
    solution = lstsq(J, r.to(J.device), cutoff)
    assert solution.direction.device == solution.singular_values.device == J.device
    return LstsqResult(solution.direction.cpu(), solution.rank, solution.singular_values.cpu())


def decay(n: int, last: float) -> torch.Tensor:
    """n values from 1 down to ``last`` in geometric progression."""
    return last ** torch.linspace(0, 1, n, dtype=torch.float64)
