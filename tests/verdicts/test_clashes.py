"""Conditions that cannot be meant as they stand: the advice names them, and the place."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax

pytestmark = [
    pytest.mark.filterwarnings("ignore::anagram_ext.HeldOutWarning"),
    pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning"),
]

STRIP = ax.Box(t=(0, 1), x=(0, 1))
HEAT = ax.Condition(lambda u, x: u.d("t") - u.d("xx"), STRIP.stratified(8))
PLATE = ax.Rectangle(x=(0, 1), y=(0, 1)) - ax.Disk(x=0.5, y=0.5, radius=0.2, name="hole")
AGREE = "make conditions agree that cannot hold together: "


def told(conditions, coordinates=("t", "x"), **options):
    problem = ax.Problem(coordinates, ("u",), conditions)
    model = ax.MLP([len(coordinates), 12, 1])
    return ax.train(problem, model, steps=40, progress=False, **options).warning


def value(prescribed, points):
    return ax.Condition(lambda u, x: u - prescribed, points)


@pytest.mark.parametrize("scales", [True, False])
def test_a_hot_wall_beside_a_cold_start(scales):
    warning = told(
        {
            "equation": HEAT,
            "start": value(293.0, STRIP.face(t=0).grid(9)),
            "walls": value(373.0, STRIP.faces("x").stratified(8)),
        },
        scales=scales,
    )
    found = "'start' asks for u = 293 and 'walls' for 373 at t = 0, x = 0"
    assert warning.endswith(AGREE + found)


def test_two_sides_of_a_plate_that_meet_in_a_corner_at_all_times():
    cylinder = ax.Interval(t=(0, 1)) * PLATE
    warning = told(
        {
            "equation": ax.Condition(
                lambda u, x: u.d("t") - u.laplacian("x", "y"), cylinder.sobol(60)
            ),
            "hole": value(3.0, cylinder.boundary("hole").sobol(20)),
            "top": value(1.0, cylinder.boundary("top").sobol(20)),
            "left": value(0.0, cylinder.boundary("left").sobol(20)),
        },
        ("t", "x", "y"),
    )
    found = r"'top' asks for u = 1 and 'left' for 0 at t = (0|0.5|1), x = 0, y = 1"
    with pytest.raises(AssertionError, match=AGREE + found):
        raise AssertionError(warning)


@pytest.mark.parametrize(
    ("start", "walls"),
    [
        (lambda x: torch.sin(math.pi * x.x), 0.0),  # equal up to rounding
        (lambda x: 293.0 + torch.sin(math.pi * x.x), 293.0),
        (lambda x: 293.0 + 0.0 * x.x, 293.0),
    ],
)
def test_conditions_that_agree_are_not_accused(start, walls):
    """Something else is wrong: the walls are said to be insulated as well."""
    warning = told(
        {
            "equation": HEAT,
            "start": ax.Condition(lambda u, x: u - start(x), STRIP.face(t=0).grid(9)),
            "walls": value(walls, STRIP.faces("x").stratified(8)),
            "insulated": ax.Condition(lambda u, x: u.d("x") - 1.0, STRIP.faces("x").stratified(8)),
        }
    )
    assert warning
    assert AGREE not in warning


def test_neither_measurements_nor_maps_are():
    """Measured values may scatter, and behind a map the network's output is not the field."""
    here = torch.tensor([[0.0, 0.0]], dtype=torch.float64)
    walls = value(1.0, STRIP.faces("x").stratified(8))
    measured = ax.Data(here, torch.zeros(1, dtype=torch.float64), sigma=0.1)
    warning = told({"equation": HEAT, "walls": walls, "measured": measured}) or ""
    assert AGREE not in warning
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {"equation": HEAT, "walls": walls, "start": value(2.0, STRIP.face(t=0).grid(9))},
    )
    model = ax.Model(ax.MLP([2, 8, 1]), outputs=lambda n, x: 2.0 - x.x + x.t * n)
    run = ax.train(problem, model, steps=10, progress=False)
    assert AGREE not in (run.warning or "")


def test_walls_in_millimetres():
    start = ax.Condition(lambda u, x: u - torch.sin(math.pi * x.x), STRIP.face(t=0).grid(9))
    far = ax.Box(t=(0, 1), x=(0, 1000))
    warning = told({"equation": HEAT, "start": start, "walls": value(0.0, far.faces("x").grid(9))})
    assert warning.endswith(
        "look at the points: points of 'walls' lie where no equation holds, such as at x = 1e+03, "
        "where equations hold from 0 to 1"
    )


def test_coordinates_in_another_order_than_they_are_named():
    """Of tensors nobody knows the order: x is from 0 to 1 here, and t from 0 to 3."""
    x, t = torch.linspace(0, 1, 9, dtype=torch.float64), torch.linspace(0, 3, 9).double()
    region = ax.Box(t=(0, 3), x=(0, 1))
    warning = told(
        {
            "equation": ax.Condition(HEAT.residual, region.stratified(8)),
            "start": value(1.0, torch.stack([x, 0 * x], dim=1)[1:-1]),
            "walls": value(0.0, torch.stack([x.repeat(2) * 0 + 0.5, t.repeat(2)], dim=1)),
        }
    )
    assert "points of 'walls' lie where no equation holds, such as at x = " in warning
