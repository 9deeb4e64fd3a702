"""Where two curves meet."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from anagram_ext.geometry.curves import Curve, EllipticArc, Segment
from anagram_ext.geometry.designs import Array

_NONE: Final = np.zeros((0, 2))
# A double root of a polynomial is known to half of the digits only: roots as near as this are one.
_TOUCHING: Final = 1e-6


def crossings(first: Curve, second: Curve) -> Array:
    """Points [k, 2] where the curves cross or touch, and the ends of a stretch that they share.

    A touch may be missing, or be found twice within 1e-8 of the size: curves that touch do not
    change sides. Points beyond the ends of a curve may be among them.
    """
    if isinstance(first, Segment):
        if isinstance(second, Segment):
            return _lines(first, second)
        return _line_and_ellipse(first, second)
    if isinstance(second, Segment):
        return _line_and_ellipse(second, first)
    return _ellipses(first, second)


def _lines(first: Segment, second: Segment) -> Array:
    p, q = np.asarray(first.start), np.asarray(second.start)
    u, v = np.asarray(first.end) - p, np.asarray(second.end) - q
    cross = u[0] * v[1] - u[1] * v[0]
    if abs(cross) > 1e-12 * first.length * second.length:
        s = ((q - p)[0] * v[1] - (q - p)[1] * v[0]) / cross
        return np.asarray([p + s * u])
    return np.asarray([first.start, first.end, second.start, second.end])


def _line_and_ellipse(line: Segment, arc: EllipticArc) -> Array:
    a, b = arc.unit(np.asarray([line.start, line.end]))
    along = b - a
    foot = a - along * (a @ along) / (along @ along)
    height2 = 1 - foot @ foot
    if height2 < -_TOUCHING:
        return _NONE
    matrix, shift = arc.affine
    if height2 < _TOUCHING**2:
        return np.asarray([matrix @ foot + shift])
    reach = math.sqrt(height2) * along / math.sqrt(along @ along)
    return np.asarray([matrix @ (foot + side * reach) + shift for side in (-1, 1)])


def _ellipses(first: EllipticArc, second: EllipticArc) -> Array:
    """Roots of a trigonometric polynomial: |q(t)|^2 = 1, q the second in the frame of the first."""
    matrix, shift = second.affine
    origin, one, other = first.unit(np.stack([shift, matrix[:, 0] + shift, matrix[:, 1] + shift]))
    p, q = one - origin, other - origin  # q(t) = origin + p cos t + q sin t
    constant = origin @ origin + (p @ p + q @ q) / 2 - 1
    c1, s1 = 2 * origin @ p, 2 * origin @ q
    c2, s2 = (p @ p - q @ q) / 2, p @ q
    size = abs(constant) + abs(c1) + abs(s1) + abs(c2) + abs(s2)
    scale = 1 + origin @ origin + p @ p + q @ q
    if size <= 1e-12 * scale:
        return _NONE  # the same ellipse
    if abs(c2) + abs(s2) <= 1e-14 * scale:
        angles = _first_harmonic(constant, c1, s1)
    else:
        z = np.roots(
            [
                (c2 - 1j * s2) / 2,
                (c1 - 1j * s1) / 2,
                constant,
                (c1 + 1j * s1) / 2,
                (c2 + 1j * s2) / 2,
            ]
        )
        angles = np.angle(z[np.abs(np.abs(z) - 1) < _TOUCHING]).tolist()
    t = np.asarray(_merged(angles), dtype=np.float64)
    for _ in range(3):  # roots of a quartic are good to a few digits less
        value = constant + c1 * np.cos(t) + s1 * np.sin(t) + c2 * np.cos(2 * t) + s2 * np.sin(2 * t)
        slope = -c1 * np.sin(t) + s1 * np.cos(t) - 2 * c2 * np.sin(2 * t) + 2 * s2 * np.cos(2 * t)
        steep = np.abs(slope) > 1e-6 * size
        t = t - np.where(steep, value / np.where(steep, slope, 1.0), 0.0)
    circle = np.stack([np.cos(t), np.sin(t)], axis=1)
    return np.asarray(circle @ matrix.T + shift)


def _first_harmonic(constant: float, c: float, s: float) -> list[float]:
    """The t with constant + c cos t + s sin t = 0."""
    amplitude = math.hypot(c, s)
    if abs(constant) > amplitude * (1 + _TOUCHING):
        return []
    phase, half = math.atan2(s, c), math.acos(max(-1.0, min(1.0, -constant / amplitude)))
    return [phase - half, phase + half]


def _merged(angles: list[float]) -> list[float]:
    """The angles, those that touch taken for one."""
    kept: list[float] = []
    for angle in sorted(math.remainder(a, 2 * math.pi) for a in angles):
        if all(abs(math.remainder(angle - other, 2 * math.pi)) > _TOUCHING for other in kept):
            kept.append(angle)
    return kept
