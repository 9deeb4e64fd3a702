"""The singular value decomposition in 80-bit numbers, for small matrices: what others are off by.

Source: one-sided Jacobi rotations, M. R. Hestenes, "Inversion of matrices by biorthogonalization
and related results" (J. SIAM 6, 1958).
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

_NUMBER = np.longdouble
_SWEEPS = 60


def long_svd(matrix: Any) -> tuple[Any, Any, Any]:
    """U [S, P], sigma [P] descending and V [P, P] of a matrix [S, P] of full rank, S >= P."""
    left = np.array(matrix, _NUMBER, order="F")
    right = np.eye(left.shape[1], dtype=_NUMBER, order="F")
    small = 4 * np.finfo(_NUMBER).eps
    for _ in range(_SWEEPS):
        turned = False
        for i, j in combinations(range(left.shape[1]), 2):
            a, b, c = (left[:, m] @ left[:, n] for m, n in ((i, i), (j, j), (i, j)))
            if abs(c) > small * np.sqrt(a * b):
                turned = True
                for columns in (left, right):
                    _turn(columns, i, j, (b - a) / (2 * c))
        if not turned:
            break
    sigma = np.sqrt((left * left).sum(axis=0))
    order = np.argsort(-sigma)
    return left[:, order] / sigma[order], sigma[order], right[:, order]


def _turn(columns: Any, i: int, j: int, zeta: Any) -> None:
    """The rotation of two columns after which they are orthogonal."""
    sign = -1 if zeta < 0 else 1
    tangent = sign / (abs(zeta) + np.sqrt(1 + zeta * zeta))
    cosine = 1 / np.sqrt(1 + tangent * tangent)
    first, second = columns[:, i].copy(), columns[:, j].copy()
    columns[:, i] = cosine * (first - tangent * second)
    columns[:, j] = cosine * (tangent * first + second)


def long_direction(matrix: Any, residual: Any, cutoff: float) -> Any:
    """The truncated least-squares solution [P] in 80-bit numbers."""
    U, sigma, V = long_svd(matrix)
    rank = int((sigma > cutoff * sigma[0]).sum())
    seen = U[:, :rank].T @ np.asarray(residual, _NUMBER)
    return V[:, :rank] @ (seen / sigma[:rank])
