"""Conditions and their dry run: what is discovered about a residual."""

from __future__ import annotations

import pytest
import torch

import anagram_ext as ax
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.systems.dry_run import discover
from anagram_ext.systems.signature import Signature

POINTS = torch.rand(9, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
DATA = torch.linspace(0, 1, 9, dtype=torch.float64)


def found(residual, fields=("u",), points=POINTS):
    signature = Signature(fields, ax.MLP([2, 3, len(fields)]))
    return discover("here", residual, signature, Coordinates(("t", "x"), points))


def derivatives(pointwise):
    """{(field, multi-index)} for operators of one term."""
    names, operators = pointwise.signature.fields, pointwise.operators
    return {(names[j], operators[k].terms[0][0]) for k, j in pointwise.uses}


def test_only_the_derivatives_that_are_used_are_discovered():
    pointwise = found(lambda u, x: u.d("t") + u * u.d("x") - u.d("xx") + u.d("x"))
    assert derivatives(pointwise) == {("u", i) for i in ((1, 0), (0, 0), (0, 1), (0, 2))}
    assert len(pointwise.operators) == 4
    assert pointwise.n_components == 1


def test_fields_share_operators():
    pointwise = found(lambda u, v, x: (u.d("x") + v.d("x"), v.d("tx")), ("u", "v"))
    assert derivatives(pointwise) == {("u", (0, 1)), ("v", (0, 1)), ("v", (1, 1))}
    assert len(pointwise.operators) == 2
    assert pointwise.n_components == 2


def test_a_bare_field_is_a_residual():
    assert derivatives(found(lambda u, x: u)) == {("u", (0, 0))}
    assert found(lambda u, v, x: (u, v), ("u", "v")).n_components == 2


@pytest.mark.parametrize(
    ("residual", "broadcasts"),
    [
        (lambda u, x: u.d("t") - x.x, True),
        (lambda u, x: torch.stack([u.value, u.d("x")]).norm(dim=0), True),
        (lambda u, x: torch.stack([u.value, u.d("x")], dim=1) @ DATA[:2], False),
        (lambda u, x: u - DATA, True),
        (lambda u, x: torch.log(u), True),  # NaN for half of the random jets
    ],
)
def test_whether_a_residual_takes_several_parameter_vectors(residual, broadcasts):
    assert found(residual).broadcasts is broadcasts


@pytest.mark.parametrize(
    ("residual", "holds_data"),
    [
        (lambda u, x: u - torch.sin(x.t), False),
        (lambda u, x: u - DATA, True),
        (lambda u, x: u - 0.5, False),
    ],
)
def test_whether_a_residual_holds_data(residual, holds_data):
    assert found(residual).holds_data is holds_data


def test_a_residual_at_one_point_or_none():
    for n in (0, 1):
        assert found(lambda u, x: u.d("x") - x.t, points=POINTS[:n]).n_components == 1


def test_coordinates_by_attribute_and_by_name():
    x = Coordinates(("t", "x1"), POINTS)
    assert torch.equal(x.t, POINTS[:, 0])
    assert torch.equal(x["x1"], POINTS[:, 1])
    assert torch.equal(x.points, POINTS)
    with pytest.raises(AttributeError, match="unknown coordinate 'y'"):
        _ = x.y
    with pytest.raises(ValueError, match="unknown coordinate 'y'"):
        _ = x["y"]


def test_a_problem_keeps_its_own_points():
    points = POINTS.clone()
    condition = ax.Condition(lambda u, x: u, points)
    points.zero_()
    assert torch.equal(condition.points_for(0), POINTS)


def test_lists_of_names_will_do():
    problem = ax.Problem(["t", "x"], ["u"], {"a": ax.Condition(lambda u, x: u, POINTS)})
    assert problem.coordinates == ("t", "x")
    assert problem.fields == ("u",)
