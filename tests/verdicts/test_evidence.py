"""What a run knows of its own error, in cases that can be calculated by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.verdicts.evidence import gather, relative_residuals
from anagram_ext.verdicts.validation import Validation

LINE = ax.Box(x=(0, 1))
MODEL = ax.MLP([1, 1], "identity")  # u = a x + b


def system_with(conditions, model=MODEL) -> PdeSystem:
    return PdeSystem(ax.Problem(("x",), ("u",), conditions), model)


def relative(conditions, theta) -> dict[str, float]:
    system = system_with(conditions)
    return relative_residuals(system, system.blocks, theta)


def test_residuals_are_measured_by_the_terms_in_them():
    theta = torch.tensor([0.0, 2.0], dtype=torch.float64)  # u = 2
    found = relative(
        {
            # 2 - 1.5: a quarter too much, of a field of size 2 and a value of size 1.5
            "value": ax.Condition(lambda u, x: u - 1.5, LINE.grid(5)),
            # the same equation in other units
            "scaled": ax.Condition(lambda u, x: 1e6 * (u - 1.5), LINE.grid(5), weight=7.0),
        },
        theta,
    )
    assert found["value"] == pytest.approx(0.5 / 3.5, rel=1e-12)
    assert found["scaled"] == pytest.approx(found["value"], rel=1e-12)


def test_a_zero_wall_has_the_size_of_the_field():
    theta = torch.tensor([3.0, 1e-3], dtype=torch.float64)
    found = relative(
        {
            "inside": ax.Condition(lambda u, x: u.d("x") - 3.0, LINE.grid(99)),
            "wall": ax.Condition(lambda u, x: u, LINE.face(x=0).grid()),
        },
        theta,
    )
    everywhere = np.append(LINE.grid(99).numpy()[:, 0], 0.0)
    size = np.sqrt(np.mean((3 * everywhere + 1e-3) ** 2))
    assert found["wall"] == pytest.approx(1e-3 / size, rel=1e-10)
    assert found["inside"] == 0.0


def test_of_several_residuals_the_worst_counts():
    theta = torch.tensor([1.0, 0.0], dtype=torch.float64)
    found = relative(
        {"two": ax.Condition(lambda u, x: (1e6 * (u - x.x), u.d("x") - 0.5), LINE.grid(5))}, theta
    )
    assert found["two"] == pytest.approx(0.5 / 1.5, rel=1e-12)


def test_what_is_not_finite_is_endless():
    theta = torch.tensor([0.0, -1.0], dtype=torch.float64)
    assert relative({"a": ax.Condition(lambda u, x: torch.log(u), LINE.grid(3))}, theta) == {
        "a": math.inf
    }


def test_a_failure_is_not_looked_into():
    data = ax.Data(torch.tensor([[0.5]], dtype=torch.float64), torch.tensor([1.0]).double())
    system = system_with(
        {"slope": ax.Condition(lambda u, x: u.d("x") - 1, LINE.grid(4)), "d": data}
    )
    evidence = gather(system, Validation(system), torch.tensor([2.0, 0.0], dtype=torch.float64))
    assert evidence.relative["slope"] > 0.1
    assert math.isnan(evidence.error.likely)
    assert math.isnan(evidence.unseen.free["d"])
    assert math.isnan(evidence.unseen.press["d"])


def test_a_jacobian_too_large_is_made_on_fewer_points(monkeypatch):
    theta = torch.tensor([2.0, 1.001], dtype=torch.float64)
    system = system_with(
        {
            "slope": ax.Condition(lambda u, x: u.d("x") - 2.0, LINE.grid(50)),
            "start": ax.Condition(lambda u, x: u - 1.0, LINE.face(x=0).grid()),
        }
    )
    whole = gather(system, Validation(system), theta).error
    monkeypatch.setattr("anagram_ext.verdicts.evidence.MOST_ENTRIES", 0)
    fewer = gather(system, Validation(system), theta).error
    assert whole != fewer
    assert fewer.likely == pytest.approx(whole.likely, rel=0.1)


def test_an_operator_that_vanishes_everywhere_is_no_measure_of_itself():
    square = ax.Box(x=(0, 1), y=(0, 1))
    harmonic = lambda x: torch.exp(x.x) * torch.sin(x.y)
    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "laplace": ax.Condition(lambda u, x: u.laplacian(), square.stratified(10)),
            "walls": ax.Condition(lambda u, x: u - harmonic(x), square.boundary().stratified(12)),
        },
        solution=harmonic,
    )
    run = ax.train(problem, ax.MLP([2, 16, 1]), steps=80, progress=False)
    assert run.l2_relative < 1e-6
    assert run.verdict is ax.Verdict.SOLVED


ENDS = {"ends": ax.Condition(lambda u, x: u, LINE.faces("x").grid(1))}


@pytest.mark.parametrize(
    ("residual", "ends"),
    [
        (lambda u, x: u.d("xx"), False),
        (lambda u, x: u.d("x") - 1.0, False),
        (lambda u, x: torch.relu(u.d("xx") - 2.0), True),
    ],
    ids=["no values", "no value", "an inequality"],
)
def test_conditions_that_hold_exactly_may_determine_nothing(residual, ends):
    """A residual of 1e-30 seemed to leave room for an error of 1e-4 only."""
    conditions = {"equation": ax.Condition(residual, LINE.grid(40)), **(ENDS if ends else {})}
    problem = ax.Problem(("x",), ("u",), conditions)
    run = ax.train(problem, ax.MLP([1, 12, 1]), steps=60, progress=False)
    assert run.loss < 1e-25
    assert run.verdict is ax.Verdict.CONVERGED
    assert "do not determine the fields" in run.warning
    advice = "the conditions that are missing" if ends else "the condition that is missing: lines"
    assert f"add {advice}" in run.warning


def test_the_estimated_error_of_a_field_that_only_its_effect_shows():
    """Directions with tiny singular values were left out of it: it was 1000 times too small."""
    at = torch.linspace(-1, 1, 100, dtype=torch.float64)[:, None]
    line = ax.Box(x=(-1, 1))
    conditions = {
        "equation": ax.Condition(lambda u, q, x: q - u.d("xx"), line.stratified(200)),
        "data": ax.Data(at, torch.sin(math.pi * at[:, 0]), of=lambda u, q, x: u),
    }
    model = ax.Model({"u": ax.MLP([1, 16, 16, 1]), "q": ax.MLP([1, 16, 1])})
    run = ax.train(ax.Problem(("x",), ("u", "q"), conditions), model, steps=80, progress=False)
    points = line.grid(500)
    q = -(math.pi**2) * torch.sin(math.pi * points[:, 0])
    found = run.model(run.theta, points)[:, 1]
    error = float(torch.linalg.vector_norm(found - q) / torch.linalg.vector_norm(q))
    assert error / 5 < run.estimated_error < 5 * error


@pytest.mark.parametrize(
    "factor",
    [lambda c: c.a * c.b, lambda c: c.b, lambda c: c.b + 0.0 * c.a],
    ids=["a product", "one that is nowhere", "one that is nothing"],
)
@pytest.mark.filterwarnings("ignore:unknowns. no condition uses:anagram_ext.TrainingWarning")
def test_unknowns_that_nothing_determines_are_no_solution(factor):
    """Fields to round-off say nothing of the two factors of a number."""
    sensors = LINE.grid(9)
    values = sensors[:, 0] * (1 - sensors[:, 0])
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x, c: u.d("xx") + factor(c), LINE.grid(40)),
            "measured": ax.Data(sensors, values),
            **ENDS,
        },
        unknowns={"a": ax.Unknown(1.0), "b": ax.Unknown(1.0)},
    )
    run = ax.train(problem, ax.MLP([1, 12, 1]), steps=60, progress=False)
    assert run.verdict is ax.Verdict.CONVERGED
    assert "do not determine the unknown 'a'" in run.warning


def test_an_unknown_that_is_determined_is_solved():
    sensors = LINE.grid(9)
    values = sensors[:, 0] * (1 - sensors[:, 0])
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x, c: u.d("xx") + c.a, LINE.grid(40)),
            "measured": ax.Data(sensors, values),
            **ENDS,
        },
        unknowns={"a": ax.Unknown(1.0)},
    )
    run = ax.train(problem, ax.MLP([1, 12, 1]), steps=60, progress=False)
    assert run.values["a"] == pytest.approx(2.0, rel=1e-9)
    assert run.verdict is ax.Verdict.SOLVED


def test_more_steps_are_no_advice_where_a_condition_is_missing():
    """A wave without its first velocity: the loss still falls, and the answer is any."""
    square = ax.Box(t=(0, 1), x=(0, 1))
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.d("tt") - u.d("xx"), square.stratified(14)),
            "start": ax.Condition(
                lambda u, x: u - torch.sin(torch.pi * x.x), square.face(t=0).grid(20)
            ),
            "ends": ax.Condition(lambda u, x: u, square.faces("x").grid(20)),
        },
    )
    run = ax.train(problem, ax.MLP([2, 20, 1]), steps=60, progress=False)
    assert run.facts.improving
    assert run.verdict is ax.Verdict.CONVERGED
    assert "add the condition that is missing: lines along t" in run.warning


def test_an_equation_of_integrals_alone_is_not_judged_by_its_residual():
    """What the nodes miss, here a peak of the kernel, no residual shows."""
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.IntegroDifferential(
                lambda u, x, integral: u - 1 - integral,
                LINE.sobol(30),
                integrand=lambda u, y, x: 100 * torch.exp(-(((y.x - 0.37) / 2e-3) ** 2)) * u,
                over=LINE.quadrature(12),
            )
        },
    )
    run = ax.train(problem, ax.MLP([1, 12, 1]), steps=60, progress=False)
    assert run.loss < 1e-20
    assert run.verdict is ax.Verdict.CONVERGED
    assert "what that means for the error is not known" in run.warning


def test_a_trivial_solution_is_called_so():
    """u'' + 9 u = 0 with u = 0 at both ends has no other."""
    problem = ax.Problem(
        ("x",),
        ("u",),
        {"equation": ax.Condition(lambda u, x: u.d("xx") + 9 * u, LINE.stratified(40)), **ENDS},
    )
    with pytest.warns(ax.TrainingWarning, match="trivial solution, such as u = 0"):
        run = ax.train(problem, ax.MLP([1, 16, 1]), steps=60, progress=False)
    assert run.loss < 1e-20
    assert run.verdict is ax.Verdict.STALLED
    assert "add the conditions that are missing" in run.warning


def test_a_seam_where_the_field_vanishes_has_the_size_of_the_field():
    # An odd solution is zero on both walls of the period, and so is its second derivative: the
    # seam is no less satisfied than where the field is large.
    ring = ax.Box(t=(0, 1), x=(-1, 1))
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "heat": ax.Condition(lambda u, x: u.d("t") - 0.1 * u.d("xx"), ring.stratified(20)),
            "start": ax.Condition(
                lambda u, x: u - torch.sin(math.pi * x.x), ring.face(t=0).stratified(30)
            ),
            "seam": ax.Paired(
                lambda a, b: (a.u - b.u, a.u.d("x") - b.u.d("x")), ring.opposite("x").stratified(30)
            ),
        },
        solution=lambda x: torch.exp(-0.1 * math.pi**2 * x.t) * torch.sin(math.pi * x.x),
    )
    run = ax.train(problem, ax.MLP([2, 20, 1]), steps=120, progress=False)
    assert run.l2_error < 1e-5
    assert run.facts.relative["seam"] < 1e-4  # by the size at the seam it would be 0.85
    assert run.l2_error < run.estimated_error < 1e-4
    assert run.verdict is not ax.Verdict.STALLED


def test_a_singular_feature_has_no_derivatives_at_the_points_of_other_conditions():
    line = ax.Box(x=(0, 1))
    conditions = {  # u = x^0.6 - x; the ends ask for values alone
        "equation": ax.Condition(lambda u, x: x.x**1.4 * u.d("xx") + 0.24, line.stratified(30)),
        "ends": ax.Condition(lambda u, x: u, line.faces("x").grid(1)),
    }
    model = ax.Model(ax.MLP([2, 6, 1]), inputs=lambda x: (x.x, x.x**0.6))
    run = ax.train(ax.Problem(("x",), ("u",), conditions), model, steps=30, progress=False)
    at = line.grid(50)
    exact = at[:, 0] ** 0.6 - at[:, 0]
    assert float((run.model(run.theta, at)[:, 0] - exact).abs().max()) < 1e-4
    assert run.facts.relative["equation"] < 1e-3


def test_a_start_beside_an_integral_equation_has_the_size_of_the_field():
    """u' + 2 u + 5 (integral of u up to t) = 1, u(0) = 0, is exp(-t) sin(2 t) / 2."""
    time = ax.Box(t=(0, 2))
    problem = ax.Problem(
        ("t",),
        ("u",),
        {
            "equation": ax.IntegroDifferential(
                lambda u, t, total: u.d("t") + 2 * u + 5 * total - 1,
                time.stratified(40),
                integrand=lambda u, y, t: u,
                over=time.up_to("t", 10),
            ),
            "start": ax.Condition(lambda u, t: u, time.face(t=0).grid(1)),
        },
        solution=lambda t: torch.exp(-t.t) * torch.sin(2 * t.t) / 2,
    )
    run = ax.train(problem, ax.MLP([1, 12, 1]), steps=60, progress=False)
    assert run.l2_relative < 1e-8
    assert run.verdict is ax.Verdict.SOLVED
    assert run.estimated_error < 1e-8


def test_a_condition_without_points_is_not_said_to_hold():
    """Nobody looked at it, as where a filter of points has kept none."""
    none = torch.empty((0, 1), dtype=torch.float64)
    conditions = {
        "equation": ax.Condition(lambda u, x: u.d("xx") + 2, LINE.stratified(40)),
        **ENDS,
    }
    run = ax.train(
        ax.Problem(("x",), ("u",), conditions), ax.MLP([1, 8, 1]), steps=60, progress=False
    )
    assert run.verdict is ax.Verdict.SOLVED
    conditions["slope"] = ax.Condition(lambda u, x: u.d("x") - 7, none)
    run = ax.train(
        ax.Problem(("x",), ("u",), conditions), ax.MLP([1, 8, 1]), steps=60, progress=False
    )
    assert run.verdict is ax.Verdict.CONVERGED
    assert "'slope' need not hold" in run.warning
    assert "it has no points" in run.warning
