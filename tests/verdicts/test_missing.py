"""Conditions that are missing at a boundary: many fields satisfy the others, and one is found.

Each problem is well-posed with all its conditions, and solved then; without one of them no residual
is large anywhere.
"""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax

# Where something is missing, what holds at the points may hold nowhere else.
pytestmark = pytest.mark.filterwarnings("ignore::anagram_ext.HeldOutWarning")

SQUARE = ax.Box(x=(0, 1), y=(0, 1))
STRIP = ax.Box(t=(0, 1), x=(0, 1))
LINE = ax.Box(x=(0, 1))


def zero(u, _):
    return u


def poisson(u, x):
    source = 2 * math.pi**2 * torch.sin(math.pi * x.x) * torch.sin(math.pi * x.y)
    return u.laplacian() + source


def at_start(u, x):
    return u - torch.sin(math.pi * x.x)


POISSON = {
    "pde": ax.Condition(poisson, SQUARE.grid(15)),
    "sides": ax.Condition(zero, SQUARE.faces("x").grid(15)),
    "bottom": ax.Condition(zero, SQUARE.face(y=0).grid(15)),
    "top": ax.Condition(zero, SQUARE.face(y=1).grid(15)),
}
WAVE = {
    "pde": ax.Condition(lambda u, x: u.d("tt") - u.d("xx"), STRIP.grid(15)),
    "start": ax.Condition(at_start, STRIP.face(t=0).grid(30)),
    "velocity": ax.Condition(lambda u, x: u.d("t"), STRIP.face(t=0).grid(30)),
    "walls": ax.Condition(zero, STRIP.faces("x").grid(15)),
}
BEAM = {
    "pde": ax.Condition(lambda u, x: u.d("xxxx") - 1, LINE.grid(30)),
    "ends": ax.Condition(zero, LINE.faces("x").grid(1)),
    "slopes": ax.Condition(lambda u, x: u.d("x"), LINE.faces("x").grid(1)),
}


def trained(conditions, coordinates, fields=("u",)):
    problem = ax.Problem(coordinates, fields, conditions)
    model = ax.MLP([len(coordinates), 24, len(fields)])
    return ax.train(problem, model, steps=80, progress=False)


@pytest.mark.parametrize(
    ("conditions", "coordinates", "without", "words"),
    [
        (POISSON, ("x", "y"), "top", ["lines along y", "the 2 that 'pde' needs", "y = 1"]),
        (POISSON, ("x", "y"), "sides", ["lines along x", "the 2 that 'pde' needs", "x = 0"]),
        (WAVE, ("t", "x"), "velocity", ["lines along t", "the 2 that 'pde' needs"]),
        (WAVE, ("t", "x"), "walls", ["lines along x", "the 2 that 'pde' needs", "x = 0"]),
        (BEAM, ("x",), "slopes", ["lines along x", "the 4 that 'pde' needs"]),
    ],
)
def test_a_condition_that_is_missing(conditions, coordinates, without, words):
    some = {name: condition for name, condition in conditions.items() if name != without}
    run = trained(some, coordinates)
    assert run.verdict is not ax.Verdict.SOLVED
    for part in ["add the condition that is missing", *words]:
        assert part in run.warning


@pytest.mark.parametrize(
    ("conditions", "coordinates"), [(POISSON, ("x", "y")), (WAVE, ("t", "x")), (BEAM, ("x",))]
)
def test_nothing_is_missing(conditions, coordinates):
    run = trained(conditions, coordinates)
    assert run.verdict is ax.Verdict.SOLVED
    assert run.warning is None


def test_an_edge_of_a_polygon():
    shape = ax.Polygon([(0, 0), (2, 0), (2, 1), (1, 1), (1, 2), (0, 2)])
    boundary = shape.boundary().grid(160)
    right = boundary[:, 0] > 2 - 1e-9

    def known(u, x):
        return u - torch.sin(x.x) * torch.exp(x.y)

    conditions = {
        "pde": ax.Condition(lambda u, x: u.laplacian(), shape.sobol(400)),
        "walls": ax.Condition(known, boundary[~right]),
    }
    run = trained(conditions, ("x", "y"))
    assert "add the condition that is missing: lines along x" in run.warning
    assert "x = 2" in run.warning
    conditions["walls"] = ax.Condition(known, boundary)
    assert "missing" not in (trained(conditions, ("x", "y")).warning or "")


