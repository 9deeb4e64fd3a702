"""Truncated least squares in extended precision: what LAPACK and the package are both measured by.

QR, then a one-sided Jacobi SVD of the small triangle (Golub & Van Loan, section 8.6.3), both in the
80-bit numbers of the x87 unit, whose round-off is 2000 times smaller than that of double precision.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.longdouble]

EPS = float(np.finfo(np.longdouble).eps)  # 1e-19 where long double is worth its name


class ExtendedSvd:
    """J [S, P] = U diag(sigma) V^T, S >= P, and truncated solutions for one right-hand side r [S].

    Attributes:
        sigma: [P], descending.
    """

    def __init__(self, J: npt.NDArray[np.float64], r: npt.NDArray[np.float64]) -> None:
        triangle, projected, pivots = _qr(J.astype(np.longdouble), r.astype(np.longdouble))
        # Columns of triangle^T are rotated until they are orthogonal: triangle^T W = V diag(sigma).
        columns, W = _orthogonalise(triangle.T)
        sigma = np.sqrt((columns**2).sum(axis=0))
        order = np.argsort(-sigma)
        self.sigma = sigma[order]
        self._V = np.empty_like(columns)
        self._V[pivots] = columns[:, order] / self.sigma
        self._coefficients = W[:, order].T @ projected  # U^T r

    def direction(self, cutoff: float) -> Array:
        """The minimum-norm solution [P] in the singular directions above cutoff * sigma_1."""
        rank = int((self.sigma > cutoff * self.sigma[0]).sum())
        return self._V[:, :rank] @ (self._coefficients[:rank] / self.sigma[:rank])


def _qr(A: Array, r: Array) -> tuple[Array, Array, npt.NDArray[np.intp]]:
    """R [P, P] of the columns in the order of the pivots [P], and P entries of Q^T r.

    With the largest remaining column first the rows of R fall off like the singular values, and few
    rotations are left to do.
    """
    A, r, pivots = A.copy(), r.copy(), np.arange(A.shape[1])
    for j in range(A.shape[1]):
        largest = j + int((A[j:, j:] ** 2).sum(axis=0).argmax())
        A[:, [j, largest]], pivots[[j, largest]] = A[:, [largest, j]], pivots[[largest, j]]
        v = A[j:, j].copy()
        v[0] += np.copysign(np.sqrt(v @ v), v[0])
        scale = 2 / (v @ v)
        A[j:, j:] -= np.outer(v, scale * (v @ A[j:, j:]))
        r[j:] -= v * (scale * (v @ r[j:]))
    n = A.shape[1]
    return np.triu(A[:n]), r[:n], pivots


def _orthogonalise(A: Array) -> tuple[Array, Array]:
    """A W with orthogonal columns, and the orthogonal W: all disjoint pairs of columns at once."""
    n = A.shape[1] + A.shape[1] % 2
    A = np.pad(A, ((0, 0), (0, n - A.shape[1])))
    W = np.eye(n, dtype=np.longdouble)
    # Rotations leave errors of this size in every column: so far columns may fail to be orthogonal.
    noise = EPS * float(np.sqrt((A**2).sum()))
    players = np.arange(n)  # a round-robin tournament: everybody meets everybody once a sweep
    for _ in range(30):
        largest = 0.0
        for _ in range(n - 1):
            p, q = players[: n // 2], players[n // 2 :][::-1]
            largest = max(largest, _rotate(A, W, p, q, noise))
            players[1:] = np.roll(players[1:], 1)
        if largest < 10:
            kept = np.argsort(-(A**2).sum(axis=0))[: A.shape[0]]
            return A[:, kept], W[: A.shape[0], kept]
    raise ArithmeticError(f"Jacobi rotations do not converge: {largest:.1e} times noise is left")


def _rotate(
    A: Array, W: Array, p: npt.NDArray[np.intp], q: npt.NDArray[np.intp], noise: float
) -> float:
    """Makes the columns p[i] and q[i] orthogonal; returns the largest cosine before, over noise."""
    x, y = A[:, p], A[:, q]
    xx, yy, xy = (x * x).sum(axis=0), (y * y).sum(axis=0), (x * y).sum(axis=0)
    active = np.abs(xy) > EPS * np.sqrt(xx * yy)
    zeta = (yy - xx) / np.where(active, 2 * xy, 1)
    t = np.copysign(1 / (np.abs(zeta) + np.sqrt(1 + zeta**2)), zeta)
    c = np.where(active, 1 / np.sqrt(1 + t**2), 1)
    s = np.where(active, c * t, 0)
    A[:, p], A[:, q] = c * x - s * y, s * x + c * y
    x, y = W[:, p], W[:, q]
    W[:, p], W[:, q] = c * x - s * y, s * x + c * y
    return float((np.abs(xy) / (noise * np.sqrt(np.maximum(xx, yy)) + 1e-300)).max())
