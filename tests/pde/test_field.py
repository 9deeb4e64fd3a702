from __future__ import annotations

import math

import pytest
import torch

from anagram_ext import Field
from anagram_ext.pde.operators import Operator

VALUE = torch.tensor([0.5, 2.0, 3.0], dtype=torch.float64)
OTHER = torch.tensor([2.0, -1.0, 0.25], dtype=torch.float64)


def field(value=VALUE):
    return Field("u", ("t", "x"), lambda _: value)


def asked(call, coordinates=("t", "x")):
    """The terms of the operator that a call on a field asks for, as a dict."""
    seen: list[Operator] = []

    def lookup(operator):
        seen.append(operator)
        return VALUE

    call(Field("u", coordinates, lookup))
    return dict(seen[0].terms)


@pytest.mark.parametrize(
    ("call", "terms"),
    [
        (lambda u: u.value, {(0, 0): 1}),
        (lambda u: u.d(), {(0, 0): 1}),
        (lambda u: u.d(""), {(0, 0): 1}),
        (lambda u: u.d("t"), {(1, 0): 1}),
        (lambda u: u.d("xtx"), {(1, 2): 1}),
        (lambda u: u.d("x", "x", "x", "x"), {(0, 4): 1}),
        (lambda u: u.laplacian(), {(2, 0): 1, (0, 2): 1}),
        (lambda u: u.laplacian("x"), {(0, 2): 1}),
        (lambda u: u.biharmonic(), {(4, 0): 1, (2, 2): 2, (0, 4): 1}),
        (lambda u: u.biharmonic("t"), {(4, 0): 1}),
        (lambda u: u.operator({"tt": 1, "xx": -4.0, ("x", "t"): 2}),
         {(2, 0): 1, (0, 2): -4, (1, 1): 2}),
        (lambda u: u.operator({"xt": 1, "tx": 2}), {(1, 1): 3}),
    ],
)  # fmt: skip  # a table
def test_derivatives_by_name(call, terms):
    assert asked(call) == terms


def test_longer_coordinate_names():
    names = ("x1", "x2")
    assert asked(lambda u: u.d("x2"), names) == {(0, 1): 1}
    assert asked(lambda u: u.d("x1", "x1"), names) == {(2, 0): 1}
    assert asked(lambda u: u.laplacian(), names) == {(2, 0): 1, (0, 2): 1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda u: u.d("y"), r"unknown derivative 'y': 'y' is none of .*'t', 'x'"),
        (lambda u: u.d("xq"), "unknown derivative 'xq'"),
        (lambda u: u.d("xx", "t"), "unknown derivative 'xx', 't'"),
        (lambda u: u.d("xxxxx"), "order 5; the highest is 4"),
        (lambda u: u.laplacian("y"), "unknown coordinate 'y'"),
        (lambda u: u.laplacian("x", "x"), "must all differ"),
        (lambda u: u.operator({}), "no term"),
        (lambda u: u.operator({"x": 0.0}), "no term"),
        (lambda u: u.operator({"x": math.nan}), "must be finite"),
    ],
)
def test_wrong_names(call, message):
    with pytest.raises(ValueError, match=message):
        call(field())


def test_wrong_types():
    with pytest.raises(TypeError, match="named by strings, got 2"):
        field().d(2)
    with pytest.raises(TypeError, match="coefficient of 'x' must be a number"):
        field().operator({"x": "1"})


@pytest.mark.parametrize(
    "formula",
    [
        lambda u, v: -u + v,
        lambda u, v: v + u,
        lambda u, v: u - v,
        lambda u, v: v - u,
        lambda u, v: u * v,
        lambda u, v: v * u,
        lambda u, v: u / v,
        lambda u, v: v / u,
        lambda u, v: u**v,
        lambda u, v: abs(v) ** u,
        lambda u, v: 2 + u * 3 - 1 / u,
        lambda u, v: 2**u + u**3 + +u,
        lambda u, v: 1 - u,
        lambda u, v: torch.sin(u) * torch.exp(v),
        lambda u, v: torch.where(u > v, u, v),
        lambda u, v: torch.where(u <= 1, v, u),
        lambda u, v: (u < v).double() + (u >= 2),
        lambda u, v: torch.stack([u, v]).sum(dim=0),
        lambda u, v: torch.maximum(v, other=u),
        lambda u, v: abs(u),
    ],
)
def test_a_field_computes_like_the_tensor_of_its_values(formula):
    expected = formula(VALUE, OTHER)
    torch.testing.assert_close(formula(field(), field(OTHER)), expected, rtol=0, atol=0)
    torch.testing.assert_close(formula(field(), OTHER), expected, rtol=0, atol=0)


def test_fields_compare_and_divide_with_remainder_as_tensors_do():
    values = torch.tensor([0.5, 2.0, 3.5], dtype=torch.float64)
    u = Field("u", ("x",), lambda _: values)
    assert (u == 2.0).tolist() == [False, True, False]
    assert (u != 2.0).tolist() == [True, False, True]
    assert (u == u).all()  # noqa: PLR0124 -- that is the question
    assert torch.equal(u % 1.5, values % 1.5)
    assert torch.equal(4.0 % u, 4.0 % values)
    assert len({u, u}) == 1
