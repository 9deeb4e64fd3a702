"""Rectangles, disks, ellipses and polygons with named coordinates."""

from __future__ import annotations

from typing import Final

import numpy as np

from anagram_ext.checks import check_kind, check_names, finite_number, positive_number, strings
from anagram_ext.geometry.curves import EllipticArc, Segment
from anagram_ext.geometry.designs import Array, array_of
from anagram_ext.geometry.patches import Patch
from anagram_ext.geometry.planar import Planar

_SIDES: Final = ("bottom", "right", "top", "left")  # counter-clockwise from the lower left corner


class Rectangle(Planar):
    """``Rectangle(x=(0, 2.2), y=(0, 0.41))``, a shape of the plane.

    Its sides are ``"left"`` and ``"right"`` (least and greatest first coordinate), ``"bottom"`` and
    ``"top"`` (second coordinate); they keep these names however the shape is turned.
    """

    def __init__(self, /, *, name: str = "rectangle", **intervals: tuple[float, float]) -> None:
        """Checks and stores the intervals.

        Args:
            name: of its boundary, for ``boundary``.
            intervals: (lower, upper) for each of two coordinates.

        Raises:
            ValueError: other than two coordinates, or an interval that is not finite or empty.
        """
        names = _two(intervals)
        (a, b), (c, d) = (_interval(key, intervals[key]) for key in names)
        vertices = np.array([[a, c], [b, c], [b, d], [a, d]])
        super().__init__(names, _polygon(vertices, _label(name), _SIDES))


class Disk(Planar):
    """``Disk(x=0.2, y=0.2, radius=0.05)``."""

    def __init__(self, /, *, radius: float, name: str = "disk", **center: float) -> None:
        """Checks and stores center and radius.

        Args:
            radius: positive.
            name: of its boundary, for ``boundary``.
            center: value of each of two coordinates.

        Raises:
            ValueError: other than two coordinates, or a radius that is not positive and finite.
        """
        r = positive_number("Disk: radius", radius)
        super().__init__(_two(center), _ellipse(center, (r, r), 0.0, _label(name)))


class Ellipse(Planar):
    """``Ellipse(x=0, y=0, radii=(2, 1), angle=0.3)``."""

    def __init__(
        self,
        /,
        *,
        radii: tuple[float, float],
        angle: float = 0.0,
        name: str = "ellipse",
        **center: float,
    ) -> None:
        """Checks and stores center and half-axes.

        Args:
            radii: half-axes along the first and the second coordinate before it is turned.
            angle: by which it is turned, in radians.
            name: of its boundary, for ``boundary``.
            center: value of each of two coordinates.

        Raises:
            ValueError: other than two coordinates, or radii that are not positive and finite.
        """
        check_kind("Ellipse: radii", radii, (tuple, list), "two numbers")
        if len(radii) != 2:
            raise ValueError(f"Ellipse: radii must be two numbers, got {radii!r}")
        a, b = (positive_number("Ellipse: radii", radius) for radius in radii)
        turn = finite_number("Ellipse: angle", angle)
        super().__init__(_two(center), _ellipse(center, (a, b), turn, _label(name)))


