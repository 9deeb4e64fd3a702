"""The primitive shapes of the plane and set operations on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from anagram_ext.geometry.curves import Curve, EllipticArc
from anagram_ext.geometry.designs import Array

_PAIRS: Final = 1_000_000  # pairs of a point and an edge that are looked at in one go


@dataclass(frozen=True)
class Patch:
    """A polygon or an ellipse.

    Attributes:
        curves: its outline, counter-clockwise: segments, or one whole ellipse.
        labels: by which names each curve can be asked for.
    """

    curves: tuple[Curve, ...]
    labels: tuple[frozenset[str], ...]

    def level(self, points: Array) -> Array:
        """Negative inside, zero on the outline, positive outside, at points [n, 2]; [n].

        Near the outline about the distance from it.
        """
        first = self.curves[0]
        if isinstance(first, EllipticArc):
            radius = np.linalg.norm(first.unit(points), axis=1)
            return np.asarray((radius - 1) * min(first.radii))
        return self._polygon_level(points)

    def corners(self) -> Array:
        """Points [k, 2] whose bounding box is that of the patch."""
        return np.concatenate([curve.corners() for curve in self.curves])

    def moved(self, matrix: Array, shift: Array) -> Patch:
        """The image under p -> matrix p + shift, counter-clockwise again."""
        curves: tuple[Curve, ...] = tuple(curve.moved(matrix, shift) for curve in self.curves)
        labels = self.labels
        if np.linalg.det(matrix) < 0 and not curves[0].closed:
            curves = tuple(c.reversed() for c in curves[::-1] if not isinstance(c, EllipticArc))
            labels = labels[::-1]
        return Patch(curves, labels)

    @cached_property
    def _ends(self) -> tuple[Array, Array]:
        """Start and end of each edge of a polygon, [v, 2] each."""
        ends = [curve.at(np.array([0.0, 1.0])) for curve in self.curves]
        return np.stack([e[0] for e in ends]), np.stack([e[1] for e in ends])

    def _polygon_level(self, points: Array) -> Array:
        size = max(1, _PAIRS // len(self.curves))
        parts = [points[start : start + size] for start in range(0, len(points), size)]
        return np.concatenate([self._some_levels(part) for part in parts] or [np.zeros(0)])

    def _some_levels(self, points: Array) -> Array:
        starts, ends = self._ends
        px, py = (points[:, None] - starts).transpose(2, 0, 1)  # [n, v] each
        (ux, uy), ay, by = (ends - starts).T, starts[:, 1], ends[:, 1]
        s = np.clip((px * ux + py * uy) / (ux * ux + uy * uy), 0, 1)
        nearest = np.hypot(px - s * ux, py - s * uy).min(axis=1)
        # A ray to the right crosses an edge, its lower end included.
        y = points[:, 1:]
        across = (ay <= y) != (by <= y)
        with np.errstate(divide="ignore", invalid="ignore"):
            crossed = across & (px < py * (ux / uy))
        return np.asarray(np.where(crossed.sum(axis=1) % 2 == 1, -nearest, nearest))


@dataclass(frozen=True)
class Combined:
    """A set operation: ``"or"``, ``"and"`` or ``"minus"``."""

    operation: str
    left: Tree
    right: Tree

    def level(self, points: Array) -> Array:
        """As of a patch."""
        left, right = self.left.level(points), self.right.level(points)
        if self.operation == "or":
            return np.minimum(left, right)
        return np.maximum(left, right if self.operation == "and" else -right)

    def moved(self, matrix: Array, shift: Array) -> Combined:
        """The image under p -> matrix p + shift."""
        return Combined(
            self.operation, self.left.moved(matrix, shift), self.right.moved(matrix, shift)
        )


Tree = Patch | Combined


def patches(tree: Tree) -> list[Patch]:
    """All primitive shapes of a tree, from left to right."""
    if isinstance(tree, Patch):
        return [tree]
    return [*patches(tree.left), *patches(tree.right)]
