"""Affine changes of coordinates: new points and new operators, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anagram_ext.pde.operators import Operator


@dataclass(frozen=True)
class Affine:
    """The change of coordinates x_hat = (x - shift) * factor, for each of d coordinates.

    A function of x_hat is differentiated in x by the chain rule, which has constant factors: every
    derivative in x is one in x_hat times a number.

    Attributes:
        shift: the points x that become zero.
        factor: slopes, not zero.
    """

    shift: tuple[float, ...]
    factor: tuple[float, ...]

    def points(self, points: Tensor) -> Tensor:
        """The points x_hat [n, d] of points x [n, d], rounded once."""
        shift = torch.tensor(self.shift, dtype=torch.float64).to(points.device)
        factor = torch.tensor(self.factor, dtype=torch.float64).to(points.device)
        return ((points.detach().to(torch.float64) - shift) * factor).to(points.dtype)

    def operators(self, wanted: Sequence[Operator]) -> tuple[Operator, ...]:
        """The operators in x_hat that do what the wanted ones do in x.

        Raises:
            ValueError: if one would get a coefficient that is not finite.
        """
        return tuple(self._operator(operator) for operator in wanted)

    def _operator(self, operator: Operator) -> Operator:
        terms = []
        for index, coefficient in operator.terms:
            slopes = (slope**order for slope, order in zip(self.factor, index, strict=True))
            scaled = coefficient * math.prod(slopes)
            if not math.isfinite(scaled):
                raise ValueError(
                    f"inputs must scale derivatives to finite numbers, got {scaled} for {index}"
                )
            terms.append((index, scaled))
        return Operator(tuple(terms))
