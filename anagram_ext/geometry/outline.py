"""The boundary of a shape of the plane, or a part of it: the sides that it consists of."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Final, Union

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import check_count, check_kind
from anagram_ext.geometry.designs import Array, Bounds, Mask
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampled import Sampled, follows, plain
from anagram_ext.geometry.sides import Side

Rule = Callable[[SimpleNamespace], object]
Part = Union[str, Rule]  # noqa: UP007 -- evaluated at run time

_ROUNDING: Final = 1e-12  # of the size: what is as near as this to the boundary lies on it
_LOOKS: Final = 400  # parameters a stretch at which a rule is asked for changes


@dataclass(frozen=True)
class Outline(Sampled):
    """The boundary of a shape of the plane, or a part of it.

    Attributes:
        names: of the two coordinates, in column order.
        sides: the stretches that it consists of.
    """

    names: tuple[str, ...]
    sides: tuple[Side, ...]

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of both coordinates."""
        corners = np.concatenate([side.curve.corners() for side in self.sides])
        lower, upper = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return tuple(zip(lower, upper, strict=True))

    @property
    def dimension(self) -> int:
        """1."""
        return 1

    @cached_property
    def measure(self) -> float:
        """The length."""
        return math.fsum(side.curve.length for side in self.sides)

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, 2] lies on it, up to rounding, [n] of bool."""
        return self.distance(points) <= _ROUNDING * max(
            max(abs(lower), abs(upper)) for lower, upper in self.bounds
        )

    def distance(self, points: Tensor) -> Tensor:
        """Distance of points [n, 2] from it, [n]."""
        places = plain("points", points, 2)
        nearest = np.full(len(places), np.inf)
        for side in self.sides:
            nearest = np.minimum(nearest, side.curve.distance(places))
        return torch.from_numpy(nearest)

    def place(self, unit: Array) -> Points:
        """Points [n, 2], even by arc length, for the first coordinate of points of the square."""
        ends = np.cumsum([side.curve.length for side in self.sides])
        target = unit[:, 0] * ends[-1]
        chosen = np.minimum(np.searchsorted(ends, target, side="right"), len(ends) - 1)
        placed, normals = np.empty((len(unit), 2)), np.empty((len(unit), 2))
        for k, side in enumerate(self.sides):
            rows = chosen == k
            if rows.any():
                length = side.curve.length
                s = side.curve.by_length(np.clip((target[rows] - ends[k]) / length + 1, 0, 1))
                placed[rows], normals[rows] = side.curve.at(s), side.normals(s)
        return self._points(placed, normals)

    def grid(self, n: int) -> Points:
        """``n`` points at equal distances by arc length, the first one half a step from an end."""
        check_count("n", n)
        return self.place((np.arange(n)[:, None] + 0.5) / n)

    def quadrature(self, n: int) -> Points:
        """Points with weights: ``(weights * f(points)).sum()`` is the integral of f along it.

        Args:
            n: Gauss points on each stretch, or a quarter of the equal steps around an ellipse.
        """
        check_count("n", n)
        placed, normals, weights = [], [], []
        for side in self.sides:
            if side.curve.closed:
                s, ds = np.arange(4 * n) / (4 * n), np.full(4 * n, 1 / (4 * n))
            else:
                nodes, gauss = np.polynomial.legendre.leggauss(n)
                s, ds = (1 + nodes) / 2, gauss / 2
            placed.append(side.curve.at(s))
            normals.append(side.normals(s))
            weights.append(ds * np.linalg.norm(side.curve.velocity(s), axis=1))
        return self._points(
            np.concatenate(placed), np.concatenate(normals), np.concatenate(weights)
        )

    def boundary(self, part: Part | None = None) -> Outline:
        """The boundary of a domain.

        Raises:
            ValueError: always, for this is a boundary already.
        """
        raise ValueError(f"boundary must be that of a shape, got {self!r}, part {part!r}")

    def part(self, part: Part) -> Outline:
        """A part of it, by name or by rule; see ``Planar.boundary``."""
        kept: tuple[Side, ...]
        if isinstance(part, str):
            kept = tuple(side for side in self.sides if part in side.labels)
        else:
            check_kind("part", part, Callable, "a name or a rule")  # type: ignore[arg-type] # abstract
            kept = tuple(piece for side in self.sides for piece in self._obeying(side, part))
        if not kept:
            known = sorted({label for side in self.sides for label in side.labels})
            raise ValueError(f"no part of the boundary is {part!r}: there are {known}")
        return Outline(self.names, kept)

    def __repr__(self) -> str:
        return f"Outline({', '.join(self.names)}; {len(self.sides)} sides)"

    def _obeying(self, side: Side, rule: Rule) -> list[Side]:
        """The stretches of a side where the rule holds, their ends found by bisection."""

        def holds(s: Array) -> Mask:
            return follows(rule, self._points(side.curve.at(s), side.normals(s)), self.names)

        s = np.linspace(0, 1, _LOOKS + 1)
        s = (s[1:] + s[:-1]) / 2  # never the ends themselves, where rules are at a loss
        known = holds(s)
        changes = np.flatnonzero(known[1:] != known[:-1])
        low, high = s[changes], s[changes + 1]
        for _ in range(50):
            middle = (low + high) / 2
            if not len(middle):
                break
            same = holds(middle) == known[changes]
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        parts = side.split(((low + high) / 2).tolist())
        starts = known[np.concatenate([[0], changes + 1])]
        return [piece for piece, kept in zip(parts, starts, strict=True) if kept]

    def _points(self, placed: Array, normals: Array, weights: Array | None = None) -> Points:
        return Points(
            torch.from_numpy(placed),
            region=self,
            normals=torch.from_numpy(normals),
            weights=None if weights is None else torch.from_numpy(weights),
        )
