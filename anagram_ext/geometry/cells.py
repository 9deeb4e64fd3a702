"""A planar shape cut into cells between two curves, from left to right.

A cell is ``left < x < right`` and ``lower(x) < y < upper(x)``. Cells make three things exact that
are approximate for shapes in general: the area, the way from the unit square into the shape, and
quadrature.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from anagram_ext.geometry.curves import Curve, EllipticArc, increasing_inverse
from anagram_ext.geometry.designs import Array
from anagram_ext.geometry.sides import Side

_SAME: Final = 1e-11  # of the size: events nearer to each other are one


@dataclass(frozen=True)
class Cell:
    """The points between two curves that are functions of x.

    Attributes:
        left: smallest x.
        right: largest x.
        lower: the curve below.
        upper: the curve above.
    """

    left: float
    right: float
    lower: Curve
    upper: Curve

    @cached_property
    def area(self) -> float:
        """In closed form."""
        return float(self._passed(np.asarray([1.0]))[0])

    @property
    def is_curved(self) -> bool:
        """Whether an arc bounds it."""
        return isinstance(self.lower, EllipticArc) or isinstance(self.upper, EllipticArc)

    def place(self, unit: Array) -> Array:
        """Points [n, 2] for those of the unit square [n, 2]: even ones stay even."""
        width = self.right - self.left
        s = increasing_inverse(
            lambda s: self._passed(s) / self.area,
            lambda s: self._height(self.left + s * width) * width / self.area,
            unit[:, 0],
        )
        x = self.left + s * width
        below = self.lower.height(x)
        return np.stack([x, below + unit[:, 1] * (self.upper.height(x) - below)], axis=1)

    def quadrature(self, n: int) -> tuple[Array, Array]:
        """Gauss points [k, 2] and weights [k]: k = n^2 between segments, 2 n^2 next to arcs."""
        nodes, weights = np.polynomial.legendre.leggauss(n)
        s, ds = self._abscissae(n)
        x = self.left + s * (self.right - self.left)
        height = self._height(x)
        y = self.lower.height(x)[:, None] + np.outer(height, (1 + nodes) / 2)
        points = np.stack([np.repeat(x, n), y.ravel()], axis=1)
        return points, np.outer(ds * (self.right - self.left) * height, weights / 2).ravel()

    def _abscissae(self, n: int) -> tuple[Array, Array]:
        """Gauss points of (0, 1) and weights, graded towards ends where an arc turns upright.

        With x = -cos(theta) a square root at the ends becomes smooth.
        """
        if not self.is_curved:
            nodes, weights = np.polynomial.legendre.leggauss(n)
            return (1 + nodes) / 2, weights / 2
        nodes, weights = np.polynomial.legendre.leggauss(2 * n)
        theta = np.pi * (1 + nodes) / 2
        return np.sin(theta / 2) ** 2, np.pi / 4 * np.sin(theta) * weights

    def _height(self, x: Array) -> Array:
        return np.maximum(self.upper.height(x) - self.lower.height(x), 0.0)

    def _passed(self, s: Array) -> Array:
        """The area to the left of the fraction s [n] of the width."""
        x = self.left + s * (self.right - self.left)
        start = np.asarray([self.left])
        return np.asarray(
            self.upper.antiderivative(x)
            - self.upper.antiderivative(start)
            - (self.lower.antiderivative(x) - self.lower.antiderivative(start))
        )


def cut(sides: tuple[Side, ...], size: float) -> tuple[Cell, ...]:
    """The cells of the shape with these sides, from left to right and from below.

    Raises:
        ValueError: the sides do not enclose anything.
    """
    pieces = [piece for side in sides for piece in side.curve.monotone()]
    spans = np.array([np.sort(piece.at(np.array([0.0, 1.0]))[:, 0]) for piece in pieces])
    found: list[Cell] = []
    events = _distinct(np.sort(spans.ravel()), _SAME * size)
    for left, right in itertools.pairwise(events):
        middle = np.array([(left + right) / 2])
        active = np.flatnonzero((spans[:, 0] < middle) & (middle < spans[:, 1]))
        ordered = sorted((float(pieces[k].height(middle)[0]), k) for k in active)
        if len(ordered) % 2:
            raise ValueError(
                f"shape must have a closed boundary, which it has not near x={middle[0]:.6g}"
            )
        for (_, below), (_, above) in zip(ordered[::2], ordered[1::2], strict=True):
            found.append(Cell(float(left), float(right), pieces[below], pieces[above]))
    return tuple(found)


def _distinct(ascending: Array, apart: float) -> list[float]:
    kept: list[float] = []
    for value in ascending.tolist():
        if not kept or value - kept[-1] > apart:
            kept.append(value)
    return kept
