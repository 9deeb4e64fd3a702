"""Unions of axis-aligned boxes, some of their coordinates held fixed."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import check_integer
from anagram_ext.geometry.designs import (
    Array,
    Bounds,
    UnitDesign,
    counts_along,
    jittered_design,
    latin_design,
    scale,
    sobol_design,
    uniform_design,
)
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.quadrature import gauss_legendre
from anagram_ext.geometry.sampler import Sampler


@dataclass(frozen=True)
class Pieces:
    """A union of axis-aligned pieces: a box, or some of its faces.

    Random points are shared out evenly between the pieces, the remainder to the first ones, and
    come in the order of the pieces.

    Attributes:
        names: the d coordinate names, in column order.
        pieces: the d intervals of each piece; lower == upper for a coordinate held fixed.
        outward: the outward unit normal [d] of each piece of a boundary; empty for anything else.
    """

    names: tuple[str, ...]
    pieces: tuple[Bounds, ...]
    outward: tuple[tuple[float, ...], ...] = ()

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate, over all pieces."""
        return tuple(
            (min(lower for lower, _ in along), max(upper for _, upper in along))
            for along in zip(*self.pieces, strict=True)
        )

    @property
    def dimension(self) -> int:
        """Number of coordinates that are free in a piece."""
        return max(sum(lower < upper for lower, upper in piece) for piece in self.pieces)

    @property
    def measure(self) -> float:
        """Length, area or volume of all pieces."""
        return sum(
            math.prod(upper - lower for lower, upper in piece if lower < upper)
            for piece in self.pieces
        )

    def boundary(self) -> Pieces:
        """The boundary of a domain.

        Raises:
            ValueError: for pieces that are faces already.
        """
        raise ValueError(f"boundary must be that of a Box, got {self!r}")

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies in a piece, edges included, [n] of bool."""
        lower, upper = torch.tensor(self.pieces, dtype=points.dtype).unbind(dim=2)  # [pieces, d]
        inside = (lower <= points[:, None]) & (points[:, None] <= upper)  # [n, pieces, d]
        return inside.all(dim=2).any(dim=1)

    def place(self, unit: Array) -> Points:
        """Points [n, d] of the unit cube in the pieces, shared out in their order."""
        share, rest = divmod(len(unit), len(self.pieces))
        shares = np.split(unit, np.cumsum([share + (k < rest) for k in range(len(self.pieces))]))
        return self._joined(
            [scale(piece, part) for piece, part in zip(self.pieces, shares, strict=False)]
        )

    def uniform(self, n: int) -> Sampler:
        """``n`` independent, uniformly distributed points."""
        return self._random(n, uniform_design)

    def sobol(self, n: int) -> Sampler:
        """``n`` points of a scrambled Sobol sequence."""
        return self._random(n, sobol_design)

    def latin_hypercube(self, n: int) -> Sampler:
        """``n`` points of a Latin hypercube design."""
        return self._random(n, latin_design)

    def stratified(self, *counts: int) -> Sampler:
        """One uniform point in every cell of a regular partition of each piece.

        Args:
            counts: number of cells along each free coordinate; a single number serves all of them.
        """
        cells = [counts_along(piece, counts) for piece in self.pieces]

        def draw(seed: int) -> Tensor:
            rng = np.random.default_rng(seed)
            return self._joined(
                [
                    scale(piece, jittered_design(rng, along))
                    for piece, along in zip(self.pieces, cells, strict=True)
                ]
            )

        return Sampler(sum(int(np.prod(along)) for along in cells), draw, region=self)

    def quadrature(self, *counts: int) -> Points:
        """Gauss-Legendre points [q, d] that carry their ``weights`` [q], for integrals.

        Args:
            counts: points along each free coordinate; a single number serves all of them.
        """
        rules = [gauss_legendre(piece, counts_along(piece, counts)) for piece in self.pieces]
        points = self._joined([nodes for nodes, _ in rules])
        points.weights = torch.from_numpy(np.concatenate([weights for _, weights in rules]))
        return points

    def _random(self, n: int, design: UnitDesign) -> Sampler:
        check_integer("n", n, least=1)
        share, rest = divmod(n, len(self.pieces))

        def draw(seed: int) -> Tensor:
            rng = np.random.default_rng(seed)
            return self._joined(
                [
                    scale(piece, design(rng, share + (k < rest), len(self.names)))
                    for k, piece in enumerate(self.pieces)
                ]
            )

        return Sampler(n, draw, region=self)

    def _joined(self, parts: list[Array]) -> Points:
        """The points of all pieces in their order, with the normals of a boundary."""
        normals = None
        if self.outward:
            repeats = [len(part) for part in parts]
            normals = torch.from_numpy(np.repeat(np.asarray(self.outward), repeats, axis=0))
        return Points(torch.from_numpy(np.concatenate(parts)), region=self, normals=normals)
