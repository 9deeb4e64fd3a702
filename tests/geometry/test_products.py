"""Products with time, clipping, and what boxes share with shapes."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax
from conformance import check_region

TIME = ax.Interval(t=(0, 2))
PLATE = ax.Rectangle(x=(0, 1), y=(0, 1)) - ax.Disk(x=0.5, y=0.5, radius=0.2, name="hole")
STRIP = TIME * PLATE
CYLINDER = ax.Interval(z=(0, 2)) * ax.Disk(x=1, y=2, radius=0.5)


@pytest.mark.parametrize(
    "region", [STRIP, CYLINDER, PLATE * TIME, TIME * ax.Ball(x=0, y=0, z=0, radius=1)], ids=repr
)
def test_conformance(region):
    check_region(region)


def test_a_product_of_boxes_is_a_box():
    assert TIME * ax.Box(x=(0, 1), y=(2, 3)) == ax.Box(t=(0, 2), x=(0, 1), y=(2, 3))
    assert isinstance(TIME, ax.Box)
    assert repr(TIME) == "Interval(t=(0.0, 2.0))"


def test_the_boundary_of_a_product_with_time_is_that_of_the_shape_at_all_times():
    assert STRIP.names == ("t", "x", "y")
    assert STRIP.measure == pytest.approx(2 * (1 - 0.04 * math.pi), rel=1e-14)
    walls = STRIP.boundary()
    assert walls.measure == pytest.approx(2 * (4 + 0.4 * math.pi), rel=1e-14)
    hole = STRIP.boundary("hole").sobol(200)(0)
    assert hole.shape == (200, 3)
    assert hole.normals[:, 0].abs().max() == 0
    torch.testing.assert_close(hole.normals[:, 1:], (0.5 - hole[:, 1:]) / 0.2, rtol=0, atol=1e-14)
    assert 0 <= float(hole[:, 0].min()) < 0.02
    assert 1.98 < float(hole[:, 0].max()) <= 2
    left = STRIP.boundary(lambda x: x.x < 0.25)
    assert left.measure == pytest.approx(2 * 1.5, rel=1e-12)


def test_the_initial_slice():
    start = STRIP.face(t=0)
    points = start.sobol(50)(0)
    assert points[:, 0].tolist() == [0.0] * 50
    assert points.normals.tolist() == [[-1.0, 0.0, 0.0]] * 50
    assert start.measure == pytest.approx(PLATE.measure, rel=1e-14)
    assert STRIP.face(t=1).sobol(5)(0).normals is None
    assert STRIP.faces("t").measure == pytest.approx(2 * PLATE.measure, rel=1e-14)


def test_a_cylinder_in_space_has_lids():
    boundary = CYLINDER.boundary()
    assert boundary.measure == pytest.approx(2 * math.pi + math.pi / 2, rel=1e-14)
    assert CYLINDER.boundary("disk").measure == pytest.approx(2 * math.pi, rel=1e-14)
    assert CYLINDER.face(z=2).measure == pytest.approx(math.pi / 4, rel=1e-14)
    points = boundary.uniform(4000)(0)
    lids = points.normals[:, 0].abs() == 1
    assert abs(float(lids.double().mean()) - 0.2) < 4 * math.sqrt(0.16 / 4000)
    corners = torch.tensor([[2.3, 1.9, 2.0], [1.0, 1.0, 2.0], [1.9, 1.0, 2.0]]).double()
    expected = torch.tensor([0.5, -0.5, -0.1]).double()
    torch.testing.assert_close(CYLINDER.distance(corners), expected)


def test_a_box_minus_a_cylinder():
    plate = ax.Box(z=(0, 2), x=(0, 2), y=(1, 3)) - CYLINDER
    assert plate.measure == pytest.approx(8 - math.pi / 2, rel=1e-3)
    assert plate.boundary("box").measure == pytest.approx(24 - math.pi / 2, rel=2e-3)


def test_quadrature_of_products_and_boxes():
    points = STRIP.quadrature(5, 12)
    t, x, y = points.unbind(1)
    # The hole around (1/2, 1/2): its mean of x y is 1/4.
    exact = 8 / 3 * (1 / 4 - 0.04 * math.pi / 4)
    assert float(points.weights @ (t**2 * x * y)) == pytest.approx(exact, rel=1e-12)
    box = ax.Box(x=(-1, 2), y=(0, 1))
    x, y = (points := box.quadrature(3, 2)).unbind(1)
    assert float(points.weights @ (x**5 * y**3)) == pytest.approx(10.5 / 4, rel=1e-13)
    walls = box.boundary().quadrature(3)
    flux = walls[:, 0] * walls.normals[:, 0]
    assert float(walls.weights @ flux) == pytest.approx(3, rel=1e-13)


def test_clipping():
    window = STRIP.clip(t=(0.5, 1.0))
    assert window.bounds[0] == (0.5, 1.0)
    assert window.measure == pytest.approx(STRIP.measure / 4, rel=1e-14)
    assert STRIP.boundary("hole").clip(t=(0, 1)).measure == pytest.approx(0.4 * math.pi, rel=1e-14)
    box = ax.Box(t=(0, 2), x=(0, 1))
    assert box.clip(t=(1, 5)) == ax.Box(t=(1, 2), x=(0, 1))
    walls = box.faces("x").clip(t=(0, 0.5))
    assert walls.measure == 1.0
    assert walls.grid(3).normals.tolist() == [[0, -1]] * 3 + [[0, 1]] * 3
    assert box.boundary().clip(t=(0, 0.5)).measure == 2.0  # the face at t = 2 is gone


def test_parts_of_the_boundary_of_a_box():
    box = ax.Box(t=(0, 2), x=(0, 1))
    assert box.boundary("x") == box.faces("x")
    late = box.boundary(lambda x: (x.t > 1) & (x.normal.x != 0))
    assert late.measure == pytest.approx(2, rel=1e-3)
    assert bool(box.faces("x").contains(late.sobol(40)(0)).all())


def test_distance_from_boxes():
    box = ax.Box(x=(0, 2), y=(0, 1))
    points = torch.tensor([[1.0, 0.5], [0.2, 0.5], [3.0, 2.0], [1.0, -3.0], [0.0, 0.5]]).double()
    expected = torch.tensor([-0.5, -0.2, math.sqrt(2), 3.0, 0.0]).double()
    torch.testing.assert_close(box.distance(points), expected)
    torch.testing.assert_close(box.faces().distance(points), expected.abs())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: TIME * TIME, ValueError, "different coordinates, got 't' in both"),
        (lambda: PLATE * PLATE, ValueError, "different coordinates, got"),
        (lambda: TIME * 3, TypeError, "unsupported operand"),
        (lambda: ax.Interval(x=(0, 1), y=(0, 1)), ValueError, "exactly one coordinate"),
        (lambda: ax.Interval(x=(1, 0)), ValueError, "x must satisfy lower < upper"),
        (lambda: STRIP.face(x=0), ValueError, r"face needs an interval in \['x'\]"),
        (lambda: STRIP.face(u=0), ValueError, "unknown coordinate 'u'"),
        (lambda: STRIP.face(t=5), ValueError, "lies outside"),
        (lambda: STRIP.clip(t=(3, 4)), ValueError, r"clip: t=\(3, 4\) leaves nothing"),
        (lambda: STRIP.clip(x=(0, 0.5)), ValueError, "clip needs an interval in"),
        (lambda: STRIP.clip(t=(1, 0)), ValueError, "clip: t must satisfy lower < upper"),
        (lambda: STRIP.boundary("wing"), ValueError, "no part of the boundary is 'wing'"),
        (lambda: STRIP.quadrature(1, 2, 3), ValueError, "one number or one for each factor"),
        (lambda: ax.Box(x=(0, 1)).boundary("y"), ValueError, "unknown coordinate 'y'"),
    ],
)
def test_nonsense(make, error, message):
    with pytest.raises(error, match=message):
        make()
