"""Integrals that hold to rounding errors, and what a vanishing integral does to the verdict."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax

LINE = ax.Box(x=(0, 1))
NODES = LINE.quadrature(16)


def insulated(*, equals: float, exact: bool, weight: float = 1.0) -> ax.Problem:
    """u'' = -pi^2 cos(pi x) with insulated ends: the mean is what determines u."""
    return ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.Condition(
                lambda u, x: u.d("xx") + math.pi**2 * torch.cos(math.pi * x.x), LINE.stratified(30)
            ),
            "ends": ax.Condition(lambda u, x: u.d("x"), LINE.faces("x").grid(1)),
            "mean": ax.Integral(lambda u, x: u, NODES, equals, weight, exact),
        },
        solution=lambda x: torch.cos(math.pi * x.x) + equals,
    )


def mean(run: ax.TrainResult) -> float:
    return float(NODES.weights @ run.model(run.theta, NODES)[:, 0])


def trained(problem: ax.Problem, steps: int, **options: object) -> ax.TrainResult:
    return ax.train(problem, ax.MLP([1, 12, 1]), steps=steps, progress=False, **options)


def test_an_exact_integral_holds_after_a_few_steps_and_nothing_else_gets_worse():
    plain = trained(insulated(equals=0.5, exact=False), 12)
    exact = trained(insulated(equals=0.5, exact=True), 12)
    assert abs(mean(plain) - 0.5) > 1e-9
    assert abs(mean(exact) - 0.5) < 1e-15
    assert exact.loss < 1.1 * plain.loss
    assert exact.loss == pytest.approx(sum(exact.losses.values()))
    assert exact.l2_error < 1.1 * plain.l2_error


def test_several_and_nonlinear_integrals_with_a_streamed_jacobian():
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x, c: u.d("xx") + c.E * u, LINE.grid(24)),
            "ends": ax.Condition(lambda u, x: u, LINE.faces("x").grid(1)),
            "norms": ax.Integral(
                lambda u, x: (u**2, u), NODES, equals=(0.5, 2 / math.pi), exact=True
            ),
        },
        unknowns={"E": ax.Unknown(9.0)},
    )
    run = trained(problem, 15, memory="streamed")
    u = run.model(run.theta, NODES)[:, 0]
    assert float(NODES.weights @ u**2) == pytest.approx(0.5, abs=1e-15)
    assert float(NODES.weights @ u) == pytest.approx(2 / math.pi, abs=1e-15)
    assert run.model.values(run.theta)["E"] == pytest.approx(math.pi**2, rel=1e-4)


def test_what_is_written_is_the_corrected_iterate(tmp_path):
    problem = insulated(equals=0.5, exact=True)
    run = trained(problem, 8, out=tmp_path)
    saved = ax.load(tmp_path, problem)
    assert torch.equal(saved.theta, run.theta)


@pytest.mark.parametrize("exact", [True, False])
def test_an_integral_that_vanishes_is_judged_by_what_cancels_in_it(exact):
    # The integral itself is as small as its residual: measured by that, it would never hold.
    run = trained(insulated(equals=0.0, exact=exact), 60)
    assert run.verdict is ax.Verdict.SOLVED
    assert run.l2_error < 1e-8
    assert run.facts.relative["mean"] < 1e-8


@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
def test_an_integral_that_is_missed_is_not_solved():
    problem = insulated(equals=0.0, exact=False)
    other = ax.Integral(lambda u, x: u, NODES, equals=0.3)
    run = trained(ax.Problem(("x",), ("u",), {**problem.conditions, "other": other}), 60)
    assert mean(run) == pytest.approx(0.15, abs=1e-6)
    assert run.verdict is not ax.Verdict.SOLVED
    assert run.facts.relative["mean"] > 0.01


def test_exact_is_a_switch():
    with pytest.raises(TypeError, match="Integral: exact must be True or False, got 1"):
        ax.Integral(lambda u, x: u, NODES, exact=1)
