"""What the dry run of a residual finds out, and what it refuses."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem

SQUARE = ax.Box(t=(0, 1), x=(0, 1))
MODEL = ax.MLP([2, 6, 1])
THETA = MODEL.init(0)


def smooth(u, x):
    return u.d("x") - x.x + u * x.t


def problem(residual, points=None) -> ax.Problem:
    points = SQUARE.grid(6) if points is None else points
    return ax.Problem(("t", "x"), ("u",), {"here": ax.Condition(residual, points)})


@pytest.mark.parametrize("shift", [1, 2, 3, 4, 6, 18, 35])
def test_shifts_are_not_pointwise(shift):
    with pytest.raises(ValueError, match="'here': residual is not pointwise"):
        ax.jacobian(problem(lambda u, x: u - torch.roll(u.value, shift)), MODEL, THETA)


@pytest.mark.parametrize("n", [2, 3, 4, 8])
def test_pairs_of_few_points_are_not_pointwise(n):
    points = SQUARE.sobol(n)(0)
    with pytest.raises(ValueError, match="'here': residual is not pointwise"):
        ax.jacobian(problem(lambda u, x: u - torch.roll(u.value, n // 2), points), MODEL, THETA)


def test_even_points_that_look_at_odd_ones_are_not_pointwise():
    even = torch.arange(36) % 2 == 0
    with pytest.raises(ValueError, match="'here': residual is not pointwise"):
        ax.jacobian(
            problem(lambda u, x: u - torch.where(even, torch.roll(u.value, 1), 0.0)), MODEL, THETA
        )


def test_a_parameter_of_torch_is_refused_and_not_silently_a_constant():
    nu = torch.nn.Parameter(torch.tensor(0.1, dtype=torch.float64))
    heat = problem(lambda u, x: u.d("t") - nu * u.d("xx"))
    with pytest.raises(ValueError, match=r"'here': .* shape \[\] that requires grad .* detach"):
        ax.jacobian(heat, MODEL, THETA)
    ax.jacobian(problem(lambda u, x: u.d("t") - nu.detach() * u.d("xx")), MODEL, THETA)


def test_gradients_switched_off_around_a_call_do_not_matter():
    curve = problem(lambda u, x: u.d("x") - x.x)
    expected_r, expected_J = ax.jacobian(curve, MODEL, THETA)
    with torch.no_grad():
        r, J = ax.jacobian(problem(lambda u, x: u.d("x") - x.x), MODEL, THETA)
        run = ax.train(curve, MODEL, steps=2, progress=False)
    assert torch.equal(r, expected_r)
    assert torch.equal(J, expected_J)
    assert run.steps == 2


@pytest.mark.parametrize("method", ["natural_lm", "lbfgs"])
def test_inference_mode_around_a_call_does_not_matter(method):
    expected = ax.step(problem(smooth), MODEL, THETA)
    with torch.inference_mode():
        made_inside, theta = problem(smooth), THETA.clone()  # inference tensors
        inside = ax.step(made_inside, MODEL, theta)
        run = ax.train(made_inside, MODEL, theta=theta, method=method, steps=2, progress=False)
        rows = ax.jacobian(made_inside, MODEL, theta)
    outside = ax.step(made_inside, MODEL, theta)  # with the system that was made inside
    assert torch.equal(inside.theta, expected.theta)
    assert torch.equal(outside.theta, expected.theta)
    for found, wanted in zip(rows, ax.jacobian(made_inside, MODEL, THETA), strict=True):
        assert torch.equal(found, wanted)
    assert run.steps == 2


def halved(u, x):
    x.points.mul_(0.5)
    return u - x.x


def halved_column(u, x):
    x.x.mul_(0.5)
    return u - x.x


@pytest.mark.parametrize("residual", [halved, halved_column])
def test_points_changed_in_place_are_refused_and_stay_what_they_were(residual):
    points = SQUARE.grid(6)
    careless = problem(residual, points)
    before = careless.conditions["here"].points.clone()
    for call in (ax.jacobian, ax.step):
        with pytest.raises(ValueError, match=r"'here': residual must leave its coordinates"):
            call(careless, MODEL, THETA)
    with pytest.raises(ValueError, match=r"'here': residual must leave its coordinates"):
        ax.train(careless, MODEL, steps=2, progress=False)
    assert torch.equal(careless.conditions["here"].points, before)


def test_points_changed_in_place_after_the_dry_run():
    changed = []
    moody = problem(lambda u, x: halved(u, x) if changed else smooth(u, x))
    expected, _ = ax.jacobian(moody, MODEL, THETA)
    changed.append(True)
    with pytest.raises(ValueError, match=r"'here': residual must leave its coordinates"):
        ax.jacobian(moody, MODEL, THETA)
    changed.clear()
    assert torch.equal(ax.jacobian(moody, MODEL, THETA)[0], expected)


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (lambda u, x: (u - x.x).sum(), r"must have shape \[.*36\] as in its dry run"),
        (
            lambda u, x: u.value[..., :-3],
            r"shape \[.*36\] as in its dry run, got \[.*33\]",
        ),
        (lambda u, x: (u - x.x, u.d("x")), "must return 1 components as in its dry run, got 2"),
    ],
)
def test_other_components_than_in_the_dry_run_are_refused(later, message):
    changed = []
    moody = problem(lambda u, x: later(u, x) if changed else u - x.x + 0 * u.d("x"))
    ax.jacobian(moody, MODEL, THETA)
    changed.append(True)
    with pytest.raises(ValueError, match=f"'here': .*{message}"):
        ax.jacobian(moody, MODEL, THETA)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_measurements_are_recognised_however_few(n):
    data = torch.arange(n, dtype=torch.float64)
    points = SQUARE.sobol(n)(1)
    system = PdeSystem(problem(lambda u, x: u - data, points), MODEL)
    assert system.held_out() == {"here": None}


def twice(values):
    values.data *= 2
    return values


def twice_without_gradients(values):
    with torch.no_grad():
        return values.mul_(2)


@pytest.mark.parametrize("change", [twice, twice_without_gradients])
def test_fields_changed_in_place_are_refused(change):
    """The engine's numbers would be others than the residual's: a run "solves" another equation."""

    def residual(u, _):
        change(u.d("xx"))
        return u.d("xx") - 2

    with pytest.raises(ValueError, match="'pde': residual must leave fields"):
        dry_run(residual)


@pytest.mark.parametrize(
    ("residual", "hint"),
    [
        (lambda u, x: u.d("xx") - (1 if x.x < 0.5 else 2), r"torch\.where\(condition, a, b\)"),
        (lambda u, x: u.d("xx").add_(1), "do not change fields in place"),
        (lambda u, x: u.d("xx") - math.sin(x.x), "not math's"),
    ],
)
def test_what_to_write_instead(residual, hint):
    with pytest.raises(ValueError, match=f"condition 'pde': .*{hint}"):
        dry_run(residual)


def dry_run(residual):
    """Raises what the dry run of a condition raises."""
    points = ax.Box(x=(0, 1)).grid(20)
    problem = ax.Problem(("x",), ("u",), {"pde": ax.Condition(residual, points)})
    return PdeSystem(problem, ax.MLP([1, 4, 1]))
