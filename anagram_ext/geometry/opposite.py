"""Pairs of points on opposite faces of a box."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import places
from anagram_ext.geometry.designs import Array, Bounds, closed_grid
from anagram_ext.geometry.pieces import Pieces
from anagram_ext.geometry.points import Points


@dataclass(frozen=True)
class Opposite(Pieces):
    """Pairs of points that face each other: on the lower and on the upper face of a coordinate.

    A pair is one row [2 d], the point on the lower face first; that is how all designs of pairs
    come, as tensors [n, 2 d] or as a ``Sampler`` of such. The pieces are the lower faces.

    Attributes:
        axes: the coordinate that is held fixed in each piece.
        upper: its value on the upper face.
    """

    axes: tuple[int, ...] = ()
    upper: tuple[float, ...] = ()

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate, over both points of all pairs."""
        ends = [list(along) for along in super().bounds]
        for axis, value in zip(self.axes, self.upper, strict=True):
            ends[axis][1] = max(ends[axis][1], value)
        return tuple((lower, upper) for lower, upper in ends)

    def grid(self, *counts: int) -> Points:
        """Equispaced pairs of every face including its edges, [n, 2 d] float64.

        Args:
            counts: points along each free coordinate of a face; a single number serves them all.
        """
        return self._joined([closed_grid(piece, counts) for piece in self.pieces])

    def place(self, unit: Array) -> Points:
        """Pairs [n, 2 d] from points of the unit cube, whose first d columns are used."""
        return super().place(unit[:, : len(self.names)])

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the rows [n, 2 d] is such a pair, [n] of bool."""
        points = places("points", points, 2 * len(self.names))
        a, b = points.chunk(2, dim=1)
        found = torch.zeros(len(points), dtype=torch.bool)
        for piece, axis, value in zip(self.pieces, self.axes, self.upper, strict=True):
            facing = a.clone()
            facing[:, axis] = value
            on_face = Pieces(self.names, (piece,)).contains(a)
            found |= on_face & (facing == b).all(dim=1)
        return found

    def _joined(self, parts: list[Array]) -> Points:
        pairs = []
        for part, axis, value in zip(parts, self.axes, self.upper, strict=True):
            facing = part.copy()
            facing[:, axis] = value
            pairs.append(np.concatenate([part, facing], axis=1))
        return Points(torch.from_numpy(np.concatenate(pairs)), region=self)
