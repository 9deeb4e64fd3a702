"""What ``ax.d`` takes for a derivative is one: what autograd does not see is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem

LINE = ax.Box(x=(0, 1))
STRIP = ax.Box(t=(0, 2), x=(-1, 3))
KNOTS = np.linspace(0, 1, 50)
TABLE = torch.linspace(1, 2, 40, dtype=torch.float64)


def dry_run(residual, points, dtype=torch.float64, **options):
    """Raises what the dry run of a condition raises."""
    names = points.region.names
    condition = ax.Condition(residual, points)
    problem = ax.Problem(names, ("u",), {"pde": condition}, **options)
    PdeSystem(problem, ax.MLP([len(names), 4, 1], dtype=dtype))


def of_numpy(x):
    return torch.as_tensor(np.interp(x.detach().numpy(), KNOTS, 1 + KNOTS)).to(x)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    "residual",
    [
        lambda u, x: ax.d(of_numpy(x.x) * u.d("x"), "x") - 1,
        lambda u, x: ax.d((1 + x.x).detach() * u.d("x"), "x") - 1,
        lambda u, x: ax.d(u.value.detach() * u.d("x"), "x"),
        lambda u, x: ax.d(x.x + u, "x") + ax.d(ax.d(of_numpy(x.x) * u, "x"), "x"),
        lambda u, x: ax.d(torch.where(x.x > 0.8, u.value.detach(), u) + u, "x"),
    ],
    ids=["NumPy", "detached coordinate", "detached field", "in the second derivative", "a layer"],
)
def test_a_coefficient_that_autograd_does_not_see(residual, dtype):
    with pytest.raises(ValueError, match=r"'pde': ax.d must see all .* along 'x'"):
        dry_run(residual, LINE.grid(40), dtype)


def hiding(u):
    return ax.d(u.value.detach() + u.value, "x")


def open_to_autograd(u):
    return ax.d(u * u.d("x"), "x")


def conditions(of):
    """Every kind that may differentiate an expression, with ``of`` of its field."""
    nodes = LINE.quadrature(5)
    return {
        "pairs": ax.Paired(lambda a, b: of(a.u) - b.u, STRIP.opposite("x").grid(5)),
        "second points": ax.Paired(lambda a, b: a.u - of(b.u), STRIP.opposite("x").grid(5)),
        "an integral": ax.Integral(lambda u, x: of(u), nodes),
        "an integral of each point": ax.IntegroDifferential(
            lambda u, x, i: u - i, LINE.grid(5), integrand=lambda u, y, x: of(u) * x.x, over=nodes
        ),
        "an integral as a coefficient": ax.IntegroDifferential(
            lambda u, x, i: of(u) - i, LINE.grid(5), integrand=lambda u, y, x: u * y.x, over=nodes
        ),
        "up to each point": ax.IntegroDifferential(
            lambda u, x, i: of(u) - i,
            LINE.grid(5),
            integrand=lambda u, y, x: of(u),
            over=LINE.up_to("x", 4),
        ),
    }


@pytest.mark.parametrize("kind", conditions(hiding))
def test_every_kind_of_condition(kind):
    def dry(condition):
        region = STRIP if isinstance(condition, ax.Paired) else LINE
        problem = ax.Problem(region.names, ("u",), {"pde": condition})
        PdeSystem(problem, ax.MLP([len(region.names), 4, 1]))

    dry(conditions(open_to_autograd)[kind])
    with pytest.raises(ValueError, match=r"'pde': ax.d must see all .* along 'x'"):
        dry(conditions(hiding)[kind])


def dry_run_of_map(outputs, of, dtype=torch.float64, n=25):
    problem = ax.Problem(("t", "x"), ("u",), {"pde": ax.Condition(of, STRIP.grid(5)[:n])})
    PdeSystem(problem, ax.Model(ax.MLP([2, 4, 1], dtype=dtype), outputs=outputs))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_an_output_map_that_autograd_does_not_see(dtype):
    for outputs in (
        lambda u, x: of_numpy(x.x) * u,
        lambda u, x: of_numpy(x.x) + u,
        lambda u, x: u.value.detach() ** 2 + u,
    ):
        with pytest.raises(ValueError, match=r"'pde': outputs must be written in torch, got a map"):
            dry_run_of_map(outputs, lambda u, x: u.d("x") - 1, dtype)
        dry_run_of_map(outputs, lambda u, x: u - 1, dtype)  # only differentiated it is wrong


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_no_alarm_of_an_output_map(dtype):
    for outputs in (
        lambda u, x: x.x * (1 - x.x) * u + torch.sin(x.t),
        lambda u, x: torch.exp(u) + torch.relu(x.x - 1),
        lambda u, x: (x.x - 1).abs() * u,
        lambda u, x: x.x * u.value.detach() + u,  # affine: known by its values
        lambda u, x: torch.where(x.x > 1, u.value, -u.value),
        lambda u, x: u + ax.d(u * x.x, "x"),
        lambda u, x: u.value * u.value,
    ):
        for n in (25, 1, 0):
            dry_run_of_map(outputs, lambda u, x: u.d("x") - u.d("t"), dtype, n)
    # A map of fourth derivatives has none that could be asked for.
    dry_run_of_map(lambda u, x: u.d("xxxx") + u, lambda u, x: u - 1, dtype)


def test_values_by_point_have_no_derivative():
    with pytest.raises(ValueError, match=r"'pde': ax\.d must be given an expression of"):
        dry_run(lambda u, x: ax.d(TABLE * u.d("x"), "x") - 1, LINE.grid(40))
    # Outside of it they may stand.
    dry_run(lambda u, x: ax.d((1 + x.x) * u.d("x"), "x") - TABLE, LINE.grid(40))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    "residual",
    [
        lambda u, x: ax.d((1 + x.x**2) * u.d("x"), "x") - u.d("t"),
        lambda u, x: ax.d(torch.sin(40 * x.x * x.t) * u, "xx") - u.d("t"),
        lambda u, x: ax.d(torch.where(x.x < 0.4, 1.0, 10.0) * u.d("x"), "x"),
        lambda u, x: ax.d(torch.abs(u) * u.d("x") * u, "x") + ax.d(u**2 / (1 + x.t), "t"),
        lambda u, x: ax.d(torch.log(u) + torch.sqrt(x.x), "x"),  # no numbers at most points
        lambda u, x: ax.d(torch.tensor(3.0) + 0 * u, "x") + u,
        lambda u, x: ax.d(torch.round(5 * x.x) * u, "x"),
        lambda u, x: ax.d(ax.d(u * x.x, "x") * x.x, "x"),
        lambda u, x: ax.d(torch.relu(x.x - 1) * u, "x") + ax.d((x.t - 1).abs() * u, "t"),
        lambda u, x: ax.d(1e6 * torch.exp(-x.t) * u, "t") + ax.d(1e-6 * x.t * u, "x"),
    ],
)
@pytest.mark.parametrize("n", [5, 12])  # of five points one in five lies on a kink in the middle
def test_no_alarm(residual, n, dtype):
    dry_run(residual, STRIP.grid(n), dtype)


def test_no_alarm_with_an_unknown_or_a_single_point():
    dry_run(
        lambda u, x, c: ax.d(c.nu * torch.cos(x.x) * u.d("x"), "x"),
        STRIP.grid(6),
        unknowns={"nu": ax.Unknown(0.1)},
    )
    dry_run(lambda u, x: ax.d(x.x * u, "x"), LINE.face(x=0).grid(1))


def test_the_derivative_that_was_lost_is_that_of_the_coefficient():
    """(k u')' = 1 with k = 1 + x: the torch coefficient gives the closed form."""
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x: ax.d((1 + x.x) * u.d("x"), "x") - 1, LINE.grid(40)),
            "ends": ax.Condition(lambda u, x: u, LINE.faces("x").grid(1)),
        },
        solution=lambda x: x.x - torch.log(1 + x.x) / math.log(2),
    )
    run = ax.train(problem, ax.MLP([1, 16, 1]), steps=60, progress=False)
    assert run.verdict is ax.Verdict.SOLVED
    assert run.l2_relative < 1e-8
