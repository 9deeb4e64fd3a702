"""Shapes of the plane against closed forms, against shapely, and in their corners."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ellipe

import anagram_ext as ax
from conformance import check_region

CHANNEL = ax.Rectangle(x=(0, 2.2), y=(0, 0.41))
CYLINDER = ax.Disk(x=0.2, y=0.2, radius=0.05, name="cylinder")
SQUARE = ax.Rectangle(x=(0, 1), y=(0, 1))

PLATE = CHANNEL - CYLINDER
L_SHAPE = ax.Rectangle(x=(0, 2), y=(0, 2)) - ax.Rectangle(x=(1, 2), y=(1, 2), name="notch")
LENS = ax.Disk(x=0, y=0, radius=1) & ax.Disk(x=1, y=0, radius=1, name="other")
TOUCHING = ax.Disk(x=0, y=0, radius=1) | ax.Disk(x=2, y=0, radius=1, name="other")
INSCRIBED = SQUARE - ax.Disk(x=0.5, y=0.5, radius=0.5)
HALF_HOLE = SQUARE - ax.Disk(x=0.5, y=0, radius=0.25)
TWO_HOLES = CHANNEL - CYLINDER - ax.Disk(x=0.3, y=0.2, radius=0.05, name="next")  # they touch
GLUED = SQUARE | ax.Rectangle(x=(1, 2), y=(0, 1), name="right half")
EGG = ax.Ellipse(x=1, y=2, radii=(2, 0.5), angle=0.4) - ax.Disk(x=1, y=2, radius=0.3)
RAYS = [(1 + k % 2, 0.2 * k * math.pi) for k in range(10)]  # length and angle
STAR = ax.Polygon([(length * math.cos(angle), length * math.sin(angle)) for length, angle in RAYS])

SHAPES = {
    "rectangle": CHANNEL,
    "disk": CYLINDER,
    "plate": PLATE,
    "L": L_SHAPE,
    "lens": LENS,
    "touching disks": TOUCHING,
    "inscribed": INSCRIBED,
    "half hole": HALF_HOLE,
    "touching holes": TWO_HOLES,
    "glued": GLUED,
    "egg": EGG,
    "star": STAR,
    "turned": PLATE.rotated(0.7),
    "reflected": HALF_HOLE.scaled((1.5, -2)),
    "from boxes": ax.Box(x=(0, 1), y=(0, 1)) - ax.Box(x=(0.2, 0.5), y=(0.5, 2)),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_conformance(shape):
    check_region(shape)


@pytest.mark.parametrize(
    ("shape", "area", "length"),
    [
        (PLATE, 2.2 * 0.41 - math.pi * 0.0025, 2 * 2.61 + math.pi * 0.1),
        (L_SHAPE, 3, 8),
        (LENS, 2 * math.pi / 3 - math.sqrt(3) / 2, 4 * math.pi / 3),
        (TOUCHING, 2 * math.pi, 4 * math.pi),
        (INSCRIBED, 1 - math.pi / 4, 4 + math.pi),
        (HALF_HOLE, 1 - math.pi / 32, 3.5 + math.pi / 4),
        (TWO_HOLES, 2.2 * 0.41 - math.pi * 0.005, 2 * 2.61 + math.pi * 0.2),
        (GLUED, 2, 6),
        (EGG, math.pi * (1 - 0.09), 8 * ellipe(1 - 1 / 16) + 0.6 * math.pi),
        (PLATE.rotated(1.0), PLATE.measure, PLATE.boundary().measure),
        (PLATE.scaled(3.0), 9 * PLATE.measure, 3 * PLATE.boundary().measure),
        (PLATE.translated(x=-5), PLATE.measure, PLATE.boundary().measure),
        (CYLINDER.scaled((2, 1)), math.pi * 0.005, 0.4 * ellipe(3 / 4)),
    ],
)
def test_areas_and_lengths_in_closed_form(shape, area, length):
    assert shape.measure == pytest.approx(area, rel=1e-13)
    assert shape.boundary().measure == pytest.approx(length, rel=1e-13)


def test_circles_are_circles():
    for points in (PLATE.boundary("cylinder").sobol(500)(0), PLATE.boundary("cylinder").grid(77)):
        offset = points - torch.tensor([0.2, 0.2], dtype=torch.float64)
        radius = offset.norm(dim=1)
        assert float((radius - 0.05).abs().max()) < 1e-15
        # Out of the plate is into the cylinder.
        torch.testing.assert_close(points.normals, -offset / 0.05, rtol=0, atol=1e-14)


def polygons(rng: np.random.Generator):
    """Two random star-shaped polygons around places near each other."""
    for _ in range(2):
        angles = (np.arange(7) + 0.8 * rng.random(7)) * 2 * np.pi / 7
        radii = rng.uniform(0.5, 1.5, 7)
        place = rng.uniform(-0.7, 0.7, 2)
        yield place + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_set_operations_of_polygons_agree_with_shapely(seed):
    rng = np.random.default_rng(seed)
    vertices = list(polygons(rng))
    ours, theirs = map(ax.Polygon, vertices), map(shapely.Polygon, vertices)
    (a, b), (A, B) = ours, theirs
    for make, reference in ((a.__or__, A.union(B)), (a.__and__, A & B), (a.__sub__, A - B)):
        if reference.area < 1e-6:
            continue
        made = make(b)
        assert made.measure == pytest.approx(reference.area, rel=1e-9)
        assert made.boundary().measure == pytest.approx(reference.length, rel=1e-9)
        points = torch.from_numpy(rng.uniform(-2, 2, (200, 2)))
        expected = shapely.contains_xy(reference, points.numpy())
        assert np.array_equal(made.contains(points).numpy(), expected)
        apart = shapely.distance(reference.boundary, shapely.points(points.numpy()))
        np.testing.assert_allclose(made.distance(points).abs().numpy(), apart, atol=1e-12)


def on_a_grid(rng: np.random.Generator):
    """A shape with integer corners, centres and radii, and the same of shapely."""
    x, y = (int(k) for k in rng.integers(0, 5, 2))
    w, h = (int(k) for k in rng.integers(1, 4, 2))
    kind = rng.integers(3)
    if kind == 0:
        return ax.Rectangle(x=(x, x + w), y=(y, y + h)), shapely.box(x, y, x + w, y + h)
    if kind == 1:
        corners = [(x, y), (x + w, y), (x, y + h)]
        return ax.Polygon(corners), shapely.Polygon(corners)
    circle = shapely.Point(x, y).buffer(w / 2, quad_segs=1000)
    return ax.Disk(x=x, y=y, radius=w / 2), circle


@pytest.mark.parametrize("seed", range(25))
def test_shapes_whose_sides_coincide_and_whose_circles_touch(seed):
    rng = np.random.default_rng(seed)
    shape, reference = on_a_grid(rng)
    for _ in range(4):
        other, theirs = on_a_grid(rng)
        operation = ("__or__", "__sub__", "__and__")[rng.integers(3)]
        result = getattr(reference, operation)(theirs)
        if result.area < 1e-3:
            continue
        shape, reference = getattr(shape, operation)(other), result
        # A circle of 4000 edges lacks 1e-6 of its area and 1e-7 of its length.
        assert shape.measure == pytest.approx(reference.area, abs=3e-5)
        outline = shape.boundary().quadrature(30)
        flux = float((outline.weights * outline[:, 0] * outline.normals[:, 0]).sum())
        assert flux == pytest.approx(shape.measure, abs=1e-6)
        if reference.geom_type != "GeometryCollection":
            assert shape.boundary().measure == pytest.approx(reference.length, abs=1e-4)
        points = shape.uniform(100)(0)
        assert bool(shape.contains(points).all())
        assert reference.distance(shapely.MultiPoint(points.numpy())) < 1e-5


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_set_operations_of_ellipses_agree_with_green(seed):
    """The area by the cells, and by the integral of x n_x along the boundary."""
    rng = np.random.default_rng(seed)
    a, b = (
        ax.Ellipse(
            x=rng.uniform(-0.4, 0.4),
            y=rng.uniform(-0.4, 0.4),
            radii=tuple(rng.uniform(0.5, 1.5, 2)),
            angle=rng.uniform(0, 3),
        )
        for _ in range(2)
    )
    union, common = a | b, a & b
    assert union.measure + common.measure == pytest.approx(a.measure + b.measure, rel=1e-11)
    lengths = a.boundary().measure + b.boundary().measure
    both = union.boundary().measure + common.boundary().measure
    assert both == pytest.approx(lengths, rel=1e-10)
    points = common.boundary().quadrature(40)
    green = float((points.weights * points[:, 0] * points.normals[:, 0]).sum())
    assert green == pytest.approx(common.measure, rel=1e-6)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("design", ["uniform", "sobol", "latin_hypercube"])
def test_exact_numbers_the_same_for_the_same_seed(shape, design):
    for region in (shape, shape.boundary()):
        sampler = getattr(region, design)(137)
        points = sampler(3)
        assert points.shape == (137, 2)
        assert points.region is region
        assert bool(region.contains(points).all())
        assert torch.equal(points, sampler(3))
        assert not torch.equal(points, sampler(4))


@pytest.mark.parametrize("shape", [PLATE, LENS, EGG, STAR, TWO_HOLES, HALF_HOLE.rotated(0.3)])
def test_uniform_points_are_uniform(shape):
    """Chi-square of the numbers in the cells of a grid, whose areas come from intersections."""
    (a, b), (c, d) = shape.bounds
    n, k = 4000, 4
    x, y = shape.uniform(n)(1).unbind(1)
    counts, expected = [], []
    for i in range(k):
        for j in range(k):
            box = ax.Rectangle(
                x=(a + (b - a) * i / k, a + (b - a) * (i + 1) / k),
                y=(c + (d - c) * j / k, c + (d - c) * (j + 1) / k),
            )
            try:
                area = (shape & box).measure
            except ValueError:  # nothing of the shape is in this cell
                area = 0.0
            inside = box.contains(torch.stack([x, y], dim=1))
            counts.append(int(inside.sum()))
            expected.append(n * area / shape.measure)
    assert sum(expected) == pytest.approx(n, rel=1e-9)
    kept = np.array(expected) > 5
    left = [
        sum(v for v, far in zip(values, kept, strict=True) if not far)
        for values in (counts, expected)
    ]
    observed = [*np.array(counts)[kept], left[0]] if left[1] > 0 else np.array(counts)[kept]
    wanted = [*np.array(expected)[kept], left[1]] if left[1] > 0 else np.array(expected)[kept]
    chi2 = sum((o - e) ** 2 / e for o, e in zip(observed, wanted, strict=True))
    assert stats.chi2.sf(chi2, len(wanted) - 1) > 1e-3


def test_points_of_a_boundary_are_even_by_arc_length():
    for outline in (PLATE.boundary(), EGG.boundary()):
        points = outline.grid(4000)
        for side in outline.sides:
            on = ax.geometry.planar.Outline(outline.names, (side,)).contains(points)
            share = side.curve.length / outline.measure
            assert abs(int(on.sum()) - 4000 * share) <= 2
    # On one ellipse neighbours are equally far apart, wherever it bends.
    points = ax.Ellipse(x=0, y=0, radii=(3, 1)).boundary().grid(20000)
    steps = (points[1:] - points[:-1]).norm(dim=1)
    assert float(steps.max() / steps.min() - 1) < 1e-6


def test_sobol_points_integrate_better_than_chance():
    errors = []
    for seed in range(5):
        points = PLATE.sobol(1024)(seed)
        exact = float((q := PLATE.quadrature(20)).weights @ torch.cos(3 * q[:, 0] + q[:, 1]))
        mean = float(torch.cos(3 * points[:, 0] + points[:, 1]).mean()) * PLATE.measure
        errors.append(abs(mean - exact))
    assert np.median(errors) < 2e-3  # chance: 0.9 * 0.7 / 32 = 2e-2


def test_stratified_points_lie_one_in_each_of_cells_of_equal_area():
    points = INSCRIBED.stratified(4, 5)(0)
    assert points.shape == (20, 2)
    quarter = (points[:, 0] > 0.5).sum()
    assert int(quarter) == 10  # by symmetry half of the area
    assert INSCRIBED.boundary().stratified(30).n_points == 30


@pytest.mark.parametrize(
    ("shape", "integrand", "exact"),
    [
        (ax.Disk(x=0, y=0, radius=1), lambda x, y: x**4 * y**2, math.pi / 64),
        (ax.Disk(x=3, y=1, radius=2), lambda x, y: x * y, 12 * math.pi),
        (SQUARE, lambda x, y: x**9 * y**8, 1 / 90),
        (L_SHAPE, lambda x, y: x * y, 4 - 9 / 4),
        (ax.Polygon([(0, 0), (1, 0), (0, 1)]), lambda x, y: x**2 * y**3, 12 / 5040),
        (PLATE, lambda x, y: x * y, 2.42 * 0.08405 - 0.04 * math.pi * 0.0025),
    ],
)
def test_quadrature_of_polynomials(shape, integrand, exact):
    points = shape.quadrature(12)
    assert float(points.weights @ integrand(*points.unbind(1))) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_the_divergence_theorem(shape):
    """The integral of div (x^2 y, x y^2) = 4 x y is that of its flux through the boundary."""
    inside, outline = shape.quadrature(40), shape.boundary().quadrature(60)
    x, y = inside.unbind(1)
    divergence = float(inside.weights @ (4 * x * y))
    x, y = outline.unbind(1)
    nx, ny = outline.normals.unbind(1)
    flux = float(outline.weights @ (x**2 * y * nx + x * y**2 * ny))
    assert flux == pytest.approx(divergence, rel=1e-10, abs=1e-12)


def test_parts_of_a_boundary_by_name():
    assert PLATE.boundary("cylinder").measure == pytest.approx(0.1 * math.pi, rel=1e-14)
    assert PLATE.boundary("left").grid(5)[:, 0].tolist() == [0.0] * 5
    assert PLATE.boundary("rectangle.top").grid(5)[:, 1].tolist() == [0.41] * 5
    assert PLATE.boundary("rectangle").measure == pytest.approx(5.22, rel=1e-14)
    assert "cylinder" in PLATE.parts
    # A side keeps its name when it is turned, and what is cut off it is gone.
    assert HALF_HOLE.rotated(1.0).boundary("bottom").measure == pytest.approx(0.5, rel=1e-13)
    # Where a hole's side lies on the outline nothing is left of either.
    assert L_SHAPE.boundary("notch").measure == pytest.approx(2, rel=1e-14)
    assert L_SHAPE.boundary("rectangle").measure == pytest.approx(6, rel=1e-14)
    assert STAR.boundary("edge3").measure < STAR.boundary().measure / 9


def test_clockwise_polygons_keep_the_numbers_of_their_edges():
    corners = [(0, 0), (0, 1), (3, 1), (3, 0)]  # clockwise: edge1 is the top
    top = ax.Polygon(corners).boundary("edge1").grid(3)
    assert top[:, 1].tolist() == [1, 1, 1]
    assert top.normals.tolist() == [[0, 1]] * 3


def test_parts_of_a_boundary_by_rule():
    assert PLATE.boundary(lambda x: x.x < 0.5).measure == pytest.approx(
        0.41 + 1 + 0.1 * math.pi, rel=1e-12
    )
    lee = PLATE.boundary("cylinder").part(lambda x: x.normal.x < 0)  # it points into the cylinder
    assert lee.measure == pytest.approx(0.05 * math.pi, rel=1e-12)
    assert bool((lee.sobol(50)(0)[:, 0] > 0.2).all())


def test_distance_is_signed_and_its_gradient_is_the_normal():
    points = torch.tensor([[0.2, 0.2], [0.2, 0.3], [1.0, 0.2], [-1.0, 0.2], [3.2, 1.41]]).double()
    expected = [0.05, -0.05, -0.2, 1.0, math.sqrt(2)]
    torch.testing.assert_close(PLATE.distance(points), torch.tensor(expected).double())
    outline = EGG.boundary().sobol(200)(0)
    step = 1e-6
    for axis in range(2):
        shift = torch.zeros(2, dtype=torch.float64)
        shift[axis] = step
        slope = (EGG.distance(outline + shift) - EGG.distance(outline - shift)) / (2 * step)
        torch.testing.assert_close(slope, outline.normals[:, axis], rtol=0, atol=1e-5)


def test_translated_circles_keep_their_bits():
    moved = ax.Disk(x=0, y=0, radius=0.1).translated(x=1, y=2).boundary().grid(9)
    assert torch.equal(moved, ax.Disk(x=1, y=2, radius=0.1).boundary().grid(9))


def test_a_polygon_of_a_thousand_corners():
    angle = np.linspace(0, 2 * np.pi, 1001)[:-1]
    coast = ax.Polygon(np.stack([np.cos(angle), np.sin(angle)], axis=1)) - CYLINDER
    area = 500 * math.sin(2 * math.pi / 1000) - math.pi * 0.0025
    assert coast.measure == pytest.approx(area, rel=1e-12)
    assert bool(coast.contains(coast.sobol(500)(0)).all())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: SQUARE - CHANNEL.scaled(9), ValueError, "must have an area, got an empty one"),
        (lambda: SQUARE & SQUARE.translated(x=5), ValueError, "must have an area"),
        (lambda: SQUARE & SQUARE.translated(x=1), ValueError, "must have an area"),
        (lambda: SQUARE - SQUARE, ValueError, "must have an area"),
        (lambda: SQUARE - ax.Disk(a=0, b=0, radius=1), ValueError, "same coordinates"),
        (lambda: SQUARE - ax.Ball(x=0, y=0, z=0, radius=1), TypeError, "unsupported operand"),
        (lambda: SQUARE - 3, TypeError, "unsupported operand"),
        (lambda: ax.Disk(x=0, y=0, radius=0), ValueError, "Disk: radius must be positive, got 0"),
        (lambda: ax.Disk(x=0, y=0, radius="1"), TypeError, "Disk: radius must be a number"),
        (lambda: ax.Disk(x=0, y=math.nan, radius=1), ValueError, "y must be finite, got nan"),
        (lambda: ax.Disk(x=0, radius=1), ValueError, "two coordinates, got .'x',"),
        (lambda: ax.Disk(x=0, y=0, radius=1, name=3), TypeError, "name must be a string, got 3"),
        (lambda: ax.Ellipse(x=0, y=0, radii=(1, -1)), ValueError, "radii must be positive, got -1"),
        (lambda: ax.Ellipse(x=0, y=0, radii=(1,)), ValueError, "radii must be two numbers"),
        (lambda: ax.Rectangle(x=(1, 0), y=(0, 1)), ValueError, "x must satisfy lower < upper"),
        (lambda: ax.Rectangle(x=3, y=(0, 1)), TypeError, r"x must be \(lower, upper\), got 3"),
        (lambda: ax.Rectangle(normal=(0, 1), y=(0, 1)), ValueError, "'normal' cannot name"),
        (lambda: ax.Polygon([(0, 0), (1, 1)]), ValueError, r"three or more \[v, 2\]"),
        (lambda: ax.Polygon([(0, 0), (1, 1), (1, 0), (0, 1)]), ValueError, "must not cross"),
        (lambda: ax.Polygon([(0, 0), (2, 0), (1, 0), (1, 1)]), ValueError, "must not cross"),
        (lambda: ax.Polygon([(0, 0), (0, 0), (1, 0), (0, 1)]), ValueError, "must differ"),
        (lambda: ax.Polygon([(0, 0), (2, 0), (1, math.inf)]), ValueError, "must be finite"),
        (lambda: ax.Polygon([(0, 0), (1, 0), (0, 1)], names=("x",)), ValueError, "two coordinates"),
        (lambda: PLATE.boundary("wing"), ValueError, "no part of the boundary is 'wing'.*cylinder"),
        (lambda: PLATE.boundary(lambda x: x.x > 9), ValueError, "no part of the boundary"),
        (lambda: PLATE.boundary(3), TypeError, "part must be a name or a rule, got 3"),
        (lambda: PLATE.boundary(lambda x: True), TypeError, "rule must return a tensor of bool"),
        (lambda: PLATE.boundary().boundary(), ValueError, "boundary must be that of a shape"),
        (lambda: PLATE.sobol(0), ValueError, "n must be at least 1, got 0"),
        (lambda: PLATE.quadrature(0), ValueError, "n must be at least 1, got 0"),
        (lambda: CYLINDER.grid(1, 2, 3), ValueError, "counts must be one number or one for each"),
        (lambda: PLATE.contains(torch.zeros(3)), ValueError, r"points must have shape \[n, 2\]"),
        (lambda: PLATE.contains([[0.0, 0.0]]), TypeError, "points must be a tensor"),
        (lambda: PLATE.translated(z=1), ValueError, "unknown coordinate 'z'"),
        (lambda: PLATE.scaled(0), ValueError, "factor must be one number or two, not zero"),
        (lambda: PLATE.rotated("quarter"), TypeError, "angle must be a number"),
    ],
)
def test_nonsense(make, error, message):
    with pytest.raises(error, match=message):
        make()
