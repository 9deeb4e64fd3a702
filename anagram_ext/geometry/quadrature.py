"""Quadrature along lines through points: Gauss-Legendre nodes with their weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Lines:
    """A quadrature for every point: along one coordinate, on the line through the point.

    Called with points [n, d] it gives nodes [n, q, d] and weights [n, q].

    Attributes:
        names: the d coordinate names.
        axis: the coordinate that is integrated over; the others are the point's own.
        lower: where the integral begins.
        upper: where it ends; None: at the point itself.
        count: number q of Gauss-Legendre nodes.
    """

    names: tuple[str, ...]
    axis: int
    lower: float
    upper: float | None
    count: int

    def __call__(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """Nodes [n, q, d] and weights [n, q] for points [n, d]."""
        at, weight = (
            torch.from_numpy(part).to(points)
            for part in np.polynomial.legendre.leggauss(self.count)
        )
        end = points[:, self.axis] if self.upper is None else points.new_full((1,), self.upper)
        half = (end - self.lower)[:, None] / 2  # [n, 1] or [1, 1]
        nodes = points[:, None].repeat(1, self.count, 1)
        nodes[:, :, self.axis] = self.lower + half * (1 + at)
        return nodes, (half * weight).expand(len(points), -1).clone()
