"""What a verdict and a warning say of causes that used to look like something else."""

from __future__ import annotations

import warnings

import pytest
import torch

import anagram_ext as ax

LINE = ax.Box(x=(0, 1))
POINTS = LINE.grid(20)
START = ax.Condition(lambda u, x: u, LINE.face(x=0).grid(1))
SLOPE = ax.Condition(lambda u, x: u.d("x") - 1.0, POINTS)


def trained(conditions, steps=30, **options):
    problem = ax.Problem(("x",), ("u",), conditions, **options)
    return ax.train(problem, ax.MLP([1, 5, 1]), steps=steps, progress=False)


@pytest.mark.parametrize(
    ("weights", "lost", "heaviest"),
    [((1.0, 1e30), "equation", "start"), ((1.0, 1e-30), "start", "equation")],
)
@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
def test_a_weight_that_hides_another_condition(weights, lost, heaviest):
    run = trained(
        {
            "equation": ax.Condition(SLOPE.residual, POINTS, weight=weights[0]),
            "start": ax.Condition(START.residual, START.points, weight=weights[1]),
        }
    )
    assert run.verdict is ax.Verdict.STALLED
    assert f"{lost!r} does not hold" in run.warning
    assert f"it does not count beside {heaviest!r} with one of" in run.warning
    assert run.warning.endswith("bring the weights nearer to each other")
    assert "trivial" not in run.warning


def hole(u, x):
    """nan in the middle, where no training point is."""
    middle = (x.x > 0.48) & (x.x < 0.52)
    return (u.d("x") - 1.0) * torch.where(middle, torch.nan, torch.ones_like(x.x))


@pytest.mark.parametrize(
    ("residual", "place"),
    [
        (hole, r"x=0\.(48|49|50|51)"),
        (lambda u, x: u.d("x") - torch.sqrt(x.x - 0.02), r"x=0\.0[01]"),
        (lambda u, x: u.d("x") - 1.0 / torch.relu(x.x - 0.02), r"x=0\.0[01]"),
    ],
)
def test_a_residual_that_is_not_finite_between_the_points(residual, place):
    with pytest.warns(ax.HeldOutWarning, match="is not finite at x="):
        run = trained({"equation": ax.Condition(residual, POINTS), "start": START}, steps=15)
    assert run.verdict is ax.Verdict.DIVERGED
    pattern = f"condition 'equation': residual is not finite at {place}.*, between the training poi"
    assert torch.isfinite(run.theta).all()
    with pytest.raises(AssertionError, match=pattern):
        raise AssertionError(run.warning)


def test_unknowns_that_nothing_uses():
    unknowns = {"nu": ax.Unknown(0.7), "k": ax.Unknown([1.0, 2.0], size=2), "used": ax.Unknown(1.0)}
    equation = ax.Condition(lambda u, x, c: u.d("x") - c.used, POINTS)
    with pytest.warns(
        ax.TrainingWarning, match="unknowns: no condition uses 'nu', 'k': "
    ) as caught:
        run = trained({"equation": equation, "start": START}, unknowns=unknowns, steps=3)
    assert [w.filename for w in caught if "no condition uses" in str(w.message)] == [__file__]
    assert run.verdict is not ax.Verdict.SOLVED
    assert run.values["nu"] == pytest.approx(0.7)


def test_unknowns_that_an_integral_or_a_pair_uses():
    unknowns = {"nu": ax.Unknown(0.7)}
    for condition in (
        ax.Integral(lambda u, x, c: u * c.nu, LINE.quadrature(3)),
        ax.IntegroDifferential(
            lambda u, x, i: u - i,
            POINTS,
            integrand=lambda u, y, x, c: u * c.nu,
            over=LINE.quadrature(3),
        ),
        ax.Paired(lambda a, b, x, c: a.u - b.u * c.nu, LINE.opposite("x").grid(1)),
        ax.Data(POINTS, torch.ones(20), of=lambda u, x, c: u * c.nu),
    ):
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="unknowns: no condition uses")
            trained({"here": condition, "start": START}, unknowns=unknowns, steps=1)


def test_a_condition_that_was_given_up_for_the_equation_and_what_helps():
    """Cahn and Hilliard's front: tanh(x / (2^0.5 e)) solves (u^3 - u - e^2 u_xx)_xx = 0."""
    width, wide = 0.2, ax.Box(x=(-1, 1))

    def exact(x):
        return torch.tanh(x.x / (2**0.5 * width))

    def front(weight):
        conditions = {
            "equation": ax.Condition(
                lambda u, x: ax.d(u**3 - u - width**2 * u.d("xx"), "xx"), wide.grid(100)
            ),
            "ends": ax.Condition(
                lambda u, x: (u - exact(x), u.d("x") - (1 - exact(x) ** 2) / (2**0.5 * width)),
                wide.boundary().grid(1),
                weight=weight,
            ),
        }
        problem = ax.Problem(("x",), ("u",), conditions, solution=exact)
        return ax.train(problem, ax.MLP([1, 16, 1]), steps=120, progress=False)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ax.TrainingWarning)
        lost = front(weight=1)
    assert lost.verdict is ax.Verdict.STALLED
    assert lost.l2_relative > 0.5
    assert "give 'ends' ten times its weight" in lost.warning
    found = front(weight=10)
    assert found.verdict is ax.Verdict.SOLVED
    assert found.l2_relative < 1e-8
