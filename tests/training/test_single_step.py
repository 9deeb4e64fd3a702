"""One step on problems that can be solved by hand, and the search on plain functions."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax
from anagram_ext.methods.search import grid_search

X = torch.tensor([[0.0], [1.0], [2.0], [3.0]], dtype=torch.float64)


def line(device):
    """A network without hidden layer is u(x) = a x + b: theta = (a, b)."""
    return ax.MLP([1, 1], "identity", device=device)


def tensor(values, device="cpu"):
    return torch.tensor(values, dtype=torch.float64, device=device)


def assert_close(found, expected, rtol, atol=0.0):
    torch.testing.assert_close(found.cpu(), expected, rtol=rtol, atol=atol)


def fit(residual, points=X, **options):
    return ax.Problem(("x",), ("u",), {"data": ax.Condition(residual, points)}, **options)


def test_a_linear_problem_is_solved_in_one_full_step(device):
    # The regression line of (0, 1), (1, 0), (2, 2), (3, 5) is 1.4 x - 0.1.
    data = tensor([1.0, 0.0, 2.0, 5.0], device)
    problem = fit(lambda u, x: u - data)
    theta = tensor([-3.0, 7.0])
    result = ax.step(problem, line(device), theta.to(device))
    expected = tensor([1.4, -0.1])
    assert_close(result.theta, expected, rtol=0, atol=1e-14)
    assert_close(result.direction, theta - expected, rtol=1e-14)
    assert result.step_size == 1
    assert result.rank == 2
    # Residuals of the regression: -1.1, 1.3, 0.7, -0.9; half the mean of their squares.
    assert result.loss == pytest.approx((1.21 + 1.69 + 0.49 + 0.81) / 8, rel=1e-14)
    # J^T J = [[14, 6], [6, 4]] / 4, eigenvalues (18 +- sqrt(100 + 144)) / 8.
    expected = torch.tensor([(18 + math.sqrt(244)) / 8, (18 - math.sqrt(244)) / 8]).sqrt()
    assert_close(result.singular_values, expected.double(), rtol=1e-6)


def test_a_cutoff_keeps_the_step_in_the_strong_direction(device):
    # Rows are (x, 1) at x = 0 twice and (10, 1) at x = 10 once, scaled: one strong direction.
    problem = fit(lambda u, x: u - 1.0)
    theta = tensor([0.0, 0.0], device)
    result = ax.step(problem, line(device), theta, cutoff=0.5)
    _, J = ax.jacobian(problem, line(device), theta)
    strong = torch.linalg.svd(J.cpu()).Vh[0]
    assert result.rank == 1
    assert abs(float(result.direction.cpu() @ strong)) == pytest.approx(
        float(result.direction.norm()), rel=1e-14
    )


def test_the_minimum_norm_step_of_an_underdetermined_problem(device):
    # One equation a + b = 2 from theta = 0: the shortest step goes to (1, 1).
    problem = fit(lambda u, x: u - 2.0, X[1:2])
    result = ax.step(problem, line(device), tensor([0.0, 0.0], device))
    assert_close(result.theta, tensor([1.0, 1.0]), rtol=1e-14)
    assert result.rank == 1
    assert result.loss < 1e-28


def test_the_best_of_the_halvings_wins(device):
    # r = u^2 - 1 at x = 0 with u = b, b = 1/2: Newton's step goes to 5/4, half of it to 7/8.
    # |r| = 9/16 after the full step, 15/64 after half of it, 0.51 after a quarter.
    theta = tensor([0.0, 0.5], device)
    result = ax.step(fit(lambda u, x: u**2 - 1.0, X[:1]), line(device), theta)
    assert result.step_size == 0.5
    assert_close(result.theta, tensor([0.0, 0.875]), rtol=1e-15)
    assert result.loss == pytest.approx(0.5 * (15 / 64) ** 2, rel=1e-14)


def test_nothing_moves_where_nothing_improves(device):
    # At the minimum of (u^2 + 1)^2 the derivative of the residual vanishes.
    theta = tensor([0.0, 0.0], device)
    result = ax.step(fit(lambda u, x: u**2 + 1.0, X[:1]), line(device), theta)
    assert torch.equal(result.theta, theta)
    assert (result.step_size, result.rank, result.loss) == (0.0, 0, 0.5)


class Losses:
    """A system that is nothing but a function of theta."""

    def __init__(self, function):
        self.function = function

    def losses(self, thetas):
        values = torch.stack([self.function(theta) for theta in thetas])
        return torch.nan_to_num(values, nan=math.inf)


def test_the_search_looks_at_31_halvings():
    seen = []

    def record(theta):
        seen.append(float(theta))
        return theta**2

    result = grid_search(Losses(lambda t: record(t[0])), torch.zeros(1), -torch.ones(1), 1.0)
    assert seen == [0.5**k for k in range(31)]
    assert result.evaluations == 31
    assert result.step_size == 0.5**30


def test_the_search_steps_over_losses_that_are_not_finite():
    # NaN for theta > 0.9, minimum at 1/2.
    losses = Losses(lambda theta: (theta[0] - 0.5) ** 2 + 0 * torch.sqrt(0.9 - theta[0]))
    result = grid_search(losses, torch.zeros(1), -torch.ones(1), 0.25)
    assert (result.step_size, result.loss) == (0.5, 0.0)


@pytest.mark.parametrize(("scaling", "factor"), [("mean", 1 / 4), ("none", 1.0)])
def test_row_scaling(scaling, factor, device):
    residual = lambda u, x: u - x.x**2
    problem = ax.Problem(
        ("x",),
        ("u",),
        {"a": ax.Condition(residual, X), "b": ax.Condition(residual, X[:2], weight=3.0)},
        row_scaling=scaling,
    )
    r, J = ax.jacobian(problem, line(device), tensor([2.0, 0.5], device))
    plain = tensor([0.5, 1.5, 0.5, -2.5])  # 2 x + 0.5 - x^2
    rows = torch.cat([X, torch.ones_like(X)], dim=1)
    second = 3.0 * (0.5 if scaling == "mean" else 1.0)
    expected_r = torch.cat([factor**0.5 * plain, second**0.5 * plain[:2]])
    expected_J = torch.cat([factor**0.5 * rows, second**0.5 * rows[:2]])
    assert_close(r, expected_r, rtol=1e-14)
    assert_close(J, expected_J, rtol=1e-14)


def test_a_step_leaves_no_graph_behind():
    theta = tensor([2.0, 0.5]).requires_grad_()
    result = ax.step(fit(lambda u, x: u - x.x**2), line("cpu"), theta)
    assert not result.theta.requires_grad
    assert result.theta.grad_fn is None
