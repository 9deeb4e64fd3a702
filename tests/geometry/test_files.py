"""Meshes that come from files, and files for ParaView, read back by meshio."""

from __future__ import annotations

import math
import sys

import meshio
import numpy as np
import pytest
import shapely
import torch

import anagram_ext as ax

PLATE = ax.Rectangle(x=(0, 2), y=(0, 1)) - ax.Disk(x=0.5, y=0.5, radius=0.2, name="hole")
CUBE = ax.Box(x=(0, 1), y=(0, 1), z=(0, 1))


def size(mesh: meshio.Mesh) -> float:
    """Length, area or volume of all elements, by tetrahedra around their middles."""
    total = 0.0
    for block in mesh.cells:
        for corners in mesh.points[block.data]:
            if block.type == "line":
                total += float(np.linalg.norm(corners[1] - corners[0]))
            elif block.type == "quad":
                x, y = corners[:, 0], corners[:, 1]
                total += abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
            else:
                middle = corners.mean(axis=0)
                sides = ((0, 1, 5, 4), (1, 2, 6, 5), (2, 3, 7, 6), (3, 0, 4, 7))
                faces = ((0, 1, 2, 3), (4, 5, 6, 7), *sides)
                for a, b, c, d in faces:
                    for i, j, k in ((a, b, c), (a, c, d)):
                        rows = corners[[i, j, k]] - middle
                        total += abs(float(np.linalg.det(rows))) / 6
    return total


@pytest.mark.parametrize(
    ("region", "tolerance"),
    [
        (ax.Interval(x=(1, 4)), 1e-12),
        (PLATE, 5e-3),
        (ax.Box(x=(0, 1), y=(0, 2)), 1e-12),
        (CUBE, 1e-9),
        (ax.Interval(t=(0, 3)) * PLATE, 5e-3),
        (CUBE - ax.Ball(x=0, y=0, z=0, radius=0.5), 0.05),  # cubes that lie in it
    ],
    ids=repr,
)
def test_elements_fill_the_region_and_carry_the_values(region, tolerance, tmp_path):
    functions = {"first": lambda x: x[:, 0], "square": lambda x: (x**2).sum(dim=1)}
    ax.write_vtu(tmp_path / "out.vtu", region, functions, n=20)
    mesh = meshio.read(tmp_path / "out.vtu")
    assert size(mesh) == pytest.approx(region.measure, rel=tolerance)
    np.testing.assert_allclose(mesh.point_data["first"], mesh.points[:, 0])
    np.testing.assert_allclose(mesh.point_data["square"], (mesh.points**2).sum(axis=1))
    inside = torch.from_numpy(mesh.points[:, : len(region.names)])
    assert bool(region.contains(inside).all())


def test_a_plane_mesh_becomes_a_polygon_with_its_hole(tmp_path):
    """An annulus of quadrilaterals."""
    n = 60
    angle = np.arange(n) * 2 * np.pi / n
    ring = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    inner, outer = np.arange(n), n + np.arange(n)
    quads = np.stack([inner, outer, np.roll(outer, -1), np.roll(inner, -1)], axis=1)
    meshio.Mesh(np.concatenate([ring, 2 * ring]), [("quad", quads)]).write(tmp_path / "ring.vtu")
    shape = ax.read_shape(tmp_path / "ring.vtu", names=("a", "b"), name="ring")
    assert shape.names == ("a", "b")
    assert shape.measure == pytest.approx(3 * n / 2 * math.sin(2 * math.pi / n), rel=1e-12)
    assert shape.boundary("ring").measure == pytest.approx(6 * n * math.sin(math.pi / n), rel=1e-12)
    points = shape.boundary().sobol(50)(0)
    radius = points.norm(dim=1)
    outwards = (points * points.normals).sum(dim=1) > 0
    assert torch.equal(outwards, radius > 1.5)


def test_a_mesh_of_tetrahedra_becomes_a_solid(tmp_path):
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1.0]])
    meshio.Mesh(corners, [("tetra", [[0, 1, 2, 3], [1, 2, 3, 4]])]).write(tmp_path / "two.vtu")
    solid = ax.read_shape(tmp_path / "two.vtu", names=("x", "y", "z"))
    assert solid.measure == pytest.approx(1 / 6 + 1 / 3, rel=1e-12)
    assert len(solid.surface.triangles) == 6


def test_polygons_of_shapely_with_holes_and_in_parts():
    ring = shapely.Point(0, 0).buffer(2) - shapely.Point(0, 0).buffer(1)
    both = ring | shapely.box(5, 0, 6, 1)
    shape = ax.from_shapely(both, names=("a", "b"), name="land")
    assert shape.names == ("a", "b")
    assert shape.measure == pytest.approx(both.area, rel=1e-12)
    assert shape.boundary("land").measure == pytest.approx(both.length, rel=1e-12)
    with pytest.raises(TypeError, match="geometry must be a polygon of shapely"):
        ax.from_shapely(shapely.Point(0, 0))
    with pytest.raises(ValueError, match="geometry must have an area"):
        ax.from_shapely(shapely.Polygon())


def test_nonsense(tmp_path, monkeypatch):
    meshio.Mesh(np.eye(3), [("line", [[0, 1]])]).write(tmp_path / "line.vtu")
    with pytest.raises(ValueError, match=r"must hold triangle or quad elements, got \['line'\]"):
        ax.read_shape(tmp_path / "line.vtu")
    with pytest.raises(ValueError, match=r"path must be a file, got 'missing\.msh'"):
        ax.read_shape("missing.msh")
    with pytest.raises(ValueError, match="names must be two or three coordinates"):
        ax.read_shape(tmp_path / "line.vtu", names=("x",))
    with pytest.raises(ValueError, match="region must be of full dimension"):
        ax.write_vtu(tmp_path / "out.vtu", PLATE.boundary(), {})
    with pytest.raises(TypeError, match="functions must be a mapping"):
        ax.write_vtu(tmp_path / "out.vtu", PLATE, [])
    monkeypatch.setitem(sys.modules, "meshio", None)
    with pytest.raises(ax.BackendUnavailable, match=r"pip install 'anagram_ext\[geometry\]'"):
        ax.read_shape(tmp_path / "line.vtu")
