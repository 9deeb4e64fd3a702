"""Normals reach the residual: at training points, held-out ones, redrawn ones and chosen ones."""

from __future__ import annotations

import math
import warnings

import pytest
import torch

import anagram_ext as ax
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.systems.draws import Draws
from anagram_ext.systems.pde_system import PdeSystem

DISK = ax.Disk(x=0, y=0, radius=1, name="rim") - ax.Disk(x=0.2, y=0.1, radius=0.4, name="hole")
POINTS = torch.rand(7, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def problem(residual, points, coordinates=("x", "y")) -> ax.Problem:
    return ax.Problem(coordinates, ("u",), {"wall": ax.Condition(residual, points)})


def test_coordinates_name_the_components_of_the_normal():
    normals = torch.arange(14.0).reshape(7, 2).double()
    x = Coordinates(("x", "y"), POINTS, normals)
    assert torch.equal(x.normal.x, normals[:, 0])
    assert torch.equal(x.normal["y"], normals[:, 1])
    order = torch.tensor([3, 1])
    assert torch.equal(x.taken(order).normal.y, normals[order, 1])
    assert torch.equal(x.taken(order).x, POINTS[order, 0])


@pytest.mark.parametrize(
    "residual",
    [lambda u, x: u.normal(), lambda u, x: u + x.normal.x],
    ids=["u.normal()", "x.normal"],
)
def test_without_normals_the_error_says_where_they_come_from(residual):
    for points in (POINTS, DISK.sobol(9)):
        with pytest.raises(
            ValueError, match=r"condition 'wall': points must have normals.*boundary"
        ):
            PdeSystem(problem(residual, points), ax.MLP([2, 3, 1]), 0)


def test_an_unknown_coordinate_of_a_normal_derivative():
    with pytest.raises(ValueError, match="unknown coordinate 'z'"):
        PdeSystem(
            problem(lambda u, x: u.normal("z"), DISK.boundary().grid(5)), ax.MLP([2, 3, 1]), 0
        )


def test_the_normal_derivative_is_the_sum_over_its_components(device):
    model = ax.MLP([2, 8, 1], device=device)
    points = DISK.boundary().sobol(40)(3)
    theta = model.init(1)
    jet = model.jet(theta, points.as_subclass(torch.Tensor).to(theta), ("x", "y"))
    by_hand = (
        jet["x"][:, 0].cpu() * points.normals[:, 0] + jet["y"][:, 0].cpu() * points.normals[:, 1]
    )
    for residual in (
        lambda u, x: u.normal(),
        lambda u, x: u.normal("x", "y"),
        lambda u, x: u.normal("x") + u.normal("y"),
        lambda u, x: x.normal.x * u.d("x") + x.normal.y * u.d("y"),
    ):
        system = PdeSystem(problem(residual, points), model, 0)
        r = system.residual(theta).cpu() * math.sqrt(40)  # rows carry 1 / sqrt(n)
        torch.testing.assert_close(r, by_hand, rtol=1e-12, atol=1e-13)


def test_in_time_the_normal_has_no_component_along_t():
    wall = (ax.Interval(t=(0, 1)) * DISK).boundary("hole").sobol(20)(0)
    model = ax.MLP([3, 5, 1])
    theta = model.init(0)
    rows = [
        PdeSystem(problem(residual, wall, ("t", "x", "y")), model, 0).residual(theta)
        for residual in (lambda u, x: u.normal(), lambda u, x: u.normal("x", "y"))
    ]
    torch.testing.assert_close(rows[0], rows[1], rtol=1e-14, atol=1e-15)


def at_radius(coordinates: Coordinates) -> torch.Tensor:
    offset = coordinates.points - torch.tensor([0.2, 0.1], dtype=torch.float64)
    return (coordinates.normals + offset / 0.4).abs().max()


@pytest.mark.parametrize(
    "points",
    [
        DISK.boundary("hole").grid(30),
        DISK.boundary("hole").sobol(30),
        DISK.boundary("hole").uniform(60).redrawn(),
        DISK.boundary("hole").sobol(60).adaptive(30),
    ],
    ids=["grid", "sobol", "redrawn", "adaptive"],
)
def test_points_of_every_kind_carry_their_own_normals(points):
    made = problem(lambda u, x: u.normal(), points)
    draws = Draws(made, 3, torch.device("cpu"), torch.float64)
    assert at_radius(draws.first("wall")) < 1e-14
    held_out = draws.held_out("wall")
    assert at_radius(held_out) < 1e-14
    assert not torch.equal(held_out.points, draws.first("wall").points)
    if draws.redrawn:
        draws.move_on()
        following = draws.next("wall", lambda x: x.x.abs())
        assert at_radius(following) < 1e-14
        assert following.points.shape == draws.first("wall").points.shape


def test_normals_of_ones_own_points_without_a_region_are_not_guessed_elsewhere():
    points = DISK.boundary("hole").grid(30)
    own = ax.Points(points.clone(), normals=points.normals)
    draws = Draws(problem(lambda u, x: u.normal(), own), 0, torch.device("cpu"), torch.float64)
    assert draws.held_out("wall") is None
    assert torch.equal(draws.first("wall").normals, points.normals)


def test_a_disk_with_a_hole_and_a_flux_on_it():
    """Poisson, u = sin(2x) exp(y): Dirichlet on the rim, Neumann on the hole."""

    def solution(x):
        return torch.sin(2 * x.x) * torch.exp(x.y)

    def flux(u, x):
        slope = 2 * torch.cos(2 * x.x) * torch.exp(x.y)
        return u.normal() - slope * x.normal.x - solution(x) * x.normal.y

    made = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.laplacian() + 3 * solution(x), DISK.sobol(400)),
            "rim": ax.Condition(lambda u, x: u - solution(x), DISK.boundary("rim").grid(60)),
            "flux": ax.Condition(flux, DISK.boundary("hole").sobol(50)),
        },
        solution=solution,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = ax.train(made, ax.MLP([2, 24, 1]), steps=250, progress=False)
    # The points of judgement are the region's own: 10 000 inside of the disk with its hole.
    assert run.l2_relative <= 1e-6
    assert run.held_out_loss < 1e-10
