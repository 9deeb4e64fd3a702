"""Where the Jacobian is zero, or as good as zero, a method stops instead of dividing by it."""

from __future__ import annotations

import pytest
import torch

import anagram_ext as ax
from anagram_ext import methods

SQUARE = ax.Box(t=(0, 1), x=(0, 1))
MODEL = ax.MLP([2, 4, 1])
ZERO = torch.zeros(MODEL.n_parameters, dtype=torch.float64)


def problem(residual, **options) -> ax.Problem:
    return ax.Problem(("t", "x"), ("u",), {"c": ax.Condition(residual, SQUARE.grid(6), **options)})


@pytest.mark.parametrize("name", methods.names())
@pytest.mark.parametrize(
    ("residual", "theta", "options"),
    [
        (lambda u, x: u.d("xx"), ZERO, {}),  # solved by zero: r = 0 and J = 0
        (lambda u, x: u - x.x, MODEL.init(0), {"weight": 5e-324}),
        (lambda u, x: 1e-200 * (u - x.x), MODEL.init(0), {}),
    ],
    ids=["solved", "least weight", "tiny"],
)
def test_a_jacobian_of_zeros(name, residual, theta, options):
    run = ax.train(
        problem(residual, **options), MODEL, theta=theta, method=name, steps=5, progress=False
    )
    assert run.loss <= 1e-300
    assert bool(torch.isfinite(run.theta).all())