class Polygon(Planar):
    """``Polygon([(0, 0), (2, 0), (1, 1)])``: its edges are ``"edge0"``, ``"edge1"`` and so on."""

    def __init__(
        self,
        vertices: object,
        names: tuple[str, str] = ("x", "y"),
        *,
        name: str = "polygon",
    ) -> None:
        """Checks and stores the vertices.

        Args:
            vertices: three or more, [v, 2], either way around; the last is joined to the first.
            names: of the two coordinates.
            name: of its boundary, for ``boundary``.

        Raises:
            TypeError: vertices that are no numbers.
            ValueError: fewer than three vertices, edges that cross or touch each other, or
                vertices that are not finite.
        """
        corners = array_of("Polygon: vertices", vertices)
        if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3:
            raise ValueError(
                f"Polygon: vertices must be three or more [v, 2], got {list(corners.shape)}"
            )
        if not np.isfinite(corners).all():
            raise ValueError(f"Polygon: vertices must be finite, got {vertices!r}")
        if np.array_equal(corners[0], corners[-1]):
            corners = corners[:-1]  # a closed ring, as many file formats have it
        checked = check_names(strings("Polygon: names", names, "two coordinates"))
        if len(checked) != 2:
            raise ValueError(f"Polygon: names must be two coordinates, got {checked}")
        _check_simple(corners)
        edges = [f"edge{k}" for k in range(len(corners))]
        if signed_area(corners) < 0:
            # The same edges with the same numbers, walked the other way.
            corners, edges = corners[::-1], [*edges[-2::-1], edges[-1]]
        super().__init__(checked, _polygon(corners, _label(name), tuple(edges)))


def signed_area(vertices: Array) -> float:
    """Area of a polygon, negative where its vertices [v, 2] go clockwise."""
    x, y = (vertices - vertices[0]).T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _two(given: dict[str, float] | dict[str, tuple[float, float]]) -> tuple[str, ...]:
    names = check_names(given)
    if len(names) != 2:
        raise ValueError(f"a shape of the plane has two coordinates, got {names}")
    return names


def _label(name: object) -> str:
    check_kind("name", name, str, "a string")
    return str(name)


def _interval(key: str, interval: tuple[float, float]) -> tuple[float, float]:
    check_kind(key, interval, (tuple, list), "(lower, upper)")
    if len(interval) != 2:
        raise ValueError(f"{key} must be (lower, upper), got {interval!r}")
    lower, upper = (finite_number(key, end) for end in interval)
    if not lower < upper:
        raise ValueError(f"{key} must satisfy lower < upper, got {interval!r}")
    return lower, upper


def _polygon(vertices: Array, name: str, edges: tuple[str, ...]) -> Patch:
    corners = [(float(x), float(y)) for x, y in vertices]
    curves = tuple(Segment(a, b) for a, b in zip(corners, corners[1:] + corners[:1], strict=True))
    return Patch(curves, tuple(frozenset({name, edge, f"{name}.{edge}"}) for edge in edges))


def _ellipse(
    center: dict[str, float], radii: tuple[float, float], angle: float, name: str
) -> Patch:
    x, y = (finite_number(key, value) for key, value in center.items())
    return Patch((EllipticArc((x, y), radii, angle),), (frozenset({name}),))


def _check_simple(vertices: Array) -> None:
    """Raises unless the edges meet at their ends only."""
    starts, ends = vertices, np.roll(vertices, -1, axis=0)
    if (np.linalg.norm(ends - starts, axis=1) == 0).any():
        raise ValueError("Polygon: vertices must differ from their neighbours")
    along, n = ends - starts, len(vertices)
    back = (along * np.roll(along, 1, axis=0)).sum(axis=1) < 0
    for i in range(n):
        a, b, c, d = starts[i], ends[i], starts, ends
        touch = (_turn(a, b, c) * _turn(a, b, d) <= 0) & (_turn(c, d, a) * _turn(c, d, b) <= 0)
        touch &= (
            (np.minimum(a, b) <= np.maximum(c, d)) & (np.minimum(c, d) <= np.maximum(a, b))
        ).all(axis=1)
        # Neighbours share an end; they share more where one folds back onto the other.
        touch[[i - 1, i, (i + 1) % n]] = False
        touch[i - 1] = back[i] and _turn(starts[i - 1], a, b) == 0
        if touch.any():
            raise ValueError(
                f"Polygon: vertices must not cross or touch by their edges, as edge{i} and "
                f"edge{int(np.flatnonzero(touch)[0])} do"
            )


def _turn(p: Array, q: Array, r: Array) -> Array:
    """+1, 0 or -1 by the side of the line from p to q on which r lies; [..., 2] each."""
    u, v = q - p, r - p
    return np.asarray(np.sign(u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]))
