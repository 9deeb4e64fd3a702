"""The sides of a shape: those stretches of its primitives' outlines where one can leave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from anagram_ext.geometry.crossings import crossings
from anagram_ext.geometry.curves import Curve
from anagram_ext.geometry.designs import Array
from anagram_ext.geometry.patches import Tree, patches

_SAME: Final = 1e-10  # of the size: cuts nearer to each other are one
_ASIDE: Final = 1e-8  # of the size: so far to either side one looks


@dataclass(frozen=True)
class Side:
    """A stretch of the boundary of a shape.

    Attributes:
        curve: the stretch, counter-clockwise around the primitive that it comes from.
        sign: +1 where the shape lies on the left of it, -1 along a hole.
        labels: the names that it answers to.
    """

    curve: Curve
    sign: float
    labels: frozenset[str]

    def normals(self, s: Array) -> Array:
        """Outward unit normals [n, 2] at the parameters s [n]."""
        velocity = self.curve.velocity(s)
        right = np.stack([velocity[:, 1], -velocity[:, 0]], axis=1)
        return np.asarray(self.sign * right / np.linalg.norm(right, axis=1)[:, None])

    def split(self, cuts: list[float]) -> list[Side]:
        """The parts between ascending s strictly inside (0, 1)."""
        return [Side(curve, self.sign, self.labels) for curve in self.curve.split(cuts)]


def sides(tree: Tree, size: float) -> tuple[Side, ...]:
    """The boundary of a shape, in the order of its primitives.

    Where outlines of several primitives coincide the first one gives its name.

    Args:
        tree: the shape.
        size: its extent.
    """
    outlines = [
        (number, curve, labels)
        for number, patch in enumerate(patches(tree))
        for curve, labels in zip(patch.curves, patch.labels, strict=True)
    ]
    owner = np.array([number for number, _, _ in outlines])
    corners = [curve.corners() for _, curve, _ in outlines]
    lower = np.stack([c.min(axis=0) for c in corners]) - _ASIDE * size
    upper = np.stack([c.max(axis=0) for c in corners]) + _ASIDE * size
    parts: list[tuple[Curve, frozenset[str]]] = []
    for i, (number, curve, labels) in enumerate(outlines):
        meet = ((lower[i] <= upper) & (lower <= upper[i])).all(axis=1) & (owner != number)
        near = [(j, outlines[j][1]) for j in np.flatnonzero(meet)]
        earlier = [other for j, other in near if owner[j] < number]
        for part in curve.split(_cuts(curve, [other for _, other in near], size)):
            middle = part.at(np.array([0.5]))
            if not any(other.distance(middle)[0] <= _SAME * size for other in earlier):
                parts.append((part, labels))
    signs = _signs(tree, [part for part, _ in parts], size)
    return tuple(
        Side(part, sign, labels) for (part, labels), sign in zip(parts, signs, strict=True) if sign
    )


def _cuts(curve: Curve, others: list[Curve], size: float) -> list[float]:
    """The s strictly inside (0, 1) where other curves meet the curve."""
    places = [crossings(curve, other) for other in others]
    found = [
        place[(curve.distance(place) <= _ASIDE * size) & (other.distance(place) <= _ASIDE * size)]
        for place, other in zip(places, others, strict=True)
        if len(place)
    ]
    if not found:
        return []
    apart = _SAME * size / curve.length
    cuts: list[float] = []
    for s in np.sort(curve.locate(np.concatenate(found))):
        if s - (cuts[-1] if cuts else 0.0) > apart and s < 1 - apart:
            cuts.append(float(s))
    return cuts


def _signs(tree: Tree, parts: list[Curve], size: float) -> list[float]:
    """+1 or -1 where the shape lies on the left or right of a stretch only, else 0."""
    middle = np.array([0.5])
    places = np.concatenate([part.at(middle) for part in parts])
    normals = np.concatenate([Side(part, 1.0, frozenset()).normals(middle) for part in parts])
    inside = (
        tree.level(
            np.concatenate([places - _ASIDE * size * normals, places + _ASIDE * size * normals])
        )
        < 0
    )
    left, right = np.split(inside, 2)
    return [float(a) - float(b) for a, b in zip(left, right, strict=True)]
