"""Segments and elliptic arcs: what the boundaries of planar shapes are made of.

A circle is a circle here and no polygon: points on it, lengths and normals are exact to rounding.
Every curve is parametrised by s in [0, 1].
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Union

import numpy as np

from anagram_ext.geometry.designs import Array

Pair = tuple[float, float]
Curve = Union["Segment", "EllipticArc"]

_TURN: Final = 2 * math.pi
_STEPS: Final = 60  # of a bracket that is halved at least: 2^-60 of it is below rounding


@dataclass(frozen=True)
class Segment:
    """The straight line from ``start`` to ``end``."""

    start: Pair
    end: Pair

    def at(self, s: Array) -> Array:
        """Points [n, 2]; s = 0 and s = 1 give the ends to the last bit."""
        start, end = np.asarray(self.start), np.asarray(self.end)
        s = np.asarray(s)[:, None]
        return np.asarray(
            np.where(s < 0.5, start + s * (end - start), end - (1 - s) * (end - start))
        )

    def velocity(self, s: Array) -> Array:
        """The derivative of ``at`` in s, [n, 2]."""
        return np.tile(np.subtract(self.end, self.start), (len(s), 1))

    @cached_property
    def length(self) -> float:
        """From start to end."""
        return math.dist(self.start, self.end)

    @property
    def closed(self) -> bool:
        """Whether it ends where it starts."""
        return False

    def by_length(self, fraction: Array) -> Array:
        """The s [n] where a fraction [n] of the length has passed."""
        return fraction

    def locate(self, points: Array) -> Array:
        """The s of the foot of each of the points [n, 2], in [0, 1]."""
        along = np.subtract(self.end, self.start)
        return np.asarray(np.clip((points - self.start) @ along / (along @ along), 0, 1))

    def distance(self, points: Array) -> Array:
        """Distance of the points [n, 2] from the segment, [n]."""
        return np.asarray(np.linalg.norm(points - self.at(self.locate(points)), axis=1))

    def split(self, cuts: Sequence[float]) -> list[Segment]:
        """The parts between ascending s strictly inside (0, 1)."""
        inner = [(float(x), float(y)) for x, y in self.at(np.asarray(cuts, dtype=np.float64))]
        ends = [self.start, *inner, self.end]
        return [Segment(a, b) for a, b in itertools.pairwise(ends)]

    def monotone(self) -> list[Segment]:
        """Parts that are functions of x: itself, none where it stands upright."""
        return [self] if self.start[0] != self.end[0] else []

    def height(self, x: Array) -> Array:
        """The y where the segment passes x [n]."""
        (x0, y0), (x1, y1) = self.start, self.end
        return np.asarray(y0 + (x - x0) * ((y1 - y0) / (x1 - x0)))

    def antiderivative(self, x: Array) -> Array:
        """A function of x [n] whose derivative is ``height``."""
        x0 = self.start[0]
        return np.asarray((x - x0) * (self.start[1] + self.height(x)) / 2)

    def corners(self) -> Array:
        """Points [k, 2] whose bounding box is that of the curve."""
        return np.asarray([self.start, self.end])

    def moved(self, matrix: Array, shift: Array) -> Segment:
        """The image under p -> matrix p + shift."""
        start, end = (matrix @ np.asarray(p) + shift for p in (self.start, self.end))
        return Segment((float(start[0]), float(start[1])), (float(end[0]), float(end[1])))

    def reversed(self) -> Segment:
        """The same line in the other direction."""
        return Segment(self.end, self.start)


@dataclass(frozen=True)
class EllipticArc:
    """The part of an ellipse between two angles, counter-clockwise from ``begin`` to ``end``.

    Its points are center + R (a cos t, b sin t), with the radii (a, b) and the rotation R by
    ``angle``; t goes from ``begin`` to ``end``.
    """

    center: Pair
    radii: Pair
    angle: float = 0.0
    begin: float = 0.0
    end: float = _TURN

    def at(self, s: Array) -> Array:
        """Points [n, 2]."""
        t = self._t(s)
        return self._out(np.stack([self.radii[0] * np.cos(t), self.radii[1] * np.sin(t)], axis=1))

    def velocity(self, s: Array) -> Array:
        """The derivative of ``at`` in s, [n, 2]."""
        t = self._t(s)
        a, b = self.radii
        local = np.stack([-a * np.sin(t), b * np.cos(t)], axis=1)
        return np.asarray((self.end - self.begin) * (local @ self._rotation.T))

    @cached_property
    def length(self) -> float:
        """Of the arc."""
        if self.is_circle:
            return self.radii[0] * (self.end - self.begin)
        return float(self._passed(np.asarray(self.end)))

    @property
    def closed(self) -> bool:
        """Whether it is all of the ellipse."""
        return self.end - self.begin >= _TURN * (1 - 1e-14)

    @property
    def is_circle(self) -> bool:
        """Whether both radii agree."""
        return self.radii[0] == self.radii[1]

    def by_length(self, fraction: Array) -> Array:
        """The s [n] where a fraction [n] of the length has passed."""
        if self.is_circle:
            return fraction
        return increasing_inverse(
            lambda s: self._passed(self._t(s)) / self.length,
            lambda s: self._speed(self._t(s)) * (self.end - self.begin) / self.length,
            np.asarray(fraction, dtype=np.float64),
        )

    def locate(self, points: Array) -> Array:
        """The s of each of the points [n, 2] near the arc, in [0, 1]: the nearer end outside."""
        unit = self._into(points)
        turned = np.mod(np.arctan2(unit[:, 1], unit[:, 0]) - self.begin, _TURN)
        span = self.end - self.begin
        beyond = turned - span > (_TURN - span) / 2  # nearer to the begin than to the end
        return np.where(turned <= span, turned / span, np.where(beyond, 0.0, 1.0))

    def distance(self, points: Array) -> Array:
        """Distance of the points [n, 2] from the arc, [n]."""
        if self.is_circle:
            offset = points - self.center
            turned = np.mod(np.arctan2(offset[:, 1], offset[:, 0]) - self.angle - self.begin, _TURN)
            ends = np.linalg.norm(points[:, None] - self.at(np.array([0.0, 1.0])), axis=2).min(1)
            radial = np.abs(np.linalg.norm(offset, axis=1) - self.radii[0])
            return np.asarray(np.where(turned <= self.end - self.begin, radial, ends))
        return np.asarray(np.linalg.norm(points - self.at(self._nearest(points)), axis=1))

    def split(self, cuts: Sequence[float]) -> list[EllipticArc]:
        """The parts between ascending s strictly inside (0, 1)."""
        angles = [self.begin, *self._t(np.asarray(cuts, dtype=np.float64)).tolist(), self.end]
        return [replace(self, begin=a, end=b) for a, b in itertools.pairwise(angles)]

    def monotone(self) -> list[EllipticArc]:
        """Parts that are functions of x: cut where the tangent is upright."""
        (_, phase), _ = self._waves
        first = math.ceil((self.begin - phase) / math.pi)
        turns = (phase + k * math.pi for k in range(first, first + 4))
        span = self.end - self.begin
        cuts = [(t - self.begin) / span for t in turns]
        return self.split([s for s in cuts if 1e-13 < s < 1 - 1e-13])

    def height(self, x: Array) -> Array:
        """The y where an x-monotone arc passes x [n]."""
        _, (Y, phase) = self._waves
        return np.asarray(self.center[1] + Y * np.cos(self._t_of_x(x) - phase))

    def antiderivative(self, x: Array) -> Array:
        """A function of x [n] whose derivative is ``height``, of an x-monotone arc."""
        (X, x_phase), (Y, y_phase) = self._waves
        t = self._t_of_x(x)
        return np.asarray(
            self.center[1] * X * np.cos(t - x_phase)
            + X * Y / 4 * np.cos(2 * t - x_phase - y_phase)
            + X * Y / 2 * (t - x_phase) * math.sin(x_phase - y_phase)
        )

    def corners(self) -> Array:
        """Points [k, 2] whose bounding box is that of the curve."""
        extremes = [phase + k * math.pi for _, phase in self._waves for k in range(-4, 5)]
        inside = [t for t in extremes if self.begin < t < self.end]
        s = (np.asarray([self.begin, *inside, self.end]) - self.begin) / (self.end - self.begin)
        return self.at(s)

    def moved(self, matrix: Array, shift: Array) -> EllipticArc:
        """The image of a whole ellipse under p -> matrix p + shift."""
        center = matrix @ np.asarray(self.center) + shift
        U, radii, _ = np.linalg.svd(matrix @ self._rotation @ np.diag(self.radii))
        if self.is_circle and abs(radii[0] - radii[1]) <= 1e-14 * radii[0]:
            # The same parameters and the same bits where only the place changes.
            size = self.radii[0] * math.sqrt(abs(float(np.linalg.det(matrix))))
            radii, U = np.array([size, size]), np.eye(2)
        return EllipticArc(
            (float(center[0]), float(center[1])),
            (float(radii[0]), float(radii[1])),
            math.atan2(U[1, 0], U[0, 0]),
        )

    def unit(self, points: Array) -> Array:
        """Points [n, 2] in coordinates where the whole ellipse is the unit circle."""
        return self._into(points)

    @cached_property
    def affine(self) -> tuple[Array, Array]:
        """The matrix and the shift that take the unit circle to the ellipse."""
        return self._rotation @ np.diag(self.radii), np.asarray(self.center)

    @cached_property
    def _rotation(self) -> Array:
        c, s = math.cos(self.angle), math.sin(self.angle)
        return np.array([[c, -s], [s, c]])

    @cached_property
    def _waves(self) -> tuple[Pair, Pair]:
        """Amplitude and phase of both coordinates: x = center + X cos(t - phase)."""
        a, b = self.radii
        c, s = math.cos(self.angle), math.sin(self.angle)
        return (
            (math.hypot(a * c, b * s), math.atan2(-b * s, a * c)),
            (math.hypot(a * s, b * c), math.atan2(b * c, a * s)),
        )

    def _t(self, s: Array) -> Array:
        return np.asarray(self.begin + np.asarray(s) * (self.end - self.begin))

    def _t_of_x(self, x: Array) -> Array:
        """The angle [n] at which an x-monotone arc passes x [n]."""
        (X, phase), _ = self._waves
        middle = (self.begin + self.end) / 2 - phase
        side = 1.0 if middle % _TURN < math.pi else -1.0
        return np.asarray(phase + side * np.arccos(np.clip((x - self.center[0]) / X, -1, 1)))

    def _out(self, local: Array) -> Array:
        return np.asarray(self.center + local @ self._rotation.T)

    def _into(self, points: Array) -> Array:
        return np.asarray((points - self.center) @ self._rotation / self.radii)

    def _speed(self, t: Array) -> Array:
        a, b = self.radii
        return np.hypot(a * np.sin(t), b * np.cos(t))

    def _passed(self, t: Array) -> Array:
        """Length from ``begin`` to t: incomplete elliptic integrals of the second kind."""
        from scipy.special import ellipeinc

        a, b = self.radii
        long, short = max(a, b), min(a, b)
        # ellipeinc measures from the end of the short half-axis of x = long sin, y = short cos.
        offset = math.pi / 2 if a >= b else 0.0
        m = 1 - (short / long) ** 2
        return np.asarray(long * (ellipeinc(t + offset, m) - ellipeinc(self.begin + offset, m)))

    def _nearest(self, points: Array) -> Array:
        """The s of the nearest point of the arc for each of the points [n, 2]."""
        s = np.linspace(0, 1, 65)
        apart = np.linalg.norm(points[:, None] - self.at(s), axis=2)  # [n, 65]
        best = s[apart.argmin(axis=1)]
        low, high = np.clip(best - s[1], 0, 1), np.clip(best + s[1], 0, 1)
        for _ in range(_STEPS):  # bisection of the derivative of the squared distance
            middle = (low + high) / 2
            falling = ((self.at(middle) - points) * self.velocity(middle)).sum(axis=1) < 0
            low, high = np.where(falling, middle, low), np.where(falling, high, middle)
        found = np.stack([low, high, best], axis=1)
        apart = np.stack([np.linalg.norm(points - self.at(c), axis=1) for c in found.T], axis=1)
        return np.take_along_axis(found, apart.argmin(axis=1)[:, None], axis=1)[:, 0]


def increasing_inverse(
    function: Callable[[Array], Array], slope: Callable[[Array], Array], values: Array
) -> Array:
    """The s in [0, 1] where an increasing function from [0, 1] onto itself takes the values [n].

    Newton's method inside a bracket that bisection keeps.
    """
    low, high = np.zeros_like(values), np.ones_like(values)
    s = values.copy()
    for _ in range(_STEPS):
        error = function(s) - values
        low, high = np.where(error <= 0, s, low), np.where(error >= 0, s, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = s - error / slope(s)
        inside = (newton > low) & (newton < high)
        following = np.where(inside, newton, (low + high) / 2)
        if np.all((np.abs(error) <= 1e-15) | (np.abs(following - s) <= 1e-15)):
            break
        s = following
    return np.asarray(np.where(error == 0, s, following))
