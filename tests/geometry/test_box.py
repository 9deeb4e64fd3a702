from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import anagram_ext as ax

SQUARE = ax.Box(t=(0, 1), x=(-1, 3))
REGIONS = {"box": SQUARE, "face": SQUARE.face(t=0), "faces": SQUARE.faces()}
DESIGNS = ("uniform", "sobol", "latin_hypercube")


def test_a_grid_is_the_tensor_product_of_equispaced_inner_points():
    assert SQUARE.grid(1, 3).tolist() == [[0.5, 0.0], [0.5, 1.0], [0.5, 2.0]]
    assert SQUARE.grid(3).shape == (9, 2)
    assert SQUARE.grid(3).dtype == torch.float64


def test_a_face_grid_reaches_its_corners():
    assert SQUARE.face(t=1).grid(3).tolist() == [[1, -1], [1, 1], [1, 3]]


def test_faces_come_lower_then_upper_coordinate_by_coordinate():
    expected = [[0, -1], [0, 3], [1, -1], [1, 3], [0, -1], [1, -1], [0, 3], [1, 3]]
    assert SQUARE.faces().grid(2).tolist() == expected
    assert SQUARE.faces("x").grid(2).tolist() == expected[4:]


def test_faces_of_a_box_in_three_dimensions_have_two_free_coordinates():
    cube = ax.Box(x=(0, 1), y=(0, 1), z=(0, 1))
    assert cube.faces("y").grid(2, 5).shape == (20, 3)
    assert set(cube.face(z=1).grid(2, 3)[:, 2].tolist()) == {1.0}


def test_faces_of_an_interval_are_its_ends():
    assert ax.Box(x=(2, 5)).faces().grid().tolist() == [[2], [5]]


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("design", DESIGNS)
def test_random_points_are_seeded_and_stay_inside(region, design):
    sampler = getattr(REGIONS[region], design)(37)
    points = sampler(3)
    assert sampler.n_points == 37
    assert points.shape == (37, 2)
    assert points.dtype == torch.float64
    assert torch.equal(points, sampler(3))
    assert not torch.equal(points, sampler(4))
    assert (points >= torch.tensor([0, -1])).all()
    assert (points <= torch.tensor([1, 3])).all()


@pytest.mark.parametrize("design", DESIGNS)
def test_points_are_shared_out_between_the_faces(design):
    points = getattr(SQUARE.faces(), design)(10)(0)
    assert (points[:3, 0] == 0).all()
    assert (points[3:6, 0] == 1).all()
    assert (points[6:8, 1] == -1).all()
    assert (points[8:, 1] == 3).all()


@given(st.integers(1, 40), st.integers(0, 100))
def test_a_latin_hypercube_has_one_point_in_every_slice(n, seed):
    unit = (ax.Box(a=(0, 2), b=(0, 2)).latin_hypercube(n)(seed) / 2).numpy()
    for column in unit.T:
        assert sorted(np.floor(column * n)) == list(range(n))


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 100))
def test_stratified_points_lie_one_in_every_cell(rows, columns, seed):
    sampler = ax.Box(a=(0, 1), b=(0, 1)).stratified(rows, columns)
    cells = np.floor(sampler(seed).numpy() * [rows, columns])
    assert sampler.n_points == rows * columns
    assert [tuple(c) for c in cells] == [(i, j) for i in range(rows) for j in range(columns)]


def test_stratified_faces():
    sampler = SQUARE.faces("t").stratified(4)
    points = sampler(0)
    assert sampler.n_points == 8
    assert points[:, 0].tolist() == [0] * 4 + [1] * 4
    assert np.floor(points[:, 1].numpy() + 1).tolist() == [0, 1, 2, 3] * 2


def test_sobol_points_fill_the_box_more_evenly_than_chance():
    # Quadrature of a smooth function: quasi-random error is of order 1/n, random 1/sqrt(n) = 0.03.
    points = ax.Box(x=(0, 1), y=(0, 1)).sobol(1024)(0)
    integral = (torch.sin(torch.pi * points[:, 0]) * points[:, 1] ** 2).mean()
    assert abs(float(integral) - 2 / torch.pi / 3) < 1e-3


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (ax.Box, "at least one coordinate"),
        (lambda: ax.Box(x=(1, 1)), "x must satisfy lower < upper"),
        (lambda: ax.Box(x=(0, float("inf"))), "both finite"),
        (lambda: ax.Box(x=3), r"x must be \(lower, upper\), got 3"),
        (lambda: ax.Box(points=(0, 1)), "'points' cannot name a coordinate"),
        (lambda: SQUARE.grid(0), "counts must be at least 1, got 0"),
        (lambda: SQUARE.grid(2, 3, 4), "one for each of 2 free coordinates"),
        (lambda: SQUARE.face(y=0), "unknown coordinate 'y'"),
        (lambda: SQUARE.face(t=2), r"t=2 lies outside of \[0.0, 1.0\]"),
        (lambda: SQUARE.face(t=0, x=0), "exactly one coordinate"),
        (lambda: SQUARE.faces("z"), "unknown coordinate 'z'"),
        (lambda: SQUARE.uniform(-1), "n must be at least 1, got -1"),
    ],
)
def test_bad_arguments(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_numbers_of_points_are_integers():
    with pytest.raises(TypeError, match=r"counts must be an integer, got 2\.5"):
        SQUARE.grid(2.5)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 100))
def test_chebyshev_points_lie_one_between_neighbouring_extrema(rows, columns, seed):
    sampler = ax.Box(a=(0, 1), b=(-1, 1)).chebyshev(rows, columns)
    points = sampler(seed).numpy()
    assert sampler.n_points == rows * columns
    angles = np.arccos(np.clip([1 - 2 * points[:, 0], -points[:, 1]], -1, 1)) / np.pi
    cells = np.floor(angles.T * [rows, columns] * (1 + 1e-12)).tolist()
    assert cells == [[i, j] for i in range(rows) for j in range(columns)]


def test_chebyshev_points_of_faces_crowd_at_their_ends():
    points = SQUARE.faces("t").chebyshev(100)(0)
    assert points[:, 0].tolist() == [0] * 100 + [1] * 100
    # Half of the density 1 / (pi sqrt(x (1 - x))) lies within 0.146 of either end.
    near = ((points[:, 1] + 1) / 4 - 0.5).abs() > 0.354
    assert int(near.sum()) == pytest.approx(100, abs=4)


def test_points_towards_the_faces_hold_a_polynomial_between_them():
    # Least squares in 20 Legendre polynomials at 40 points: how large can one be that is at most
    # one at the points? Evenly spread ones leave room near the ends.
    def room(points):
        basis = np.polynomial.legendre.legvander(points[:, 0].numpy(), 19)
        fine = np.polynomial.legendre.legvander(np.linspace(-1, 1, 2001), 19)
        return np.abs(fine @ np.linalg.pinv(basis)).sum(axis=1).max()

    line = ax.Box(x=(-1, 1))
    assert room(line.chebyshev(40)(0)) < 20
    assert room(line.stratified(40)(0)) > 10 * room(line.chebyshev(40)(0))
