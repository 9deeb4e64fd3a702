"""Bad input: the error names the argument and its value before anything is computed."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax

POINTS = torch.rand(8, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
MODEL = ax.MLP([2, 4, 1])
THETA = MODEL.init(0)


def problem(residual=lambda u, x: u.d("x"), points=POINTS, **options):
    return ax.Problem(("t", "x"), ("u",), {"here": ax.Condition(residual, points)}, **options)


def with_points(points):
    return lambda: problem(points=points)


NAN_POINTS = POINTS.clone()
NAN_POINTS[3, 1] = math.nan


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (with_points(POINTS[0]), ValueError, r"'here' must have shape \[n, 2\], got \[2\]"),
        (with_points(POINTS[:, :1]), ValueError, r"must have shape \[n, 2\], got \[8, 1\]"),
        (with_points(POINTS.int()), TypeError, "must be float64 or float32, got torch.int32"),
        (with_points(POINTS.half()), TypeError, "got torch.float16"),
        (with_points(POINTS.to("meta")), ValueError, "must be on the CPU, got device meta"),
        (with_points(NAN_POINTS), ValueError, r"'here' must be finite, got \[.*nan\] in row 3"),
        (with_points(POINTS.tolist()), TypeError, "points must be a tensor"),
        (lambda: problem(residual="u"), TypeError, "residual must be callable, got 'u'"),
        (lambda: ax.Condition(lambda u, x: u, POINTS, weight=-1), ValueError, "weight .* -1"),
        (lambda: ax.Condition(lambda u, x: u, POINTS, weight=math.nan), ValueError, "weight"),
        (lambda: ax.Condition(lambda u, x: u, POINTS, weight="2"), TypeError, "weight .* '2'"),
        (lambda: problem(row_scaling="sum"), ValueError, "row_scaling must be .* 'sum'"),
        (lambda: problem(solution=1.0), TypeError, "solution must be callable, got 1.0"),
        (lambda: problem(evaluation=POINTS[:, :1]), ValueError, "evaluation must have shape"),
        (lambda: problem(model=ax.MLP([3, 4, 1])), ValueError, r"model must .*\(3, 4, 1\)"),
        (lambda: ax.Problem(("t",), ("u",), {}), ValueError, "at least one Condition"),
        (lambda: ax.Problem(("t",), ("u",), {"a": 1}), TypeError, "'a' must be a Condition"),
        (lambda: ax.Problem("tx", ("u",), {}), TypeError, "coordinates must be a sequence"),
        (lambda: ax.Problem(("t",), "u", {}), TypeError, r"fields must be a sequence .*\('u',\)"),
        (lambda: ax.Problem(("t",), (), {}), ValueError, "fields must be one or more"),
        (lambda: ax.Problem(("t", "t"), ("u",), {}), ValueError, "must all differ"),
        (lambda: ax.Problem((1,), ("u",), {}), TypeError, "each of coordinates .* got 1"),
    ],
)  # fmt: skip  # a table
def test_problems(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("residual", "error", "message"),
    [
        (lambda u, x: u.d("y"), ValueError, "condition 'here': unknown derivative 'y'"),
        (lambda u, x: u.d("xxxxx"), ValueError, "condition 'here': .* order 5; the highest is 4"),
        (lambda u, x: u - x["q"], ValueError, "condition 'here': unknown coordinate 'q'"),
        (lambda u: u, TypeError, "condition 'here': residual must take 2 arguments"),
        (lambda u, x: u.d("x").sum(), ValueError, r"component 0 must have shape \[8\], got \[\]"),
        (lambda u, x: (u, u.d("x")[:, None]), ValueError, r"component 1 .* got \[8, 1\]"),
        (lambda u, x: u.d("x")[:4], ValueError, r"must have shape \[8\], got \[4\]"),
        (lambda u, x: u.d("x").float(), TypeError, "must be torch.float64 .* got torch.float32"),
        (lambda u, x: 0.0, TypeError, "component 0 must be a tensor, got float"),
        (lambda u, x: (), ValueError, "returned no component"),
        (lambda u, x: x.t - 1, ValueError, "component 0 does not depend on any field"),
        (lambda u, x: u - u.value.mean(), ValueError, "is not pointwise"),
        (lambda u, x: torch.cumsum(u, 0), ValueError, "is not pointwise"),
        (lambda u, x: u + u.d("x").flip(0), ValueError, "is not pointwise"),
        (lambda u, x: u.d("x").mul_(2), ValueError, "condition 'here': .*in-place"),
    ],
)
def test_residuals(residual, error, message):
    with pytest.raises(error, match=message):
        ax.jacobian(problem(residual), MODEL, THETA)


@pytest.mark.parametrize(
    ("theta", "error", "message"),
    [
        (THETA[:-1], ValueError, r"theta must have shape \[17\], got \[16\]"),
        (THETA[None], ValueError, r"theta must have shape \[17\], got \[1, 17\]"),
        (THETA.float(), TypeError, "theta must be torch.float64 .*, got torch.float32"),
        (THETA.to("meta"), ValueError, "theta must be on the CPU, got device meta"),
        (THETA.numpy(), TypeError, "theta must be a tensor, got ndarray"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        lambda theta: ax.jacobian(problem(), MODEL, theta),
        lambda theta: ax.step(problem(), MODEL, theta),
        lambda theta: MODEL(theta, POINTS),
        lambda theta: MODEL.jet(theta, POINTS, ("x",)),
        MODEL.to_torch,
    ],
)
def test_parameters(use, theta, error, message):
    with pytest.raises(error, match=message):
        use(theta)


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: MODEL(THETA, POINTS[:, :1]), ValueError, r"points must have shape \[n, 2\]"),
        (lambda: MODEL(THETA, NAN_POINTS), ValueError, "points must be finite"),
        (lambda: MODEL.jet(THETA, POINTS, ("xxxxy",)), ValueError, "order 5"),
        (lambda: MODEL.jet(THETA, POINTS, ("s",)), ValueError, "unknown derivative 's'"),
        (
            lambda: ax.jacobian(problem(), ax.MLP([1, 4, 1]), THETA),
            ValueError,
            r"model must .*\(1, 4, 1\)",
        ),
        (lambda: ax.step(problem(), MODEL, THETA, cutoff=-1e-6), ValueError, "cutoff.*-1e-06"),
        (lambda: ax.step(problem(), MODEL, THETA, cutoff=math.nan), ValueError, "cutoff"),
        (lambda: ax.step(problem(), MODEL, THETA, search="golden"), ValueError, "'golden'"),
        (lambda: ax.train(problem(), MODEL, steps=1, device="cuda"), ax.BackendUnavailable, "cpu"),
    ],
)
@pytest.mark.usefixtures("no_cuda")
def test_calls(use, error, message):
    with pytest.raises(error, match=message):
        use()


@pytest.mark.parametrize(
    ("points", "error", "message"),
    [
        (POINTS[:, :1], ValueError, r"drawn for condition 'here' must have shape \[n, 2\]"),
        (NAN_POINTS, ValueError, "drawn for condition 'here' must be finite"),
        (POINTS[:5], ValueError, "drawn for condition 'here' must be 8 as announced, got 5"),
    ],
)
def test_samplers(points, error, message):
    sampler = ax.Sampler(8, lambda seed: points)
    with pytest.raises(error, match=message):
        ax.jacobian(problem(points=sampler), MODEL, THETA)


def test_a_residual_that_is_not_finite_names_condition_and_point():
    points = torch.tensor([[0.5, 1.0], [0.25, 0.0], [1.0, 2.0]], dtype=torch.float64)
    singular = problem(lambda u, x: u.d("x") / x.x, points)
    with pytest.raises(ax.NonFiniteError, match=r"'here': residual .* t=0.25, x=0$") as caught:
        ax.jacobian(singular, MODEL, THETA)
    assert caught.value.condition == "here"
    assert caught.value.point == (0.25, 0.0)


def test_a_derivative_that_is_not_finite_names_condition_and_point():
    # The square root of zero is finite, its derivative is not.
    points = torch.tensor([[0.5, 1.0], [0.25, 0.0]], dtype=torch.float64)
    singular = problem(lambda u, x: torch.sqrt(u.value**2 * x.x), points)
    with pytest.raises(ax.NonFiniteError, match=r"derivative of the residual .* t=0.25, x=0$"):
        ax.jacobian(singular, MODEL, THETA)


def test_derivatives_must_not_depend_on_values():
    asked = ["x"]
    moody = problem(lambda u, x: u.d(asked[0]))
    ax.jacobian(moody, MODEL, THETA)
    asked[0] = "t"
    with pytest.raises(ValueError, match="another derivative than in its dry run"):
        ax.jacobian(moody, MODEL, THETA)
