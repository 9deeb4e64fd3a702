"""Shapes read from mesh files, and functions on regions written for ParaView, by meshio."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from anagram_ext.checks import check_count, check_kind, check_names, check_path, strings
from anagram_ext.errors import BackendUnavailable
from anagram_ext.geometry.cells import Cell
from anagram_ext.geometry.designs import Array, tensor_product
from anagram_ext.geometry.mesh import Mesh
from anagram_ext.geometry.planar import Planar, as_planar
from anagram_ext.geometry.points import check_region
from anagram_ext.geometry.product import Product
from anagram_ext.geometry.shapes import Polygon, signed_area

Corners = npt.NDArray[np.intp]  # the corners of each element, [e, corners]

# Corners of a cube in the order of VTK: around the bottom, then around the top.
_AROUND: Final = ((0, 0), (1, 0), (1, 1), (0, 1))
_CUBE: Final = tuple((i, j, k) for k in (0, 1) for i, j in _AROUND)
_TETRAHEDRON: Final = ((0, 2, 1), (0, 1, 3), (1, 2, 3), (0, 3, 2))  # its sides, seen from outside
_LEAST: Final = 8  # elements across a cell next to an arc


def read_shape(
    path: str | Path, names: tuple[str, ...] = ("x", "y"), *, name: str = "mesh"
) -> Planar | Mesh:
    """The shape that a mesh fills: Gmsh, VTK, VTU, Abaqus and what else meshio reads.

    Args:
        path: of a mesh of triangles or quadrilaterals in the plane, or of tetrahedra in space.
        names: two coordinates for the former, three for the latter.
        name: of its boundary, for ``boundary``.

    Returns:
        A polygon with its holes, or a solid.

    Raises:
        BackendUnavailable: without meshio.
        ValueError: no such file, or no such elements in it.
    """
    check_path("read_shape: path", path)
    names = check_names(strings("read_shape: names", names, "two or three coordinates"))
    if not Path(path).is_file():
        raise ValueError(f"read_shape: path must be a file, got {str(path)!r}")
    meshio = _meshio()
    try:
        mesh = meshio.read(path)
    except (Exception, SystemExit) as error:  # whatever its readers do
        raise ValueError(
            f"read_shape: path must be a mesh that meshio reads, got {str(path)!r}: {error}"
        ) from error
    if len(names) == 3:
        faces = _outer(_elements(mesh, path, {"tetra": _TETRAHEDRON}))
        return Mesh(mesh.points, faces, (names[0], names[1], names[2]), name=name)
    if len(names) != 2:
        raise ValueError(f"read_shape: names must be two or three coordinates, got {names}")
    around = {"triangle": ((0, 1), (1, 2), (2, 0)), "quad": ((0, 1), (1, 2), (2, 3), (3, 0))}
    edges = _outer(_elements(mesh, path, around))
    rings = [mesh.points[ring, :2] for ring in _rings(edges)]
    rings.sort(key=lambda ring: -abs(signed_area(ring)))
    shape: Planar = Polygon(rings[0], (names[0], names[1]), name=name)
    for ring in rings[1:]:
        other = Polygon(ring, (names[0], names[1]), name=name)
        inside = bool(shape.contains(torch.from_numpy(ring[:1].astype(np.float64))))
        shape = shape - other if inside else shape | other
    return shape


def from_shapely(
    geometry: Any, names: tuple[str, str] = ("x", "y"), *, name: str = "polygon"
) -> Planar:
    """The shape that a polygon of shapely is, with its holes, or several of them.

    Args:
        geometry: a ``shapely.Polygon`` or ``shapely.MultiPolygon``.
        names: of the two coordinates.
        name: of its boundary, for ``boundary``; its edges count from 0 in each ring.

    Raises:
        TypeError: it is something else.
        ValueError: it is empty.
    """
    kind = getattr(geometry, "geom_type", None)
    if kind not in {"Polygon", "MultiPolygon"}:
        raise TypeError(f"geometry must be a polygon of shapely, got {geometry!r}")
    parts = [geometry] if kind == "Polygon" else list(geometry.geoms)
    shape: Planar | None = None
    for part in parts:
        if part.is_empty:
            continue
        outer: Planar = Polygon(_ring(part.exterior), names, name=name)
        for hole in part.interiors:
            outer = outer - Polygon(_ring(hole), names, name=name)
        shape = outer if shape is None else shape | outer
    if shape is None:
        raise ValueError("geometry must have an area, got an empty one")
    return shape


def _ring(ring: Any) -> Array:
    return np.asarray(ring.coords, dtype=np.float64)[:, :2]


def write_vtu(
    path: str | Path, region: Any, functions: Mapping[str, Callable[[Tensor], Tensor]], n: int = 60
) -> None:
    """Writes functions on a region for ParaView.

    In the plane, in boxes and in products of an interval with a shape the elements fill the region;
    other solids consist of those cubes of a grid that lie in them.

    Args:
        path: file to write, its name ending in ``.vtu`` or another that meshio knows.
        region: of full dimension, in one to three coordinates.
        functions: by name; each maps points [k, d] to values [k], as in
            ``{"u": lambda x: run.model(run.theta, x)[:, 0]}``.
        n: elements along the longest side.

    Raises:
        BackendUnavailable: without meshio.
        ValueError: a boundary, or a region in more coordinates.
    """
    check_count("n", n)
    check_path("path", path)
    check_region("region", region)
    check_kind("functions", functions, Mapping, "a mapping from names to functions")
    for name, function in functions.items():
        if not callable(function):
            raise TypeError(f"functions: {name!r} must be a function, got {function!r}")
    points, kind, corners = elements(region, n)
    places = torch.from_numpy(points)
    values = {
        name: np.asarray(function(places).detach().cpu(), dtype=np.float64)
        for name, function in functions.items()
    }
    in_space = np.zeros((len(points), 3))  # what VTK expects
    in_space[:, : points.shape[1]] = points
    _meshio().Mesh(in_space, [(kind, corners)], point_data=values).write(path)


def elements(region: Any, n: int) -> tuple[Array, str, Corners]:
    """A mesh of a region: nodes [v, d], what its elements are called, and their corners."""
    d = len(region.names)
    if region.dimension != d or d > 3:
        raise ValueError(
            f"region must be of full dimension in up to three coordinates, got {region!r}"
        )
    extent = max(upper - lower for lower, upper in region.bounds)
    planar = as_planar(region)
    if d == 1:
        ((lower, upper),) = region.bounds
        return np.linspace(lower, upper, n + 1)[:, None], "line", _lines(n)
    if planar is not None:
        nodes, quads = _quads(planar.cells, extent / n)
        return nodes, "quad", quads
    if isinstance(region, Product) and len(region.first.names) == 1:
        base = as_planar(region.second)
        if base is not None:
            ((lower, upper),) = region.first.bounds
            return _extruded(*_quads(base.cells, extent / n), lower, upper, extent / n)
    return _cubes(region, extent / n)


def _lines(n: int) -> Corners:
    return np.stack([np.arange(n), np.arange(1, n + 1)], axis=1)


def _quads(cells: tuple[Cell, ...], size: float) -> tuple[Array, Corners]:
    """Quadrilaterals of about one size in each cell: nodes [v, 2], corners [e, 4]."""
    nodes: list[Array] = []
    corners: list[Corners] = []
    known = 0
    for cell in cells:
        width = cell.right - cell.left
        least = _LEAST if cell.is_curved else 1
        s = np.linspace(0, 1, max(least, round(width / size)) + 1)
        # Next to arcs denser towards both ends, where these may turn upright.
        x = cell.left + width * (np.sin(s * np.pi / 2) ** 2 if cell.is_curved else s)
        below, above = cell.lower.height(x), cell.upper.height(x)
        up = max(1, round(float((above - below).max()) / size))
        y = below[:, None] + (above - below)[:, None] * np.linspace(0, 1, up + 1)
        nodes.append(np.stack([np.repeat(x, up + 1), y.ravel()], axis=1))
        index = known + np.arange(y.size).reshape(y.shape)
        around = (index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:])
        corners.append(np.stack([i.ravel() for i in around], axis=1))
        known += index.size
    return np.concatenate(nodes), np.concatenate(corners)


def _extruded(
    nodes: Array, quads: Corners, lower: float, upper: float, size: float
) -> tuple[Array, str, Corners]:
    """Layers of quadrilaterals, joined to hexahedra; the new coordinate comes first."""
    layers = max(1, round((upper - lower) / size))
    heights = np.repeat(np.linspace(lower, upper, layers + 1), len(nodes))
    points = np.column_stack([heights, np.tile(nodes, (layers + 1, 1))])
    shifts = len(nodes) * np.arange(layers)[:, None, None]
    corners = np.concatenate([quads + shifts, quads + shifts + len(nodes)], axis=2)
    return points, "hexahedron", corners.reshape(-1, 8)


def _cubes(region: Any, size: float) -> tuple[Array, str, Corners]:
    """The cubes of a grid of the bounding box all of whose corners lie in the region."""
    counts = [max(1, round((upper - lower) / size)) for lower, upper in region.bounds]
    ticks = [
        np.linspace(lower, upper, count + 1)
        for (lower, upper), count in zip(region.bounds, counts, strict=True)
    ]
    points = tensor_product(ticks)
    inside = region.contains(torch.from_numpy(points)).numpy()
    index = np.arange(len(points)).reshape([count + 1 for count in counts])
    nx, ny, nz = counts
    around = [index[i : i + nx, j : j + ny, k : k + nz].ravel() for i, j, k in _CUBE]
    corners = np.stack(around, axis=1)
    corners = corners[inside[corners].all(axis=1)]
    used, renumbered = np.unique(corners, return_inverse=True)
    return points[used], "hexahedron", renumbered.reshape(corners.shape)


def _elements(mesh: Any, path: object, sides: Mapping[str, tuple[tuple[int, ...], ...]]) -> Corners:
    """The sides [s, corners] of all elements of the kinds given."""
    found = [
        block.data[:, side]
        for block in mesh.cells
        if block.type in sides
        for side in sides[block.type]
    ]
    if not found:
        kinds = sorted({block.type for block in mesh.cells})
        raise ValueError(f"read_shape: {path} must hold {' or '.join(sides)} elements, got {kinds}")
    return np.concatenate(found).astype(np.intp)


def _outer(sides: Corners) -> Corners:
    """Those sides [s, corners] that belong to one element only."""
    _, first, counts = np.unique(
        np.sort(sides, axis=1), axis=0, return_index=True, return_counts=True
    )
    return np.asarray(sides[np.sort(first[counts == 1])])


def _rings(edges: Corners) -> list[list[int]]:
    """The closed ways that edges [e, 2] make, each as its nodes."""
    neighbours: dict[int, list[int]] = {}
    for a, b in edges.tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    if any(len(others) != 2 for others in neighbours.values()):
        raise ValueError("read_shape: the boundary of the mesh must not touch itself, and does")
    rings: list[list[int]] = []
    left = set(neighbours)
    while left:
        ring = [min(left)]
        left.discard(ring[0])
        for _ in itertools.count():
            following = [node for node in neighbours[ring[-1]] if node in left]
            if not following:
                break
            ring.append(following[0])
            left.discard(following[0])
        rings.append(ring)
    return rings


def _meshio() -> Any:
    try:
        import meshio
    except ImportError as error:
        raise BackendUnavailable(
            "mesh files need meshio: pip install 'anagram_ext[geometry]'"
        ) from error
    return meshio
