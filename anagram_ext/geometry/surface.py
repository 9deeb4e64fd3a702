"""Surfaces of triangles in space: their points, normals, distances and insides."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from anagram_ext.checks import check_count
from anagram_ext.geometry.designs import Array, Bounds, Mask
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampled import Sampled, plain

_AT_ONCE: Final = 2048  # points whose nearest triangles are sought in one go
_ROUNDING: Final = 1e-12  # of the size
# A rotation by no special angles about no special axis.
_TURNED: Final = np.linalg.qr([[0.91, 0.37, 0.11], [0.53, -0.29, 0.71], [0.17, 0.83, 0.41]])[0]


@dataclass(frozen=True, eq=False)
class Surface(Sampled):
    """Triangles in space, each with its outward normal.

    Attributes:
        names: of the three coordinates.
        triangles: their corners, [f, 3, 3], counter-clockwise seen from outside.
    """

    names: tuple[str, ...]
    triangles: Array

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate."""
        corners = self.triangles.reshape(-1, 3)
        return tuple(zip(corners.min(axis=0).tolist(), corners.max(axis=0).tolist(), strict=True))

    @property
    def dimension(self) -> int:
        """2."""
        return 2

    @cached_property
    def measure(self) -> float:
        """The area."""
        return math.fsum(self._areas)

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, 3] lies on it, up to rounding, [n] of bool."""
        size = max(max(abs(lower), abs(upper)) for lower, upper in self.bounds)
        return self.distance(points) <= _ROUNDING * size

    def distance(self, points: Tensor) -> Tensor:
        """Distance of points [n, 3] from it, [n]."""
        places = plain("points", points, 3)
        return torch.from_numpy(np.linalg.norm(places - self._feet(places)[0], axis=1))

    def nearest(self, points: Tensor) -> Points:
        """The points on it next to points [n, 3], with their normals."""
        feet, triangle = self._feet(plain("points", points, 3))
        return self._points(feet, triangle)

    def place(self, unit: Array) -> Points:
        """Points [n, 3], even by area, for the first two coordinates of those of the unit cube."""
        ends = np.cumsum(self._areas)
        target = unit[:, 0] * ends[-1]
        chosen = np.minimum(np.searchsorted(ends, target, side="right"), len(ends) - 1)
        along = np.clip((target - ends[chosen]) / self._areas[chosen] + 1, 0, 1)
        root = np.sqrt(along)  # from the square to a triangle, areas kept
        shares = np.stack([1 - root, root * (1 - unit[:, 1]), root * unit[:, 1]], axis=1)
        return self._points(np.einsum("nk,nkd->nd", shares, self.triangles[chosen]), chosen)

    def grid(self, n: int) -> Points:
        """``n`` points spread evenly by area, the same at every call."""
        check_count("n", n)
        golden = (math.sqrt(5) - 1) / 2
        k = np.arange(n) + 0.5
        return self.place(np.stack([k / n, np.mod(k * golden, 1), np.zeros(n)], axis=1))

    def quadrature(self, n: int) -> Points:
        """n^2 Gauss points on each triangle with weights: sums of weight x value are integrals."""
        check_count("n", n)
        nodes, gauss = np.polynomial.legendre.leggauss(n)
        s, ds = (1 + nodes) / 2, gauss / 2
        u, v = np.repeat(s, n), np.tile(s, n)
        shares = np.stack([1 - u, u * (1 - v), u * v], axis=1)  # collapsed square, factor 2 u
        weights = np.outer(self._areas, 2 * u * np.repeat(ds, n) * np.tile(ds, n))
        placed = np.einsum("qk,fkd->fqd", shares, self.triangles).reshape(-1, 3)
        points = self._points(placed, np.repeat(np.arange(len(self.triangles)), n * n))
        return Points(points, self, points.normals, torch.from_numpy(weights.ravel()))

    def boundary(self, part: Any = None) -> Any:
        """The boundary of a domain.

        Raises:
            ValueError: always, for this is a boundary already.
        """
        raise ValueError(f"boundary must be that of a solid, got {self!r}, part {part!r}")

    def encloses(self, points: Array) -> Mask:
        """Whether a closed one has points [n, 3] inside, [n]: rays cross it an odd number of times.

        The rays go in a direction of no importance, in which no edge and no triangle lies.
        """
        turned = points @ _TURNED.T
        order = np.argsort(turned[:, 0])
        x, y, z = turned[order].T
        odd = np.zeros(len(points), dtype=bool)
        triangles = self.triangles @ _TURNED.T
        starts = np.searchsorted(x, triangles[:, :, 0].min(axis=1))
        ends = np.searchsorted(x, triangles[:, :, 0].max(axis=1))
        for (a, b, c), start, end in zip(triangles, starts, ends, strict=True):
            if start == end:
                continue
            rows = slice(start, end)
            px, py = x[rows] - a[0], y[rows] - a[1]
            (ux, uy, uz), (vx, vy, vz) = b - a, c - a
            area = ux * vy - uy * vx
            s, t = (px * vy - py * vx) / area, (ux * py - uy * px) / area
            above = a[2] + s * uz + t * vz > z[rows]
            odd[rows] ^= (s >= 0) & (t >= 0) & (s + t <= 1) & above
        inside = np.empty(len(points), dtype=bool)
        inside[order] = odd
        return inside

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.names)}; {len(self.triangles)} triangles)"

    @cached_property
    def _crosses(self) -> Array:
        a, b, c = np.moveaxis(self.triangles, 1, 0)
        return np.asarray(np.cross(b - a, c - a))

    @cached_property
    def _areas(self) -> Array:
        return np.asarray(np.linalg.norm(self._crosses, axis=1) / 2)

    def _points(self, placed: Array, triangle: npt.NDArray[np.intp]) -> Points:
        normals = self._crosses[triangle] / (2 * self._areas[triangle])[:, None]
        return Points(torch.from_numpy(placed), region=self, normals=torch.from_numpy(normals))

    @cached_property
    def _tree(self) -> tuple[Any, float]:
        """The centers of the triangles for searching, and how far triangles reach from them."""
        from scipy.spatial import cKDTree

        centers = self.triangles.mean(axis=1)
        reach = np.linalg.norm(self.triangles - centers[:, None], axis=2).max()
        return cKDTree(centers), float(reach)

    def _feet(self, points: Array) -> tuple[Array, npt.NDArray[np.intp]]:
        """The nearest point of the surface to each of the points [n, 3], and its triangle [n].

        A triangle further away than the nearest center by more than its reach is none of them.
        """
        tree, reach = self._tree
        feet, nearest = np.empty_like(points), np.empty(len(points), dtype=np.intp)
        for start in range(0, len(points), _AT_ONCE):
            some = points[start : start + _AT_ONCE]
            upper, _ = tree.query(some)
            near = tree.query_ball_point(some, upper * (1 + 1e-12) + reach)
            counts = np.array([len(triangles) for triangles in near])
            triangle = np.concatenate([np.asarray(t, dtype=np.intp) for t in near])
            row = np.repeat(np.arange(len(some)), counts)
            found = _feet(some[row], self.triangles[triangle], self._crosses[triangle])
            apart = np.linalg.norm(found - some[row], axis=1)
            # The first of each row after sorting by row, then by distance.
            order = np.lexsort((apart, row))[np.concatenate([[0], np.cumsum(counts)[:-1]])]
            feet[start : start + _AT_ONCE] = found[order]
            nearest[start : start + _AT_ONCE] = triangle[order]
        return feet, nearest


def _feet(points: Array, triangles: Array, crosses: Array) -> Array:
    """The point of triangle i [p, 3, 3], with the normal i [p, 3], next to point i [p, 3]."""
    heights = _dot(points - triangles[:, 0], crosses) / _dot(crosses, crosses)
    best = points - heights[:, None] * crosses  # on the plane
    inside = np.ones(len(points), dtype=bool)
    apart, edge_feet = np.full(len(points), np.inf), np.empty_like(best)
    for k in range(3):
        a, edge = triangles[:, k], triangles[:, (k + 1) % 3] - triangles[:, k]
        inside &= _dot(best - a, np.cross(crosses, edge)) >= 0
        s = np.clip(_dot(points - a, edge) / _dot(edge, edge), 0, 1)
        foot = a + s[:, None] * edge
        distance = np.linalg.norm(foot - points, axis=1)
        nearer = distance < apart
        apart = np.where(nearer, distance, apart)
        edge_feet[nearer] = foot[nearer]
    return np.where(inside[:, None], best, edge_feet)


def _dot(a: Array, b: Array) -> Array:
    return np.asarray(np.einsum("pd,pd->p", a, b))
