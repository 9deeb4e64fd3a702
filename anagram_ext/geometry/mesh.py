"""Solids bounded by triangles: STL, OBJ, PLY and what else trimesh reads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from anagram_ext.checks import check_kind, check_names, check_path, strings
from anagram_ext.errors import BackendUnavailable
from anagram_ext.geometry.algebra import Bounding, Solid
from anagram_ext.geometry.designs import Array, Bounds, array_of
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampled import Sampled, plain
from anagram_ext.geometry.subset import Subset, obeying
from anagram_ext.geometry.surface import Surface

_ASIDE: Final = 1e-10  # of the size: what is as near as this to the surface lies on it
# To the corners of a tetrahedron: every half space of directions holds one of them.
_WAYS: Final = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / math.sqrt(3)


@dataclass(frozen=True, eq=False)
class Mesh(Sampled, Solid):
    """The solid inside of a closed surface of triangles.

    Read from a file by ``Mesh.from_file("part.stl")``. Needs the extra ``geometry``
    (trimesh). A point is inside where a ray from it crosses the surface an odd number
    of times.

    Attributes:
        surface: its boundary.
        name: of its boundary, for ``boundary``.
    """

    surface: Surface
    name: str = "mesh"

    def __init__(
        self,
        vertices: object,
        faces: object,
        names: tuple[str, str, str] = ("x", "y", "z"),
        *,
        name: str = "mesh",
    ) -> None:
        """Checks and stores the triangles.

        Args:
            vertices: [v, 3].
            faces: three vertices for each triangle, [f, 3].
            names: of the three coordinates.
            name: of its boundary, for ``boundary``.

        Raises:
            BackendUnavailable: without trimesh.
            TypeError: vertices or faces that are no numbers.
            ValueError: triangles that do not close or name vertices that are not there, or names
                other than three.
        """
        check_kind("Mesh: name", name, str, "a string")
        checked = check_names(strings("Mesh: names", names, "three coordinates"))
        if len(checked) != 3:
            raise ValueError(f"Mesh: names must be three coordinates, got {checked}")
        body = _trimesh().Trimesh(*_triangles(vertices, faces), process=True)
        if not body.is_watertight:
            raise ValueError("Mesh: triangles must enclose a volume without gaps, and do not")
        if body.volume < 0:
            body.invert()
        triangles = np.array(body.triangles, dtype=np.float64)
        object.__setattr__(self, "surface", Surface(checked, triangles))
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "_body", body)

    @classmethod
    def from_file(
        cls, path: str | Path, names: tuple[str, str, str] = ("x", "y", "z"), *, name: str = "mesh"
    ) -> Mesh:
        """Reads STL, OBJ, PLY, OFF, 3MF or another format of trimesh.

        Raises:
            BackendUnavailable: without trimesh.
            ValueError: no file of triangles that enclose a volume.
        """
        check_path("Mesh.from_file: path", path)
        trimesh = _trimesh()
        if not Path(path).is_file():
            raise ValueError(f"Mesh.from_file: path must be a file, got {str(path)!r}")
        try:
            body = trimesh.load_mesh(path)
        except Exception as error:  # whatever its readers raise
            raise ValueError(
                f"Mesh.from_file: path must be a file of triangles, got {str(path)!r}: {error}"
            ) from error
        return cls(body.vertices, body.faces, names, name=name)

    @property
    def names(self) -> tuple[str, ...]:
        """The coordinate names."""
        return self.surface.names

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate."""
        return self.surface.bounds

    @property
    def dimension(self) -> int:
        """3."""
        return 3

    @cached_property
    def measure(self) -> float:
        """The volume, from the triangles."""
        a, b, c = np.moveaxis(self.surface.triangles - self.surface.triangles[0, 0], 1, 0)
        return float(np.einsum("fd,fd->", a, np.cross(b, c)) / 6)

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, 3] lies in it, surface included, [n] of bool."""
        places = plain("points", points, 3)
        inside = self.surface.encloses(places)
        size = max(max(abs(lower), abs(upper)) for lower, upper in self.bounds)
        for way in _WAYS:  # from a point on the surface one of them leads inside
            others = np.flatnonzero(~inside)
            inside[others] = self.surface.encloses(places[others] + _ASIDE * size * way)
        return torch.from_numpy(inside)

    def interior(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, 3] lies inside, [n] of bool; on the surface either."""
        return torch.from_numpy(self.surface.encloses(plain("points", points, 3)))

    def distance(self, points: Tensor) -> Tensor:
        """Signed distance of points [n, 3] from the surface, negative inside, [n]."""
        apart = self.surface.distance(points)
        inside = self.interior(points)
        return torch.where(inside, -apart, apart)

    def place(self, unit: Array) -> Points:
        """Points [n, 3] in it for those of the unit cube: where one is outside, a further one."""
        return self._own(self._inside.place(unit))

    def sobol(self, n: int) -> Any:
        """The first ``n`` points in it of a scrambled Sobol sequence in the bounding box."""
        sampler = self._inside.sobol(n)
        return type(sampler)(n, lambda seed: self._own(sampler.draw(seed)), region=self)

    def grid(self, *counts: int) -> Points:
        """Those points of an equispaced grid of the bounding box that lie in it."""
        return self._own(self._inside.grid(*counts))

    def quadrature(self, n: int) -> Points:
        """n^3 quasi-random points of equal weight: sums are integrals to a few digits."""
        points = self._own(self._inside.quadrature(n))
        weights = torch.full((len(points),), self.measure / len(points), dtype=torch.float64)
        return Points(points, self, weights=weights)

    def boundary(self, part: Any = None) -> Any:
        """The surface, or a part of it: by its name, or by a rule on points and normals.

        Raises:
            ValueError: no part of the boundary has the name, or obeys the rule.
        """
        if part is None or part == self.name:
            return self.surface
        if isinstance(part, str):
            raise ValueError(f"no part of the boundary is {part!r}: there are {(self.name,)}")
        return obeying(self.surface, part)

    def __repr__(self) -> str:
        return f"Mesh({', '.join(self.names)}; {len(self.surface.triangles)} triangles)"

    @cached_property
    def _inside(self) -> Subset:
        box: Any = Bounding(self.names, self.bounds)
        return Subset(box, lambda points: self.surface.encloses(points.numpy()))

    def _own(self, points: Tensor) -> Points:
        return Points(points, region=self)


def _triangles(vertices: object, faces: object) -> tuple[Array, npt.NDArray[np.int64]]:
    """Vertices [v, 3] and the indices [f, 3] of those of each triangle, checked."""
    corners, indices = array_of("Mesh: vertices", vertices), array_of("Mesh: faces", faces)
    for what, found in (("vertices", corners), ("faces", indices)):
        if found.ndim != 2 or found.shape[1] != 3 or not len(found):
            raise ValueError(f"Mesh: {what} must be an array [n, 3], got {list(found.shape)}")
    if not np.isfinite(corners).all():
        raise ValueError(f"Mesh: vertices must be finite, got {vertices!r}")
    if not ((indices >= 0) & (indices < len(corners)) & (indices == np.floor(indices))).all():
        raise ValueError(
            f"Mesh: faces must be indices of {len(corners)} vertices, from 0, got {faces!r}"
        )
    return corners, indices.astype(np.int64)


def _trimesh() -> Any:
    try:
        import trimesh
    except ImportError as error:
        raise BackendUnavailable(
            "solids of triangles need trimesh: pip install 'anagram_ext[geometry]'"
        ) from error
    return trimesh
