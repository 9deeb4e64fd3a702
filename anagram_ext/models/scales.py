"""Coordinates and fields in units of their own size: x in [0, 1e6] trains like x in [-1, 1].

A network at its first iterate varies by about one over distances of about one. Coordinates are
therefore shifted and stretched before it, and its outputs behind it. Neither costs anything: an
affine change of coordinates is a change of the operators' coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anagram_ext.pde.operators import Operator

if TYPE_CHECKING:
    from anagram_ext.models.protocol import JetMap
    from anagram_ext.pde.derivative import Lookup

Interval = tuple[float, float]  # centre and half width


@dataclass(frozen=True)
class Scales:
    """Where the network sees -1 and 1, and what its outputs -1 and 1 mean.

    Attributes:
        coordinates: (centre, half width) of each coordinate; behind an input map of the features
            that are one (see ``FeatureUnits``).
        fields: (centre, half width) of each output.
    """

    coordinates: tuple[Interval, ...]
    fields: tuple[Interval, ...]

    @property
    def trivial(self) -> bool:
        """Whether nothing changes."""
        return all(interval == (0.0, 1.0) for interval in (*self.coordinates, *self.fields))

    def inside(self, operator: Operator) -> Operator:
        """The operator in the coordinates that the network sees."""
        halves = [half for _, half in self.coordinates]
        return Operator(
            tuple(
                (index, coefficient / math.prod(map(pow, halves, index)))
                for index, coefficient in operator.terms
            )
        )

    def points_inside(self, points: Tensor) -> Tensor:
        """The points [n, d] as the network sees them."""
        return _inside(points, self.coordinates)

    def lookup(self, field: int, lookup: Lookup) -> Lookup:
        """The lookup of a field, from that of the output it stretches."""
        centre, half = self.fields[field]
        if (centre, half) == (0.0, 1.0):
            return lookup

        def scaled(operator: Operator) -> Tensor:
            values = half * lookup(operator)
            constant = sum(weight for index, weight in operator.terms if not any(index))
            return values + constant * centre if constant else values

        return scaled


class ScaledJets:
    """Jets of a network that sees scaled coordinates; called with the points as they are.

    Args:
        jets: of the operators as the network sees them.
        coordinates: (centre, half width) of each coordinate.
    """

    def __init__(self, jets: JetMap, coordinates: Sequence[Interval]) -> None:
        self._jets = jets
        self._coordinates = coordinates
        self._last: tuple[Tensor, Tensor] | None = None

    def jets(self, theta: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [K, m, n] at points [n, d]."""
        return self._jets.jets(theta, self._inside(points), out)

    def jets_many(self, thetas: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [q, K, m, n] of parameter vectors [q, P]."""
        return self._jets.jets_many(thetas, self._inside(points), out)

    def jacobian(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        """Writes the rows [C * n, P] of J into ``out``."""
        self._jets.jacobian(theta, self._inside(points), seeds, out)

    def jacobian_with_jets(
        self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor, jets: Tensor
    ) -> None:
        """The same, and the jets [K, m, n] from the same forward sweep; on the CPU only."""
        self._jets.jacobian_with_jets(theta, self._inside(points), seeds, out, jets)

    def vjp(self, theta: Tensor, points: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [P], w [C * n]."""
        self._jets.vjp(theta, self._inside(points), seeds, w, out)

    def jvp(self, theta: Tensor, points: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v to ``out`` [C * n], v [P]."""
        self._jets.jvp(theta, self._inside(points), seeds, v, out)

    def _inside(self, points: Tensor) -> Tensor:
        """The points as the network sees them; the same points as in the last call are kept."""
        last = self._last
        if last is None or last[0] is not points:
            self._last = last = (points, _inside(points, self._coordinates))
        return last[1]


def _inside(points: Tensor, coordinates: Sequence[Interval]) -> Tensor:
    centres, halves = zip(*coordinates, strict=True)
    # In double precision: what is left of x in [1e6, 1e6 + 1] is its last digits.
    inside = points.to(torch.float64) - points.new_tensor(centres, dtype=torch.float64)
    return (inside / points.new_tensor(halves, dtype=torch.float64)).to(points.dtype)
