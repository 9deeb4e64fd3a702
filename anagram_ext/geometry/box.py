"""Boxes with named coordinates and their faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from anagram_ext.checks import check_count, check_kind, check_names
from anagram_ext.geometry.algebra import Solid
from anagram_ext.geometry.designs import Bounds, counts_along, tensor_product
from anagram_ext.geometry.opposite import Opposite
from anagram_ext.geometry.pieces import Pieces, checked_interval
from anagram_ext.geometry.planar import Planar
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.product import product
from anagram_ext.geometry.quadrature import Lines
from anagram_ext.geometry.shapes import Rectangle
from anagram_ext.geometry.subset import obeying


@dataclass(frozen=True, init=False)
class Box(Pieces, Solid):
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
        bounds = tuple(checked_interval("Box", name, intervals[name]) for name in names)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "pieces", (bounds,))
        object.__setattr__(self, "outward", ())

    def __repr__(self) -> str:
        intervals = zip(self.names, self.bounds, strict=True)
        shown = ", ".join(f"{name}={interval}" for name, interval in intervals)
        return f"{type(self).__name__}({shown})"

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
        if not lower <= value <= upper:  # nan as well
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
        count = check_count("count", count)
        return Lines(self.names, axis, *self.bounds[axis], count)

    def up_to(self, name: str, count: int) -> Lines:
        """For every point the line from the lower face up to it, with Gauss nodes: Volterra terms.

        Raises:
            ValueError: for an unknown coordinate, or a count below 1.
        """
        axis = self._axis(name)
        count = check_count("count", count)
        return Lines(self.names, axis, self.bounds[axis][0], None, count)

    def boundary(self, part: Any = None) -> Any:
        """All faces, or some: of a coordinate by name, or where a rule on points holds."""
        if part is None:
            return self.faces()
        return self.faces(part) if isinstance(part, str) else obeying(self.faces(), part)

    def planar(self) -> Planar | None:
        """The rectangle that a box in two coordinates is, for set operations in the plane."""
        if len(self.names) != 2:
            return None
        return Rectangle(name="box", **dict(zip(self.names, self.bounds, strict=True)))

    def __mul__(self, other: object) -> Any:
        """The product of two boxes is a box, with any other region a ``Product``."""
        if not isinstance(other, Box) or set(self.names) & set(other.names):
            return product(self, other)
        return Box(**dict(zip(self.names + other.names, self.bounds + other.bounds, strict=True)))

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

    def _clipped(self, pieces: tuple[Bounds, ...], outward: tuple[tuple[float, ...], ...]) -> Box:
        del outward  # a box has none
        return Box(**dict(zip(self.names, pieces[0], strict=True)))

    def _slice(self, axis: int, value: float) -> Bounds:
        return (*self.bounds[:axis], (value, value), *self.bounds[axis + 1 :])


class Interval(Box):
    """A box in one coordinate: ``Interval(t=(0, 1)) * shape`` is a shape in time."""

    def __init__(self, /, **intervals: tuple[float, float]) -> None:
        """Checks and stores the interval.

        Args:
            intervals: (lower, upper) of the one coordinate.

        Raises:
            ValueError: several coordinates, or an interval that is not finite or empty.
        """
        if len(intervals) != 1:
            raise ValueError(f"Interval has exactly one coordinate, got {tuple(intervals)}")
        super().__init__(**intervals)


@dataclass(frozen=True)
class Faces(Pieces):
    """One or several faces of a box, each with one coordinate held fixed."""
