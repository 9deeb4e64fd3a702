"""Residuals that hide from autograd what they do with a field, and many that only look like it."""

from __future__ import annotations

import contextlib
import warnings

import numpy as np
import pytest
import torch

import anagram_ext as ax

SQUARE = ax.Box(t=(0, 1), x=(0, 1))
DTYPES = [torch.float64, torch.float32]

HIDING = {
    "detach": lambda u, x: u.d("t").detach() - u.d("xx"),
    "through numpy": lambda u, x: (
        u.d("t") - torch.from_numpy(np.sin(u.value.detach().numpy())) * u.d("x")
    ),
    "through a list": lambda u, x: u.d("t") - torch.tensor(u.value.tolist()).to(u.value),
    "data": lambda u, x: u.d("t") - u.value.data**2,
    "a lagging coefficient": lambda u, x: u.d("t") + u.value.detach() * u.d("x"),
    "a weight": lambda u, x: u.d("t") * torch.exp(-(u.d("t") ** 2).detach()),
    "a small term": lambda u, x: u.d("t") - 0.02 * u.d("xx").detach(),
    "one component of two": lambda u, x: (u.d("t"), u - u.value.detach() ** 3),
    "a part of the region": lambda u, x: torch.where(x.x > 0.7, u.d("t").detach(), u.d("t")),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HIDING)
def test_hiding(name, dtype):
    with pytest.warns(ax.DerivativeWarning, match="condition 'here': the derivatives that autogr"):
        jacobian_of(ax.Condition(HIDING[name], SQUARE.grid(10)), dtype)


# Kinks, jumps, poles, rounding errors, oscillations: autograd is right about all of them.
OPEN = {
    "linear": lambda u, x: u.d("t") - 0.25 * u.d("xx"),
    "abs, relu, clamp": lambda u, x: (
        u.d("t").abs() - torch.relu(u.d("xx")) + u.value.clamp(-0.5, 0.5)
    ),
    "where": lambda u, x: torch.where(u.value > 0, u.d("x"), -u.d("t")),
    "a step": lambda u, x: (u.value > 0).to(u.value) * u.d("x") + u.d("t"),
    "sign": lambda u, x: torch.sign(u.value) * u.d("x"),
    "greater and less": lambda u, x: (
        torch.maximum(u.value, u.d("x")) - torch.minimum(u.d("t"), u.d("x"))
    ),
    "sqrt": lambda u, x: torch.sqrt(u.value) - u.d("x"),
    "log": lambda u, x: torch.log(u.value.abs()) - u.d("x"),
    "a pole": lambda u, x: 1 / u.value - u.d("x"),
    "high powers": lambda u, x: u.value**-3 - u.d("x") ** 7,
    "exp": lambda u, x: torch.exp(5 * u.value) - u.d("x"),
    "round": lambda u, x: torch.round(u.value) - u.d("x"),
    "steep": lambda u, x: torch.tanh(u.value / 1e-3) - u.d("x"),
    "an angle": lambda u, x: torch.atan2(u.d("x"), u.d("t")),
    "large": lambda u, x: 1e8 * u.value - 1e8 * x.x + u.d("t"),
    "tiny": lambda u, x: 1e-12 * (u.d("t") - u.d("xx")),
    "beside a large number": lambda u, x: 1e-9 * u.d("t") - 1.0,
    "expressions": lambda u, x: ax.d((1 + u * u) * u.d("x"), "x") - ax.d(u.d("x").abs(), "x"),
    "a yield stress": lambda u, x: (
        u.d("t") - torch.clamp(u.d("x").abs() - 1, min=0) * torch.sign(u.d("x"))
    ),
    "oscillating": lambda u, x: torch.sin(1e5 * u.value) - u.d("x"),
    "no derivative at all": lambda u, x: 0 * u.value,
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 2, 10])
def test_open(n, dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error", ax.DerivativeWarning)
        for residual in OPEN.values():
            # Of square roots and logarithms of what is negative there is no Jacobian.
            dry_run_of(ax.Condition(residual, SQUARE.grid(n)), dtype)


def test_cancellation_in_double_precision():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ax.DerivativeWarning)
        for large in (1e6, 1e8, 1e10):
            residual = cancelling(large)
            jacobian_of(ax.Condition(residual, SQUARE.grid(10)), torch.float64)


