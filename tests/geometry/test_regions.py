"""Every region satisfies the protocol; points know where they come from."""

from __future__ import annotations

import copy

import pytest
import torch

import anagram_ext as ax
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.stretched import Stretch, Stretched
from conformance import check_boundary, check_region

BOX = ax.Box(t=(0, 2), x=(-1, 3), y=(5, 5.5))


@pytest.mark.parametrize(
    "region",
    [BOX, ax.Box(x=(2, 7)), BOX.faces("x"), BOX.face(t=0), BOX.face(t=1), BOX.boundary()],
    ids=["box", "interval", "two faces", "one face", "inner face", "boundary"],
)
def test_conformance(region):
    check_region(region)


def test_a_stretched_region():
    stretch = Stretch(0, (0.0, 2.0), (6.0, 6.5))
    check_region(Stretched(BOX, stretch), own_metric=False)  # distances are those of the box
    check_boundary(Stretched(BOX.faces("x"), stretch))
    sampler = stretch.design(BOX.face(t=2).sobol(20).redrawn())
    assert sampler.every_step
    assert bool((sampler(0)[:, 0] == 6.5).all())  # ends go to ends
    torch.testing.assert_close(sampler(3)[:, 1:], BOX.face(t=2).sobol(20)(3)[:, 1:])
    adaptive = stretch.design(BOX.sobol(30).adaptive(10))
    inside = Stretched(BOX, stretch).contains(adaptive.candidates(1))
    assert bool(inside.all())


def test_measures_in_closed_form():
    assert BOX.measure == 2 * 4 * 0.5
    assert BOX.boundary().measure == 2 * (2 * 4 + 2 * 0.5 + 4 * 0.5)
    assert BOX.face(t=1).measure == 4 * 0.5
    assert (BOX.dimension, BOX.boundary().dimension) == (3, 2)


def test_normals_of_faces():
    check_boundary(BOX.boundary())
    points = BOX.faces("x").grid(2)
    below = points[:, 1] == -1
    assert bool((points.normals[below] == torch.tensor([0.0, -1.0, 0.0])).all())
    assert bool((points.normals[~below] == torch.tensor([0.0, 1.0, 0.0])).all())
    assert BOX.face(t=1.0).grid(2).normals is None  # inside the box: no outward side


@pytest.mark.parametrize("design", ["uniform", "sobol", "latin_hypercube"])
def test_samplers_and_what_they_draw_know_their_region(design):
    sampler = getattr(BOX, design)(20)
    assert sampler.region is BOX
    assert sampler.redrawn().region is BOX
    assert sampler.adaptive(5).region is BOX
    assert sampler(3).region is BOX
    assert torch.equal(sampler(3), sampler(3))


def test_points_are_a_tensor_and_their_parts_are_plain_ones():
    points = BOX.grid(3)
    assert isinstance(points, torch.Tensor)
    assert points.region is BOX
    for part in (points[:2], points + 1, points.clone(), points.to(torch.float32)):
        assert type(part) is torch.Tensor
    assert points.copied().region is BOX
    assert copy.deepcopy(points).region is BOX
    assert points.copied().data_ptr() != points.data_ptr()
    assert repr(points) == "Points([27, 3] in Box)"


def test_a_condition_keeps_what_points_know():
    wall = BOX.faces("t").grid(4)
    condition = ax.Condition(lambda u, x: u, wall)
    assert condition.points.region == wall.region
    assert torch.equal(condition.points.normals, wall.normals)
    assert condition.points.data_ptr() != wall.data_ptr()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Points([[1.0]]), TypeError, r"points must be a tensor \[n, d\]"),
        (
            lambda: Points(torch.zeros(3, 2), normals=torch.zeros(3)),
            ValueError,
            r"normals must have shape \[3, 2\], got \[3\]",
        ),
        (
            lambda: Points(torch.zeros(3, 2), weights=torch.zeros(2)),
            ValueError,
            r"weights must have shape \[3\], got \[2\]",
        ),
        (lambda: BOX.face(t=0).boundary(), ValueError, "boundary must be that of a Box"),
    ],
)
def test_nonsense(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_region_in_another_order_than_the_problem_is_refused():
    swapped = ax.Box(x=(0, 1), t=(0, 2))
    for points in (swapped.grid(3), swapped.sobol(9), swapped.faces("x").sobol(9)):
        with pytest.raises(ValueError, match=r"'here' must have .*\('t', 'x'\).*\('x', 't'\)"):
            ax.Problem(("t", "x"), ("u",), {"here": ax.Condition(lambda u, x: u, points)})
