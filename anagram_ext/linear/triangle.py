"""Damped least squares by a QR decomposition: as accurate as singular values, and cheaper.

A matrix A [S, P] with S <= P is ``A^T = Q R``. Nothing is squared: R is exact for a matrix that
differs from A by a few roundings, where ``A A^T`` is wrong by as many of sigma_1^2. A shift l adds
rows to the triangle, ``R_l^T R_l = A A^T + l`` with

    ``[R; sqrt(l) I] = Q_l R_l``,

again by reflections, which are stable for any l. Then ``y = A^T z`` with ``R_l^T R_l z = r``. Q is
never needed: solutions of least length are as accurate without it.

The error of a step with shift ``l = d sigma_1^2`` is at most

    ``||y' - y|| <= e / sqrt(d) (||y|| + ||r - A y|| / sqrt(l))``,

e a modest multiple of the unit round-off: that of a singular value decomposition, where the normal
equations have d in place of its root.

Source: C. C. Paige, "An error analysis of a method for solving matrix equations" (Math. Comp. 27,
1973), for A with sqrt(l) as further columns; L. Elden, "Algorithms for the regularization of
ill-conditioned least squares problems" (BIT 17, 1977), for the triangle with a shift; R. Schreiber
& C. Van Loan, "A storage-efficient WY representation for products of Householder transformations"
(SIAM J. Sci. Stat. Comput. 10, 1989), for reflections at the rate of matrix products.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor

_PANEL: Final = 96  # columns reflected at once


class Triangle:
    """The matrix ``M = R^T R``, which is never formed.

    Args:
        root: R [n, n], upper triangular.
    """

    def __init__(self, root: Tensor) -> None:
        self._root = root
        self.like = root

    def __len__(self) -> int:
        return len(self._root)

    def times(self, x: Tensor) -> Tensor:
        """``M x``: x [n] or [n, q]."""
        # A thin matrix stands on the left: on the right it takes some libraries, and layouts of R,
        # fifty times as long.
        left = x if x.ndim == 1 else x.T
        product = left @ self._root.T @ self._root
        return product if x.ndim == 1 else product.T

    def factor(self, shift: float) -> Tensor:
        """L with ``L L^T = M + l``, lower triangular; its diagonal may have any sign."""
        return shifted_triangle(self._root, math.sqrt(shift)).T


def triangle_of(matrix: Tensor) -> Tensor:
    """R [n, n] with ``B^T B = R^T R`` for B [m, n], m >= n; B stays as it is."""
    n = matrix.shape[1]
    return torch.triu(torch.geqrf(matrix).a[:n])


def shifted_triangle(root: Tensor, below: float) -> Tensor:
    """R' [n, n] with ``R'^T R' = R^T R + s^2``, from reflections of ``[R; s I]``.

    Column j of the lower block fills as far down as row j only: 2/3 n^3 operations, nearly all in
    matrix products.

    Args:
        root: R [n, n], upper triangular; it stays as it is.
        below: s, positive.
    """
    n = len(root)
    upper = root.clone()
    lower = torch.zeros_like(root)
    lower.diagonal().fill_(below)
    for start in range(0, n, _PANEL):
        stop = min(start + _PANEL, n)
        columns = slice(start, stop)
        panel = torch.cat([upper[columns, columns], lower[:stop, columns]])  # [w + stop, w]
        packed, scales = torch.geqrf(panel)
        upper[columns, columns] = torch.triu(packed[: stop - start])
        if stop < n:
            reflectors = torch.tril(packed, -1)
            reflectors.diagonal().fill_(1.0)
            _reflect(reflectors, scales, upper[columns, stop:], lower[:stop, stop:])
    return upper


def _reflect(reflectors: Tensor, scales: Tensor, upper: Tensor, lower: Tensor) -> None:
    """Applies ``(I - V T V^T)^T`` to two blocks of rows, in place.

    Args:
        reflectors: V [w + m, w], unit lower trapezoidal.
        scales: of each reflection, [w]; none is zero, as no column below is.
        upper: the first w rows, [w, k].
        lower: the other m rows, [m, k].
    """
    width = len(scales)
    top, rest = reflectors[:width], reflectors[width:]
    inverse = torch.triu(reflectors.T @ reflectors, 1)  # of T
    inverse.diagonal().copy_(scales.reciprocal())
    seen = torch.addmm(top.T @ upper, rest.T, lower)  # V^T B, [w, k]
    seen = torch.linalg.solve_triangular(inverse.T, seen, upper=False)
    upper.addmm_(top, seen, alpha=-1.0)
    lower.addmm_(rest, seen, alpha=-1.0)
