"""Linear systems with a shifted matrix, by the Cholesky factor of a neighbouring shift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.linear.transfer import uploaded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

MOST: Final = 80  # iterations; shifts within a factor of ten take at most half as many
# Right-hand sides that cost less than the numbers between: libraries have kernels for as many.
_GROUPS: Final = (1, 4, 8)


def cholesky_solution(factor: Tensor, right: Tensor) -> Tensor:
    """``(L L^T)^-1 b`` for rows b, [q, n] -> [q, n].

    In two triangular solves that read L in place: for a few right-hand sides that is eight times as
    fast as ``torch.cholesky_solve``, which copies it.
    """
    half = torch.linalg.solve_triangular(factor, right.T, upper=False)
    solution: Tensor = torch.linalg.solve_triangular(factor.T, half, upper=True).T
    return solution


def neighbouring_solution(
    factor: Tensor, at: float, shifts: Sequence[float], right: Tensor, tolerance: float
) -> tuple[Tensor, int] | None:
    """``(M + l)^-1 b`` for q shifts l by conjugate gradients, with ``M + a = L L^T`` factorised.

    Preconditioned by the factorisation, the matrix has eigenvalues between 1 and l / a: within a
    factor of ten some 30 iterations give eight digits, of two some ten. M itself is never read:
    with ``C = (M + a)^-1`` a direction is ``d = C p``, so ``(M + l) d = p + (l - a) d``. An
    iteration costs 2 n^2 operations for each right-hand side.

    The iteration knows ``s = C rho`` of the remainder ``rho = b - (M + l) x``. With
    k = max(1, a / l) the error e of x obeys

        ``||e|| <= k ||s||``  and  ``e (M + l) e <= k rho s``,

    and a solution is accepted when the first is below the tolerance times ``||x||`` and the second
    below its square times ``x M x``: where M = A A^T, the error of ``A^T x`` is then below the
    tolerance times the length of that. Rounding adds what it adds to any solution by Cholesky.

    Source: M. R. Hestenes & E. Stiefel, "Methods of conjugate gradients for solving linear systems"
    (J. Res. NBS 49, 1952); that a shifted factor is a good preconditioner is folklore.

    Args:
        factor: L [n, n].
        at: a.
        shifts: q shifts l, positive.
        right: b [q, n].
        tolerance: the relative error of each solution.

    Returns:
        The solutions [q, n] and the number of iterations; None where one of them is not accepted
        after ``MOST``, or M + l turns out not to be positive.
    """
    wanted = len(right)
    missing = _filled_up(wanted) - wanted
    right = torch.nn.functional.pad(right, (0, 0, 0, missing))
    shift = uploaded([*shifts, *[at] * missing], right)  # [q]
    offset = (shift - at)[:, None]
    worse = (at / shift).clamp(min=1.0)
    x, rho = torch.zeros_like(right), right.clone()
    s = cholesky_solution(factor, rho)
    d, p = s.clone(), rho.clone()
    gamma = (rho * s).sum(dim=1)
    for iteration in range(1, MOST + 1):
        image = p + offset * d  # (M + l) d
        curvature = (d * image).sum(dim=1)
        # A zero remainder is a solution; M + l with a negative eigenvalue has none to be found.
        if not bool(((curvature > 0) | (gamma == 0)).all()):
            return None
        length = torch.where(gamma > 0, gamma / curvature, torch.zeros_like(gamma))[:, None]
        x.addcmul_(length, d)
        rho.addcmul_(length, image, value=-1.0)
        s = cholesky_solution(factor, rho)
        before, gamma = gamma, (rho * s).sum(dim=1).clamp(min=0.0)
        squares = (x * x).sum(dim=1)
        inner = ((x * (right - rho)).sum(dim=1) - shift * squares).clamp(min=0.0)  # x M x
        close = (worse * torch.linalg.vector_norm(s, dim=1)) ** 2 <= tolerance**2 * squares
        if bool((close & (worse * gamma <= tolerance**2 * inner)).all()):
            return x[:wanted], iteration
        turn = torch.where(before > 0, gamma / before, torch.zeros_like(gamma))[:, None]
        d = s + turn * d
        p = rho + turn * p
    return None


def _filled_up(wanted: int) -> int:
    """The least number of right-hand sides, at least so many, that is solved for at a good rate."""
    return next((group for group in _GROUPS if group >= wanted), wanted + -wanted % _GROUPS[-1])
