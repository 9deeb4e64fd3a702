"""Plane waves: features whose derivatives of every order are known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from anagram_ext.pde.operators import MultiIndex


@dataclass(frozen=True, eq=False)
class Waves:
    """Some of the features x_i, cos(k . x) and sin(k . x), for d coordinates and w vectors k.

    Attributes:
        vectors: k in radians per unit length, [w, d].
        chosen: numbers of the features in the list (x_1 .. x_d, cos_1 .. cos_w, sin_1 .. sin_w).
    """

    vectors: Tensor
    chosen: tuple[int, ...]

    def derivatives(self, points: Tensor) -> Callable[[MultiIndex], Tensor]:
        """The derivative [n, f] at points [n, d] for each multi-index."""
        vectors = self.vectors.to(points.device, points.dtype)
        phases = points @ vectors.T  # [n, w]
        cos, sin = torch.cos(phases), torch.sin(phases)
        turns = (
            cos,
            -sin,
            -cos,
            sin,
        )  # the derivatives of the cosine; those of the sine lag by one

        def derivative(index: MultiIndex) -> Tensor:
            order = sum(index)
            slopes = vectors.new_tensor(index, dtype=vectors.dtype)
            factor = torch.prod(vectors**slopes, dim=1)  # [w]
            waves = (factor * turns[order % 4], factor * turns[(order + 3) % 4])
            return torch.cat([_coordinates(points, index), *waves], dim=1)[:, list(self.chosen)]

        return derivative


def periods_of(coordinate: int, d: int, period: float, harmonics: int) -> Tensor:
    """The vectors [harmonics, d] of waves along one coordinate that fit into a period."""
    vectors = torch.zeros((harmonics, d), dtype=torch.float64)
    numbers = torch.arange(1, harmonics + 1, dtype=torch.float64)
    vectors[:, coordinate] = 2 * math.pi / period * numbers
    return vectors


def _coordinates(points: Tensor, index: MultiIndex) -> Tensor:
    """The derivative [n, d] of the coordinates themselves."""
    if sum(index) == 0:
        return points
    slopes = torch.zeros_like(points)
    if sum(index) == 1:
        slopes[:, index.index(1)] = 1.0
    return slopes
