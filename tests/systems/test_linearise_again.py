"""Linearising again and again: what was learned the last time must never show in the numbers."""

from __future__ import annotations

import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem

POINTS = torch.rand(300, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
RESIDUALS = {
    "linear": lambda u, x: u.d("t") - u.laplacian() + x.x * u,
    "nonlinear": lambda u, x: u.d("t") + u * u.d("x"),
    "several": lambda u, x: (u.d("xx") - 1.0, u**3, u - x.t),
    # linear where the dry run looks and at the first parameters, not at the later ones
    "hidden kink": lambda u, x: torch.where(u.value > 20.0, u**2, u.d("x")),
}


def problem_of(residual):
    return ax.Problem(("t", "x"), ("u",), {"equation": ax.Condition(residual, POINTS)})


def check_against_fresh(problem, model, system, theta):
    """Bit by bit: both compute the same sums in the same order."""
    r, J = system.residual_and_matrix(theta)
    expected_r, expected_J = PdeSystem(problem, model).residual_and_matrix(theta)
    assert torch.equal(r, expected_r)
    assert torch.equal(J, expected_J)


@pytest.mark.parametrize("widths", [[2, 1], [2, 9, 1], [2, 20, 7, 1]])
@pytest.mark.parametrize("name", RESIDUALS)
def test_the_same_as_for_the_first_time(name, widths, device):
    problem = problem_of(RESIDUALS[name])
    model = ax.MLP(widths, device=device)
    system = PdeSystem(problem, model)
    for scale in (0.1, 0.5, 1.0, 1.0, 30.0, 30.0, 0.3, 0.3, 0.3):
        check_against_fresh(problem, model, system, scale * model.init(seed=3))


def test_a_coefficient_that_changes_between_steps(device):
    coefficient = [1.0]
    problem = problem_of(lambda u, x: u.d("t") - coefficient[0] * u.d("xx"))
    model = ax.MLP([2, 12, 1], device=device)
    system = PdeSystem(problem, model)
    theta = model.init(seed=1)
    for value in (1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 2.0):
        coefficient[0] = value
        check_against_fresh(problem, model, system, theta)


def test_a_derivative_that_is_not_finite_is_named_at_any_time(device):
    problem = problem_of(lambda u, x: torch.where(u.value > 5.0, (5.0 - u.value).sqrt(), u.d("x")))
    model = ax.MLP([2, 1], device=device)
    system = PdeSystem(problem, model)
    fine = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64, device=device)
    for _ in range(4):
        system.residual_and_matrix(fine)
    with pytest.raises(ax.NonFiniteError, match="condition 'equation'"):
        system.residual_and_matrix(100 * fine)
    check_against_fresh(problem, model, system, fine)
