"""Balls in any number of dimensions, and the spheres around them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import (
    check_count,
    check_kind,
    check_names,
    finite_number,
    positive_number,
)
from anagram_ext.geometry.algebra import Solid
from anagram_ext.geometry.designs import Array, Bounds, counts_along, tensor_product
from anagram_ext.geometry.planar import Planar
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampled import Sampled, plain
from anagram_ext.geometry.shapes import Disk
from anagram_ext.geometry.subset import obeying

_ROUNDING: Final = 1e-13  # of the size: what is as near as this to the sphere lies on it


@dataclass(frozen=True, init=False)
class Sphere(Sampled):
    """The boundary of a ball: ``Sphere(x=0, y=0, z=0, radius=1)``.

    Attributes:
        names: of the d coordinates.
        center: [d].
        radius: positive.
    """

    names: tuple[str, ...]
    center: tuple[float, ...]
    radius: float

    def __init__(self, /, *, radius: float, **center: float) -> None:
        """Checks and stores center and radius.

        Args:
            radius: positive.
            center: value of each of two or more coordinates.

        Raises:
            ValueError: fewer coordinates, or a radius that is not positive and finite.
        """
        names, values = _center(center)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "center", values)
        object.__setattr__(self, "radius", positive_number("Sphere: radius", radius))

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate."""
        return tuple((c - self.radius, c + self.radius) for c in self.center)

    @property
    def dimension(self) -> int:
        """One less than there are coordinates."""
        return len(self.names) - 1

    @property
    def measure(self) -> float:
        """Its area."""
        d = len(self.names)
        return float(2 * math.pi ** (d / 2) / math.gamma(d / 2) * self.radius ** (d - 1))

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies on it, up to rounding, [n] of bool."""
        return self.distance(points) <= _ROUNDING * (self.radius + max(map(abs, self.center)))

    def distance(self, points: Tensor) -> Tensor:
        """Distance of points [n, d] from it, [n]."""
        offset = plain("points", points, len(self.names)) - self.center
        return torch.from_numpy(np.abs(np.linalg.norm(offset, axis=1) - self.radius))

    def nearest(self, points: Tensor) -> Points:
        """The points on it next to points [n, d], with their normals."""
        offset = plain("points", points, len(self.names)) - self.center
        return self._points(offset / np.linalg.norm(offset, axis=1)[:, None])

    def place(self, unit: Array) -> Points:
        """Points [n, d] on it, even by area, for all but the last coordinate of the unit cube's."""
        return self._points(directions(unit[:, :-1]))

    def grid(self, *counts: int) -> Points:
        """Points in the middle of cells of equal area, [prod(counts), d]."""
        return self.place(_middles(counts, self.dimension, len(self.names)))

    def quadrature(self, n: int) -> Points:
        """2 n^(d-1) points with weights, exact for polynomials up to degree 2 n - 1."""
        check_count("n", n)
        points, weights = sphere_rule(n, len(self.names))
        made = self._points(points)
        scaled = torch.from_numpy(weights * self.radius ** (len(self.names) - 1))
        return Points(made, self, made.normals, scaled)

    def boundary(self, part: Any = None) -> Sphere:
        """The boundary of a domain.

        Raises:
            ValueError: always, for this is a boundary already.
        """
        raise ValueError(f"boundary must be that of a ball, got {self!r}, part {part!r}")

    def __repr__(self) -> str:
        return f"Sphere({_shown(self.names, self.center)}, radius={self.radius})"

    def _points(self, normals: Array) -> Points:
        placed = np.asarray(self.center) + self.radius * normals
        return Points(torch.from_numpy(placed), region=self, normals=torch.from_numpy(normals))


