"""Boxes with named coordinates and their faces."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from anagram_ext.checks import check_integer, check_kind, check_names
from anagram_ext.geometry.designs import Bounds, closed_grid, counts_along, tensor_product
from anagram_ext.geometry.opposite import Opposite
from anagram_ext.geometry.pieces import Pieces
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.quadrature import Lines


@dataclass(frozen=True, init=False)
class Box(Pieces):
    """The product of named intervals: ``Box(t=(0, 1), x=(-1, 1))``.

    The order of the names is the order of the columns of all points. Random points:
    ``uniform``, ``sobol``, ``latin_hypercube`` and ``stratified`` return a
    ``Sampler``, which a condition draws from by seed.
    """

    def __init__(self, /, **intervals: tuple[float, float]) -> None:
        """Checks and stores the intervals.

        Args:
            intervals: (lower, upper) for each coordinate name.

        Raises:
            ValueError: if an interval is not a finite, non-empty (lower, upper).
        """
        names = check_names(intervals)
        bounds = tuple(_checked_interval(name, intervals[name]) for name in names)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "pieces", (bounds,))
        object.__setattr__(self, "outward", ())

    def __repr__(self) -> str:
        intervals = zip(self.names, self.bounds, strict=True)
        return f"Box({', '.join(f'{name}={interval}' for name, interval in intervals)})"

    def grid(self, *counts: int) -> Points:
        """Equispaced points strictly inside the box, [n, d] float64, last coordinate fastest.

        Args:
            counts: points along each coordinate; a single number serves all of them.
        """
        ticks = [
            np.linspace(lower, upper, count + 2)[1:-1]
            for (lower, upper), count in zip(
                self.bounds, counts_along(self.bounds, counts), strict=True
            )
        ]
        return self._joined([tensor_product(ticks)])

    def face(self, **fixed: float) -> Faces:
        """The part of the box where one coordinate has the given value: ``box.face(t=0)``.

        Raises:
            ValueError: for an unknown coordinate, several of them, or a value outside the box.
        """
        if len(fixed) != 1:
            raise ValueError(f"face fixes exactly one coordinate, got {fixed}")
        ((name, value),) = fixed.items()
        axis = self._axis(name)
        lower, upper = self.bounds[axis]
        check_kind(f"face: {name}", value, (int, float), "a number")
        if not lower <= value <= upper:
            raise ValueError(f"face: {name}={value!r} lies outside of [{lower}, {upper}]")
        return self._faces([(axis, float(value))])

    def faces(self, *names: str) -> Faces:
        """Lower and upper face of each named coordinate, of all coordinates when none is named.

        Raises:
            ValueError: for an unknown coordinate.
        """
        axes = [self._axis(name) for name in names or self.names]
        return self._faces([(axis, end) for axis in axes for end in self.bounds[axis]])

    def opposite(self, *names: str) -> Opposite:
        """Pairs of points that face each other across each named coordinate, for ``Paired``.

        Raises:
            ValueError: for an unknown coordinate, or none.
        """
        if not names:
            raise ValueError("opposite must name one coordinate or several, got none")
        axes = tuple(self._axis(name) for name in names)
        ends = [self.bounds[axis] for axis in axes]
        pieces = tuple(self._slice(axis, end[0]) for axis, end in zip(axes, ends, strict=True))
        return Opposite(self.names, pieces, (), axes, tuple(upper for _, upper in ends))

    def across(self, name: str, count: int) -> Lines:
        """For every point the whole line through it along a coordinate, with Gauss nodes.

        What ``IntegroDifferential(over=)`` needs for integrals such as those over velocities.

        Raises:
            ValueError: for an unknown coordinate, or a count below 1.
        """
        axis = self._axis(name)
        count = check_integer("count", count, least=1)
        return Lines(self.names, axis, *self.bounds[axis], count)

    def up_to(self, name: str, count: int) -> Lines:
        """For every point the line from the lower face up to it, with Gauss nodes: Volterra terms.

        Raises:
            ValueError: for an unknown coordinate, or a count below 1.
        """
        axis = self._axis(name)
        count = check_integer("count", count, least=1)
        return Lines(self.names, axis, self.bounds[axis][0], None, count)

    def boundary(self) -> Faces:
        """All faces."""
        return self.faces()

    def _faces(self, slices: list[tuple[int, float]]) -> Faces:
        """Slices of the box, with normals where all of them lie on its boundary."""
        ends = [self.bounds[axis] for axis, _ in slices]
        sides = [
            -1.0 if value == lower else 1.0 if value == upper else 0.0
            for (_, value), (lower, upper) in zip(slices, ends, strict=True)
        ]
        unit = np.eye(len(self.names))
        normals = tuple(
            tuple((side * unit[axis]).tolist())
            for side, (axis, _) in zip(sides, slices, strict=True)
        )
        pieces = tuple(self._slice(axis, value) for axis, value in slices)
        return Faces(self.names, pieces, normals if all(sides) else ())

    def _axis(self, name: str) -> int:
        if name not in self.names:
            raise ValueError(f"unknown coordinate {name!r}: there are {self.names}")
        return self.names.index(name)

    def _slice(self, axis: int, value: float) -> Bounds:
        return (*self.bounds[:axis], (value, value), *self.bounds[axis + 1 :])


@dataclass(frozen=True)
class Faces(Pieces):
    """One or several faces of a box, each with one coordinate held fixed."""

    def grid(self, *counts: int) -> Points:
        """Equispaced points of every face including its edges, [n, d] float64.

        Args:
            counts: points along each free coordinate of a face; a single number serves them all.
        """
        return self._joined([closed_grid(piece, counts) for piece in self.pieces])


def _checked_interval(name: str, interval: tuple[float, float]) -> tuple[float, float]:
    try:
        lower, upper = (float(end) for end in interval)
    except (TypeError, ValueError):
        raise ValueError(f"Box: {name} must be (lower, upper), got {interval!r}") from None
    if not (math.isfinite(lower) and math.isfinite(upper) and lower < upper):
        raise ValueError(f"Box: {name} must satisfy lower < upper, both finite, got {interval!r}")
    return lower, upper
