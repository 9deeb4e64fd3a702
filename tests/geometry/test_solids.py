"""Balls, set operations in space, and solids of triangles."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch
import trimesh

import anagram_ext as ax
from conformance import check_region

CUBE = ax.Box(x=(0, 1), y=(0, 1), z=(0, 1))
INNER = ax.Ball(x=0.3, y=0.3, z=0.3, radius=0.2, name="inner")
HALF = ax.Ball(x=1, y=0.5, z=0.5, radius=0.25, name="half")  # half of it outside of the cube
BALL_5 = ax.Ball(a=0, b=1, c=0, d=-2, e=0, radius=1.5)


def annulus() -> ax.Mesh:
    body = trimesh.creation.annulus(0.5, 1.0, 2.0)
    return ax.Mesh(body.vertices, body.faces, name="ring")


@pytest.mark.parametrize(
    "region",
    [
        ax.Ball(x=0, y=1, radius=0.5),
        INNER,
        BALL_5,
        CUBE - INNER,
        CUBE - INNER - HALF,
        CUBE & HALF,
        CUBE - ax.Box(x=(0.5, 1), y=(0.5, 1), z=(0.5, 1)),
        INNER | HALF,
        annulus(),
    ],
    ids=repr,
)
def test_conformance(region):
    check_region(region)


@pytest.mark.parametrize("d", range(2, 8))
def test_volumes_and_areas_of_balls(d):
    center = {f"x{k}": float(k) for k in range(d)}
    ball = ax.Ball(radius=1.5, **center)
    volumes = {2: math.pi, 3: 4 * math.pi / 3, 4: math.pi**2 / 2, 5: 8 * math.pi**2 / 15}
    if d in volumes:
        assert ball.measure == pytest.approx(volumes[d] * 1.5**d, rel=1e-14)
    assert ball.boundary().measure == pytest.approx(d * ball.measure / 1.5, rel=1e-14)
    assert ball.boundary() == ax.Sphere(radius=1.5, **center)
    points = ball.boundary().sobol(300)(1)
    offset = points - torch.arange(d, dtype=torch.float64)
    torch.testing.assert_close(
        offset.norm(dim=1), torch.full((300,), 1.5).double(), rtol=1e-14, atol=0
    )
    torch.testing.assert_close(points.normals, offset / 1.5, rtol=0, atol=1e-14)


@pytest.mark.parametrize("design", ["uniform", "sobol", "latin_hypercube"])
def test_moments_of_points_in_and_on_a_ball(design):
    """E x_i^2 is r^2 / (d + 2) inside and r^2 / d on the sphere, in every direction."""
    n = 20000
    for region, moment in ((BALL_5, 1.5**2 / 7), (BALL_5.boundary(), 1.5**2 / 5)):
        points = getattr(region, design)(n)(2) - torch.tensor([0, 1, 0, -2, 0])
        covariance = (points.T @ points / n).numpy()
        np.testing.assert_allclose(covariance, moment * np.eye(5), atol=5 * moment / math.sqrt(n))
        assert float(points.mean(dim=0).abs().max()) < 5 * math.sqrt(moment / n)


def test_quadrature_on_balls_is_exact_for_polynomials():
    inside, sphere = BALL_5.quadrature(5), BALL_5.boundary().quadrature(5)
    for points, exact in (
        (inside, BALL_5.measure * 1.5**4 / (7 * 9)),  # E x^2 y^2 = r^4 / ((d+2)(d+4))
        (sphere, BALL_5.boundary().measure * 1.5**4 / (5 * 7)),  # r^4 / (d (d+2))
    ):
        a, e = points[:, 0], points[:, 4]
        assert float(points.weights @ (a**2 * e**2)) == pytest.approx(exact, rel=1e-12)
        assert float(points.weights @ (a * e**3)) == pytest.approx(0, abs=1e-12)


def test_a_cube_with_holes():
    two = CUBE - INNER - ax.Ball(x=0.7, y=0.7, z=0.7, radius=0.2, name="outer")
    hole = 4 * math.pi / 3 * 0.008
    assert two.measure == pytest.approx(1 - 2 * hole, rel=1e-14)
    assert two.boundary().measure == pytest.approx(6 + 8 * math.pi * 0.04, rel=1e-14)
    points = two.boundary("outer").sobol(100)(0)
    offset = points - 0.7
    torch.testing.assert_close(points.normals, -offset / 0.2, rtol=0, atol=1e-13)
    bitten = CUBE - HALF
    assert bitten.measure == pytest.approx(1 - 2 * math.pi / 3 * 0.25**3, rel=1e-3)
    assert bitten.boundary("half").measure == pytest.approx(2 * math.pi * 0.25**2, rel=1e-3)
    assert bitten.boundary("box").measure == pytest.approx(6 - math.pi * 0.25**2, rel=1e-3)
    assert bool((bitten.boundary("half").uniform(99)(3)[:, 0] < 1).all())


@pytest.mark.parametrize("design", ["uniform", "sobol", "latin_hypercube"])
def test_exact_numbers_the_same_for_the_same_seed(design):
    for shape in (CUBE - INNER - HALF, annulus()):
        for region in (shape, shape.boundary()):
            sampler = getattr(region, design)(123)
            points = sampler(5)
            assert points.shape == (123, 3)
            assert points.region is region
            assert torch.equal(points, sampler(5))
            assert not torch.equal(points, sampler(6))
            assert len(set(map(tuple, points.tolist()))) == 123
            again = sampler.redrawn().adaptive(40)(5)
            assert (again.normals is None) == (region is shape)


def test_parts_of_a_sphere_by_rule():
    cap = INNER.boundary(lambda x: x.z > 0.4)
    assert cap.measure == pytest.approx(2 * math.pi * 0.2 * 0.1, rel=1e-3)
    assert bool((cap.sobol(50)(0)[:, 2] > 0.4).all())
    down = (CUBE - INNER).boundary(lambda x: x.normal.z < -0.99)
    assert down.measure == pytest.approx(1 + 2 * math.pi * 0.04 * 0.01, rel=1e-3)


def test_a_solid_from_a_file(tmp_path):
    body = trimesh.creation.icosphere(subdivisions=3, radius=2.0)
    body.export(tmp_path / "ball.stl")
    solid = ax.Mesh.from_file(tmp_path / "ball.stl", names=("a", "b", "c"), name="skin")
    assert solid.names == ("a", "b", "c")
    assert solid.measure == pytest.approx(body.volume, rel=1e-6)  # the file is in float32
    assert solid.boundary("skin").measure == pytest.approx(body.area, rel=1e-6)
    points = solid.boundary().uniform(300)(0)
    assert float((points.normals * points).sum(dim=1).min()) > 1.9
    inside = solid.uniform(300)(0)
    signed = solid.distance(inside)
    # As far as from the sphere that the triangles approximate.
    assert float((signed - (inside.norm(dim=1) - 2)).abs().max()) < 0.05
    assert bool((signed < 0).all())


def test_triangles_integrate_polynomials():
    body = trimesh.creation.box((1, 2, 3))
    solid = ax.Mesh(body.vertices, body.faces)
    points = solid.boundary().quadrature(4)
    x, y, z = points.unbind(1)
    flux = (x * y**2 * points.normals[:, 0] + z * points.normals[:, 2]).double()
    # Integrals of div = y^2 + 1 over the box: 1 * 3 * 2/3 * 1 + 6.
    assert float(points.weights @ flux) == pytest.approx(8, rel=1e-12)


def test_winding_of_the_given_triangles_does_not_matter():
    body = trimesh.creation.box((1, 1, 1))
    inverted = ax.Mesh(body.vertices, body.faces[:, ::-1])
    assert inverted.measure == pytest.approx(1, rel=1e-12)
    normals = inverted.boundary().uniform(50)(0)
    assert float((normals * normals.normals).sum(dim=1).min()) > 0


def test_without_trimesh_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(ax.BackendUnavailable, match=r"pip install 'anagram_ext\[geometry\]'"):
        ax.Mesh([[0, 0, 0]], [[0, 0, 0]])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: INNER & INNER.__class__(x=5, y=5, z=5, radius=1), ValueError, "have a volume"),
        (lambda: INNER - CUBE, ValueError, "have a volume"),
        (lambda: CUBE - ax.Ball(x=0, y=0, radius=1), ValueError, "same coordinates"),
        (lambda: CUBE - INNER.boundary(), ValueError, "full dimension"),
        (lambda: CUBE - 1, TypeError, "unsupported operand"),
        (lambda: ax.Ball(x=0, radius=1), ValueError, "two or more coordinates"),
        (lambda: ax.Ball(x=0, y=0, z=0, radius=-1), ValueError, "Ball: radius must be positive"),
        (lambda: ax.Sphere(x=0, y="0", radius=1), TypeError, "y must be a number"),
        (lambda: (CUBE - INNER).boundary("wall"), ValueError, "no part of the boundary is 'wall'"),
        (lambda: INNER.boundary("wall"), ValueError, "no part of the boundary is 'wall'"),
        (lambda: INNER.boundary(lambda x: x.x > 9), ValueError, "rule must hold somewhere"),
        (lambda: INNER.boundary().boundary(), ValueError, "must be that of a ball"),
        (lambda: annulus().boundary("x"), ValueError, r"no part .* is 'x': there are \('ring',\)"),
        (lambda: ax.Mesh.from_file("missing.stl"), ValueError, "path must be a file"),
        (lambda: ax.Mesh(np.eye(3), [[0, 1, 2]]), ValueError, "enclose a volume"),
        (lambda: ax.Mesh(np.eye(3), [[0, 1, 2]], names=("x", "y")), ValueError, "three coord"),
    ],
)
def test_nonsense(make, error, message):
    with pytest.raises(error, match=message):
        make()