@dataclass(frozen=True, init=False)
class Ball(Sampled, Solid):
    """``Ball(x=0, y=0, z=0, radius=1)``, in two or more coordinates.

    Attributes:
        names: of the d coordinates.
        center: [d].
        radius: positive.
        name: of its boundary, for ``boundary``.
    """

    names: tuple[str, ...]
    center: tuple[float, ...]
    radius: float
    name: str

    def __init__(self, /, *, radius: float, name: str = "ball", **center: float) -> None:
        """Checks and stores center and radius.

        Args:
            radius: positive.
            name: of its boundary, for ``boundary``.
            center: value of each of two or more coordinates.

        Raises:
            ValueError: fewer coordinates, or a radius that is not positive and finite.
        """
        names, values = _center(center)
        check_kind("Ball: name", name, str, "a string")
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "center", values)
        object.__setattr__(self, "radius", positive_number("Ball: radius", radius))
        object.__setattr__(self, "name", name)

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate."""
        return tuple((c - self.radius, c + self.radius) for c in self.center)

    @property
    def dimension(self) -> int:
        """As many as there are coordinates."""
        return len(self.names)

    @property
    def measure(self) -> float:
        """Its volume."""
        d = len(self.names)
        return float(math.pi ** (d / 2) / math.gamma(d / 2 + 1) * self.radius**d)

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies in it, sphere included, [n] of bool."""
        return self.distance(points) <= _ROUNDING * (self.radius + max(map(abs, self.center)))

    def distance(self, points: Tensor) -> Tensor:
        """Signed distance of points [n, d] from the sphere, negative inside, [n]."""
        offset = plain("points", points, len(self.names)) - self.center
        return torch.from_numpy(np.linalg.norm(offset, axis=1) - self.radius)

    def place(self, unit: Array) -> Points:
        """Points [n, d] in it for those of the unit cube: even ones stay even."""
        radii = self.radius * unit[:, -1:] ** (1 / len(self.names))
        placed = np.asarray(self.center) + radii * directions(unit[:, :-1])
        return Points(torch.from_numpy(placed), region=self)

    def grid(self, *counts: int) -> Points:
        """Points in the middle of cells of equal volume, angles first, [prod(counts), d]."""
        return self.place(_middles(counts, self.dimension, len(self.names)))

    def quadrature(self, n: int) -> Points:
        """2 n^d points with weights, exact for polynomials up to degree 2 n - 1."""
        from scipy.special import roots_jacobi

        check_count("n", n)
        d = len(self.names)
        nodes, radial = roots_jacobi(n, 0, d - 1)  # weight (1 + t)^(d - 1) on (-1, 1)
        radii, radial = (1 + nodes) / 2, radial / 2**d
        sphere, angular = sphere_rule(n, d)
        points = (radii[:, None, None] * sphere).reshape(-1, d)
        weights = np.outer(radial, angular).ravel() * self.radius**d
        placed = np.asarray(self.center) + self.radius * points
        return Points(torch.from_numpy(placed), region=self, weights=torch.from_numpy(weights))

    def __repr__(self) -> str:
        return f"Ball({_shown(self.names, self.center)}, radius={self.radius})"

    def planar(self) -> Planar | None:
        """The disk that it is in two coordinates."""
        if len(self.names) != 2:
            return None
        center = dict(zip(self.names, self.center, strict=True))
        return Disk(radius=self.radius, name=self.name, **center)

    def boundary(self, part: Any = None) -> Any:
        """The sphere around it, or a part of it: by its name, or by a rule on points.

        Raises:
            ValueError: no part of the boundary has the name, or obeys the rule.
        """
        center = dict(zip(self.names, self.center, strict=True))
        sphere = Sphere(radius=self.radius, **center)
        if part is None or part == self.name:
            return sphere
        if isinstance(part, str):
            raise ValueError(f"no part of the boundary is {part!r}: there are {(self.name,)}")
        return obeying(sphere, part)


def directions(unit: Array) -> Array:
    """Points [n, d] of the unit sphere, even by area, for points [n, d - 1] of the unit cube.

    Coordinate by coordinate: the first one of a random direction, mapped to (0, 1), has the
    distribution Beta((d-1)/2, (d-1)/2); what remains is a direction in one dimension less.
    """
    from scipy.special import betaincinv

    n, free = unit.shape
    points, left = np.empty((n, free + 1)), np.ones(n)
    for k in range(free - 1):
        half = (free - k) / 2
        share = betaincinv(half, half, unit[:, k])
        points[:, k] = left * (2 * share - 1)
        left = left * 2 * np.sqrt(share * (1 - share))
    angle = 2 * np.pi * unit[:, -1]
    points[:, -2], points[:, -1] = left * np.cos(angle), left * np.sin(angle)
    return np.asarray(points / np.linalg.norm(points, axis=1)[:, None])


def sphere_rule(n: int, d: int) -> tuple[Array, Array]:
    """Points [2 n^(d-1), d] of the unit sphere and weights: Gauss-Jacobi rules around circles."""
    from scipy.special import roots_jacobi

    angles = 2 * np.pi * (np.arange(2 * n) + 0.5) / (2 * n)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    weights = np.full(2 * n, np.pi / n)
    for k in range(3, d + 1):
        nodes, gauss = roots_jacobi(n, (k - 3) / 2, (k - 3) / 2)
        rest = np.sqrt(1 - nodes**2)
        first = np.repeat(nodes, len(points))[:, None]
        points = np.hstack([first, (rest[:, None, None] * points).reshape(-1, k - 1)])
        weights = np.outer(gauss, weights).ravel()
    return points, weights


def _middles(counts: tuple[int, ...], dimension: int, d: int) -> Array:
    """The middles of regular cells of the unit cube, [n, d]; zeros beyond its dimension."""
    along = counts_along(((0.0, 1.0),) * dimension, counts)
    middles = tensor_product([(np.arange(count) + 0.5) / count for count in along])
    return np.hstack([middles, np.zeros((len(middles), d - dimension))])


def _shown(names: tuple[str, ...], center: tuple[float, ...]) -> str:
    return ", ".join(f"{name}={value}" for name, value in zip(names, center, strict=True))


def _center(center: dict[str, float]) -> tuple[tuple[str, ...], tuple[float, ...]]:
    names = check_names(center)
    if len(names) < 2:
        raise ValueError(f"a ball has two or more coordinates, got {names}")
    return names, tuple(finite_number(name, center[name]) for name in names)
