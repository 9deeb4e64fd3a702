"""Shapes of the plane: polygons and ellipses, and what set operations make of them.

Nothing here is approximated: a circle is one, areas and lengths come from closed forms, and points
of the unit square have their places by exact distribution functions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import check_count, elements, finite_number
from anagram_ext.geometry.cells import Cell, cut
from anagram_ext.geometry.designs import Array, Bounds, counts_along, tensor_product
from anagram_ext.geometry.outline import Outline, Part
from anagram_ext.geometry.patches import Combined, Tree, patches
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.product import product
from anagram_ext.geometry.sampled import Sampled, plain
from anagram_ext.geometry.sides import Side, sides

_ROUNDING: Final = 1e-12  # of the size: what is as near as this to the boundary lies on it


@dataclass(frozen=True)
class Planar(Sampled):
    """A shape of the plane, closed: its boundary belongs to it.

    ``a | b``, ``a & b`` and ``a - b`` are union, intersection and difference.

    Attributes:
        names: of the two coordinates, in column order.
        tree: the primitives and what is done with them.
    """

    names: tuple[str, ...]
    tree: Tree

    def __post_init__(self) -> None:
        # A shape so far away, so large or so thin that its area is lost to rounding has none.
        with np.errstate(over="ignore", invalid="ignore"):
            empty = not np.isfinite(self._size) or not self.cells
        if empty:
            raise ValueError("shape must have an area, got an empty one")

    def __or__(self, other: object) -> Any:
        return self.combined("or", other)

    def __and__(self, other: object) -> Any:
        return self.combined("and", other)

    def __sub__(self, other: object) -> Any:
        return self.combined("minus", other)

    def __mul__(self, other: object) -> Any:
        return product(self, other)

    def combined(self, operation: str, other: object) -> Any:
        """Set operation ``"or"``, ``"and"`` or ``"minus"``; NotImplemented for what is no shape.

        Raises:
            ValueError: a shape in other coordinates, or nothing left.
        """
        right = as_planar(other)
        if right is None:
            return NotImplemented
        if self.names != right.names:
            raise ValueError(
                f"shapes must have the same coordinates, got {self.names} and {right.names}"
            )
        return Planar(self.names, Combined(operation, self.tree, right.tree))

    def planar(self) -> Planar:
        """Itself: what a box in two coordinates is asked for."""
        return self

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of both coordinates."""
        corners = np.concatenate([side.curve.corners() for side in self._sides])
        lower, upper = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
        return tuple(zip(lower, upper, strict=True))

    @property
    def dimension(self) -> int:
        """2."""
        return 2

    @cached_property
    def measure(self) -> float:
        """The area, in closed form."""
        return math.fsum(cell.area for cell in self.cells)

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, 2] lies in the shape, boundary included, [n] of bool."""
        level = self.tree.level(plain("points", points, 2))
        return torch.from_numpy(level <= _ROUNDING * self._size)

    def distance(self, points: Tensor) -> Tensor:
        """Signed distance of points [n, 2] from the boundary, negative inside, [n]."""
        places = plain("points", points, 2)
        apart = self.boundary().distance(points)
        return torch.where(torch.from_numpy(self.tree.level(places) < 0), -apart, apart)

    def place(self, unit: Array) -> Points:
        """Points [n, 2] of the unit square in the shape: even ones stay even.

        The first coordinate chooses the cell and the place along x in it, the second one y.
        """
        ends = np.cumsum([cell.area for cell in self.cells])
        target = unit[:, 0] * ends[-1]
        chosen = np.minimum(np.searchsorted(ends, target, side="right"), len(ends) - 1)
        placed = np.empty((len(unit), 2))
        for k, cell in enumerate(self.cells):
            rows = chosen == k
            if rows.any():
                along = np.clip((target[rows] - (ends[k] - cell.area)) / cell.area, 0, 1)
                placed[rows] = cell.place(np.stack([along, unit[rows, 1]], axis=1))
        return Points(torch.from_numpy(placed), region=self)

    def grid(self, *counts: int) -> Points:
        """Those points of an equispaced grid of the bounding box that lie inside, [n, 2].

        Args:
            counts: points of the whole grid along each coordinate; one number serves both.

        Raises:
            ValueError: the grid is so coarse that no point of it lies inside.
        """
        along = counts_along(self.bounds, counts)
        ticks = [
            np.linspace(lower, upper, count + 2)[1:-1]
            for (lower, upper), count in zip(self.bounds, along, strict=True)
        ]
        points = tensor_product(ticks)
        inside = points[self.tree.level(points) < -_ROUNDING * self._size]
        if not len(inside):
            raise ValueError(f"counts must be large enough for points inside, got {counts}")
        return Points(torch.from_numpy(inside), region=self)

    def quadrature(self, n: int) -> Points:
        """Gauss points with weights: ``(weights * f(points)).sum()`` is the integral of f.

        Exact to rounding for polynomials of moderate degree from n of about 10 on, and for
        polygons up to a degree of 2 n - 2.

        Args:
            n: n^2 points in each of the cells between two curves that the shape is cut into, twice
                as many next to arcs.
        """
        check_count("n", n)
        points, weights = zip(*(cell.quadrature(n) for cell in self.cells), strict=True)
        return Points(
            torch.from_numpy(np.concatenate(points)),
            region=self,
            weights=torch.from_numpy(np.concatenate(weights)),
        )

    def boundary(self, part: Part | None = None) -> Outline:
        """The boundary, or a part of it.

        Args:
            part: the name of a primitive (``"disk"``), of a side (``"left"``) or of both
                (``"rectangle.left"``), or a rule: ``lambda x: x.x < 0.5`` or, by normals,
                ``lambda x: x.normal.y > 0``. Where it changes along a side is found to rounding,
                unless it changes back within 1/400 of it.

        Raises:
            ValueError: no part of the boundary has the name, or obeys the rule.
        """
        whole = Outline(self.names, self._sides)
        return whole if part is None else whole.part(part)

    @property
    def parts(self) -> tuple[str, ...]:
        """The names that ``boundary`` knows."""
        return tuple(sorted({label for side in self._sides for label in side.labels}))

    def translated(self, **by: float) -> Planar:
        """Moved along the named coordinates: ``shape.translated(x=1)``.

        Raises:
            TypeError: a distance that is no number.
            ValueError: a coordinate that the shape does not have, or a distance that is not finite.
        """
        unknown = set(by) - set(self.names)
        if unknown:
            raise ValueError(f"unknown coordinate {min(unknown)!r}: there are {self.names}")
        shift = np.array([finite_number(f"translated: {n}", by.get(n, 0.0)) for n in self.names])
        return self._moved(np.eye(2), shift)

    def rotated(self, angle: float, about: tuple[float, float] | None = None) -> Planar:
        """Turned by an angle in radians, from the first coordinate towards the second.

        Args:
            angle: in radians.
            about: what stays where it is, by default the middle of the bounding box.
        """
        turn = finite_number("rotated: angle", angle)
        c, s = math.cos(turn), math.sin(turn)
        return self._about(np.array([[c, -s], [s, c]]), about)

    def scaled(
        self, factor: float | tuple[float, float], about: tuple[float, float] | None = None
    ) -> Planar:
        """Stretched by a factor, or one along each coordinate; a negative one reflects.

        Args:
            factor: a number, or two.
            about: what stays where it is, by default the middle of the bounding box.

        Raises:
            TypeError: a factor that is no number.
            ValueError: other than one or two factors, or one that is zero or not finite.
        """
        factors = tuple(factor) if isinstance(factor, (tuple, list)) else (factor, factor)
        if len(factors) != 2 or not all(finite_number("scaled: factor", f) for f in factors):
            raise ValueError(f"scaled: factor must be one number or two, not zero, got {factor!r}")
        return self._about(np.diag(np.asarray(factors, dtype=np.float64)), about)

    def __repr__(self) -> str:
        shown = [part for part in self.parts if "." not in part]
        return f"{type(self).__name__}({', '.join(self.names)}; {', '.join(shown)})"

    def _about(self, matrix: Array, about: tuple[float, float] | None) -> Planar:
        if about is None:
            fixed = np.asarray(self.bounds).mean(axis=1)
        else:
            given = elements("about", about, "two numbers")
            if len(given) != 2:
                raise ValueError(f"about must be two numbers, got {about!r}")
            fixed = np.array([finite_number("about", value) for value in given])
        return self._moved(matrix, fixed - matrix @ fixed)

    def _moved(self, matrix: Array, shift: Array) -> Planar:
        return Planar(self.names, self.tree.moved(matrix, shift))

    @cached_property
    def _size(self) -> float:
        """Of what the shape is made of: lengths below 1e-12 of it are rounding."""
        corners = np.concatenate([patch.corners() for patch in patches(self.tree)])
        return float(max(np.ptp(corners, axis=0).max(), 1e-3 * np.abs(corners).max()))

    @cached_property
    def _sides(self) -> tuple[Side, ...]:
        return sides(self.tree, self._size)

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """The shape cut into cells between two curves each, from left to right."""
        if not self._sides:
            return ()
        found = cut(self._sides, self._size)
        return tuple(cell for cell in found if cell.area > 1e-14 * self._size**2)


def as_planar(other: object) -> Planar | None:
    """A shape of the plane or a box in two coordinates as the former; None for anything else."""
    made = getattr(other, "planar", None)
    shape: Planar | None = made() if callable(made) else None
    return shape