def test_pairs_without_their_derivatives():
    ends = (LINE.face(x=0).grid(1), LINE.face(x=1).grid(1))
    conditions = {
        "pde": ax.Condition(
            lambda u, x: u - u.d("xx") - torch.sin(2 * math.pi * x.x), LINE.grid(40)
        ),
        "values": ax.Paired(lambda a, b: a.u - b.u, ends),
    }
    run = trained(conditions, ("x",))
    assert run.verdict is not ax.Verdict.SOLVED
    assert "add the condition that is missing: lines along x" in run.warning
    slopes = ax.Paired(lambda a, b: a.u.d("x") - b.u.d("x"), ends)
    assert trained(conditions | {"slopes": slopes}, ("x",)).verdict is ax.Verdict.SOLVED


def test_one_of_two_fields():
    conditions = {
        "pde": ax.Condition(lambda u, v, x: (u.d("xx") - v, v.d("xx") - 1), LINE.grid(30)),
        "ends": ax.Condition(lambda u, v, x: u, LINE.faces("x").grid(1)),
        "end": ax.Condition(lambda u, v, x: v, LINE.face(x=0).grid(1)),
    }
    run = trained(conditions, ("x",), ("u", "v"))
    assert "fewer conditions on v than the 2" in run.warning


@pytest.mark.parametrize(
    ("equation", "end"),
    [
        (lambda u, x: x.x * u.d("xx") + u.d("x") + 4 * x.x, lambda u, x: u),  # a disc, u = 1 - x^2
        (lambda u, x: x.x * (1 - x.x) * u.d("xx") + (1 - 2 * x.x) * u.d("x") + 6 * u, None),
    ],
    ids=["centre of a disc", "Legendre"],
)
def test_equations_that_need_no_condition_where_they_degenerate(equation, end):
    value = end or (lambda u, x: u - 1)
    conditions = {
        "pde": ax.Condition(equation, LINE.grid(40)),
        "end": ax.Condition(value, LINE.face(x=1).grid(1)),
    }
    assert trained(conditions, ("x",)).verdict is ax.Verdict.SOLVED


def test_a_condition_inside_counts():
    conditions = {
        "ode": ax.Condition(lambda u, x: u.d("xx") + 100 * u, LINE.grid(60)),
        "middle": ax.Condition(lambda u, x: (u, u.d("x") - 1), torch.tensor([[0.5]])),
    }
    assert trained(conditions, ("x",)).verdict is ax.Verdict.SOLVED


def test_values_inside_stand_for_a_boundary():
    inside = LINE.grid(8)
    data = ax.Data(inside, 0.5 * inside[:, 0] * (inside[:, 0] - 1), sigma=1e-6)
    conditions = {"pde": ax.Condition(lambda u, x: u.d("xx") - 1, LINE.grid(30)), "data": data}
    assert "missing" not in (trained(conditions, ("x",)).warning or "")


def test_a_gap_between_points_at_random_is_no_missing_condition():
    """An option in dollars, with seven points at each side where each is to hold all the year."""
    rate, volatility, strike, top = 0.05, 0.2, 100.0, 300.0
    region = ax.Box(t=(0, 1), S=(0, top))

    def black_scholes(v, x):
        diffusion = 0.5 * volatility**2 * x.S**2 * v.d("SS")
        return v.d("t") + diffusion + rate * (x.S * v.d("S") - v)

    def value(v, x):
        return v - torch.relu(x.S - strike * torch.exp(-rate * (1 - x.t)))

    conditions = {
        "equation": ax.Condition(black_scholes, region.uniform(40)),
        "payoff": ax.Condition(value, region.face(t=1).uniform(14)),
        "sides": ax.Condition(value, region.faces("S").uniform(14)),
    }
    problem = ax.Problem(("t", "S"), ("V",), conditions)
    run = ax.train(problem, ax.MLP([2, 16, 16, 1]), steps=60, seed=1, progress=False)
    assert run.verdict is ax.Verdict.OVERFITTED
    assert "condition that is missing" not in run.warning
    assert "effective parameters, at least" in run.warning
