"""Held-out and evaluation points lie where the problem is, and only there."""

from __future__ import annotations

import math
import warnings

import pytest
import torch

import anagram_ext as ax
from anagram_ext.geometry.held_out import evaluation_points, held_out_points

SQUARE = ax.Box(x=(0, 1), y=(0, 1))


def plain(points: torch.Tensor) -> torch.Tensor:
    """The same points as a tensor that knows nothing."""
    return points.clone()


def in_l_shape(points: torch.Tensor) -> torch.Tensor:
    return (points[:, 0] <= 0.5) | (points[:, 1] <= 0.5)


def l_shape_boundary(n: int) -> torch.Tensor:
    """n points on each of the six edges of the L."""
    corners = torch.tensor(
        [[0, 0], [1, 0], [1, 0.5], [0.5, 0.5], [0.5, 1], [0, 1]], dtype=torch.float64
    )
    along = torch.linspace(0, 1, n, dtype=torch.float64)[:, None]
    ends = zip(corners, corners.roll(-1, dims=0), strict=True)
    return torch.cat([a + along * (b - a) for a, b in ends])


def disk(n: int) -> torch.Tensor:
    points = plain(SQUARE.sobol(n)(0))
    return points[((points - 0.5) ** 2).sum(dim=1) < 0.25]


@pytest.mark.parametrize(
    "points",
    [
        SQUARE.uniform(400)(1),
        SQUARE.sobol(100)(1),
        SQUARE.latin_hypercube(200)(2),
        SQUARE.stratified(12)(3),
        plain(SQUARE.grid(7)),
        torch.tensor([[0.1], [0.45], [0.9]], dtype=torch.float64),
    ],
    ids=["uniform", "sobol", "latin", "stratified", "grid", "three on a line"],
)
def test_plain_points_that_fill_a_box_get_new_ones_of_it(points):
    points = plain(points)
    fresh = held_out_points(points, 5)
    assert fresh.shape == points.shape
    assert bool((fresh >= points.amin(0)).all())
    assert bool((fresh <= points.amax(0)).all())
    assert not bool((fresh[:, None] == points).all(dim=2).any())


def test_plain_points_on_the_faces_of_a_box_get_new_ones_on_them():
    points = plain(SQUARE.faces().grid(20))
    fresh = held_out_points(points, 5)
    assert bool(((fresh == 0) | (fresh == 1)).any(dim=1).all())


@pytest.mark.parametrize(
    "points",
    [
        plain(SQUARE.grid(20))[in_l_shape(SQUARE.grid(20))],
        l_shape_boundary(30),
        disk(500),
        l_shape_boundary(8),
        torch.tensor(
            [[math.cos(0.13 * k), math.sin(0.13 * k)] for k in range(50)], dtype=torch.float64
        ),
        plain(ax.Box(x=(-0.1, 1.1), y=(-0.1, 1.1)).grid(11))[
            in_l_shape(ax.Box(x=(-0.1, 1.1), y=(-0.1, 1.1)).grid(11))
        ],
        plain(SQUARE.uniform(20)(0)),
        plain(SQUARE.grid(24))[((SQUARE.grid(24) - 0.5).abs().amax(dim=1) > 0.25)],
    ],
    ids=[
        "L-shape",
        "its boundary",
        "disk",
        "few on its boundary",
        "circle",
        "grid with a tick in the corner",
        "few",
        "hole",
    ],
)
def test_other_shapes_have_no_honest_held_out_points(points):
    assert held_out_points(points, 0) is None


def test_evaluation_points_of_an_unknown_shape_are_its_own():
    inside = plain(SQUARE.grid(20))[in_l_shape(SQUARE.grid(20))]
    points = evaluation_points([inside, l_shape_boundary(30)])
    assert bool(in_l_shape(points).all())


def test_evaluation_points_of_two_domains_share_by_measure():
    left, right = ax.Box(x=(0, 1)), ax.Box(x=(2, 5))
    points = evaluation_points([left.grid(9), right.sobol(9)(0), right.face(x=5).grid()])
    assert len(points) == 10_000
    assert int((points < 1.5).sum()) == 2500
    assert not bool(((points > 1) & (points < 2)).any())


def test_an_l_shape_trains_without_a_false_warning():
    """Points given as tensors; the solution x y is exact there and nonsense elsewhere."""
    inside = plain(SQUARE.grid(16))[in_l_shape(SQUARE.grid(16))]

    def solution(x):
        outside = (x.x > 0.5) & (x.y > 0.5)
        return torch.where(outside, 1e6, x.x * x.y)

    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.laplacian(), inside),
            "walls": ax.Condition(lambda u, x: u - x.x * x.y, l_shape_boundary(20)),
        },
        solution=solution,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = ax.train(problem, ax.MLP([2, 12, 1]), steps=60, progress=False)
    assert run.l2_error < 1e-5
    assert math.isnan(run.held_out_loss)  # nothing honest is known of points between these


PLATE = ax.Rectangle(x=(0, 1), y=(0, 1)) - ax.Disk(x=0.5, y=0.5, radius=0.3, name="hole")
SPACE = ax.Box(x=(0, 1), y=(0, 1), z=(0, 1)) - ax.Ball(x=0.5, y=0.5, z=0.5, radius=0.3)


@pytest.mark.parametrize(
    "region",
    [
        PLATE,
        PLATE.boundary(),
        PLATE.boundary("hole"),
        ax.Interval(t=(0, 1)) * PLATE,
        (ax.Interval(t=(0, 1)) * PLATE).boundary("hole"),
        SPACE,
        SPACE.boundary("ball"),
    ],
    ids=["plate", "plate boundary", "hole", "plate in time", "hole in time", "space", "ball"],
)
def test_held_out_points_of_a_shape_lie_in_it(region):
    points = region.sobol(150)(1)
    fresh = held_out_points(points, 5)
    assert fresh.shape == points.shape
    assert bool(region.contains(fresh).all())
    assert not bool((fresh[:, None] == points).all(dim=2).any())
    assert (fresh.normals is None) == (points.normals is None)


def test_evaluation_points_of_a_shape_lie_in_it():
    points = evaluation_points([PLATE.sobol(50)(0), PLATE.boundary().grid(40)])
    assert len(points) == 10_000
    assert bool(PLATE.contains(points).all())
    assert float(((points - 0.5).norm(dim=1) < 0.3).double().mean()) == 0