def cancelling(large):
    return lambda u, x: (u.value + large) - large - u.d("x")


@pytest.mark.parametrize("start", [0.0, 1.0, 1e-6, 1e6, -2.0])
def test_unknowns(start):
    """Their first guess may be where a kink is; and they are as large as they are."""
    unknowns = {"nu": ax.Unknown(start)}
    grid = SQUARE.grid(5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ax.DerivativeWarning)
        for residual in (
            lambda u, x, c: torch.relu(c.nu) * u.d("x") - u.d("t"),
            lambda u, x, c: c.nu.abs() * u.d("x"),
            lambda u, x, c: torch.clamp(c.nu, min=start) * u + u.d("t"),
        ):
            jacobian_of(ax.Condition(residual, grid), unknowns=unknowns)
    hidden = ax.Condition(lambda u, x, c: u.d("x") - c.nu.detach() * u, grid)
    used = ax.Condition(lambda u, x, c: u - c.nu, grid)
    with pytest.warns(ax.DerivativeWarning):
        jacobian_of(hidden, unknowns=unknowns, more={"used": used})


def test_all_kinds_of_conditions():
    nodes = SQUARE.quadrature(3)
    for condition in (
        ax.Integral(lambda u, x: u.value.detach() * u, nodes),
        ax.Data(SQUARE.grid(3), torch.zeros(9), of=lambda u, x: u.value.detach() * u),
        ax.Paired(lambda a, b: a.u.value.detach() - b.u, SQUARE.opposite("x").grid(4)),
        ax.IntegroDifferential(
            lambda u, x, i: u - i,
            SQUARE.grid(3),
            integrand=lambda u, y, x: u.value.detach() * u,
            over=nodes,
        ),
    ):
        with pytest.warns(ax.DerivativeWarning, match="condition 'here'"):
            jacobian_of(condition)


def test_a_run_that_stalls_says_why():
    line = ax.Box(x=(0, 1))
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.Condition(
                lambda u, x: u.d("x").detach() + 0.1 * u - torch.cos(3 * x.x), line.grid(20)
            ),
            "start": ax.Condition(lambda u, x: u, line.face(x=0).grid(1)),
        },
    )
    with pytest.warns(ax.DerivativeWarning, match="condition 'equation'") as caught:
        run = ax.train(problem, ax.MLP([1, 5, 1]), steps=20, progress=False)
    assert [w.filename for w in caught if w.category is ax.DerivativeWarning] == [__file__]
    assert run.verdict is not ax.Verdict.SOLVED
    assert "let autograd see all of 'equation'" in run.warning
    with pytest.warns(ax.DerivativeWarning, match="condition 'equation'") as caught:
        ax.step(problem, ax.MLP([1, 5, 1]), run.theta)
    assert [w.filename for w in caught if w.category is ax.DerivativeWarning] == [__file__]


def problem_of(condition, unknowns=None, more=None) -> ax.Problem:
    conditions = {"here": condition, **(more or {})}
    return ax.Problem(("t", "x"), ("u",), conditions, unknowns=unknowns or {})


def jacobian_of(condition, dtype=torch.float64, unknowns=None, more=None):
    problem = problem_of(condition, unknowns, more)
    model = ax.Model(ax.MLP([2, 4, 1], dtype=dtype)).bound(problem)
    return ax.jacobian(problem, model, model.init(0))


def dry_run_of(condition, dtype):
    """As ``jacobian_of``, of residuals that are not finite everywhere as well."""
    with contextlib.suppress(ax.NonFiniteError):  # raised behind the dry run
        jacobian_of(condition, dtype)
