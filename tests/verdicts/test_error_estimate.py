"""The estimated error of the fields against dense formulas, on models that are linear."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.verdicts.error_estimate import error_estimate

LINE = ax.Box(x=(0, 1))
MODEL = ax.MLP([1, 1], "identity")  # u = a x + b


def estimate(conditions, theta, model=MODEL):
    problem = ax.Problem(("x",), ("u",), conditions)
    system = PdeSystem(problem, model)
    return error_estimate(system, system.blocks, theta)


def dense(J: np.ndarray, r: np.ndarray, F: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Both errors from the normal equations and generalised eigenvalues."""
    size = np.sqrt(np.mean(values**2))
    F = F / (size * np.sqrt(len(F)))
    step = np.linalg.lstsq(J, r, rcond=None)[0]
    ratios = np.linalg.eigvals(np.linalg.solve(J.T @ J, F.T @ F)).real
    return float(np.linalg.norm(F @ step)), float(np.linalg.norm(r) * np.sqrt(ratios.max()))


def test_it_is_what_the_tangent_space_says(device):
    points = LINE.grid(40)
    model = ax.MLP([1, 1], "identity", device=device)
    theta = torch.tensor([2.0, 1.0], dtype=torch.float64, device=device)
    conditions = {
        "slope": ax.Condition(lambda u, x: u.d("x") - 1.9, points),
        "start": ax.Condition(lambda u, x: u - 1.02, LINE.face(x=0).grid(), 4.0),
    }
    found = estimate(conditions, theta, model)
    # Rows are scaled by sqrt(weight / n).
    x = points.numpy()[:, 0]
    slope = np.array([[1.0, 0.0]] * 40) / np.sqrt(40)
    J = np.vstack([slope, [[0.0, 2.0]]])
    r = np.array([*[0.1 / np.sqrt(40)] * 40, 2.0 * -0.02])
    everywhere = np.append(x, 0.0)  # the fields are compared on all points
    F = np.stack([everywhere, np.ones(41)], axis=1)
    likely, worst = dense(J, r, F, 2 * everywhere + 1)
    assert found.likely == pytest.approx(likely, rel=1e-10)
    assert found.worst == pytest.approx(worst, rel=1e-6)  # by the power method
    assert found.likely <= found.worst


def test_a_field_that_nothing_determines_may_be_anything():
    theta = torch.tensor([1.9, 1.0], dtype=torch.float64)
    conditions = {"slope": ax.Condition(lambda u, x: u.d("x") - 1.9 + 1e-9, LINE.grid(9))}
    found = estimate(conditions, theta)
    assert found.likely < 1e-8
    assert found.worst > 1.0


def test_an_equation_divided_by_a_thousand_has_the_same_error():
    theta = torch.tensor([2.0, 1.0], dtype=torch.float64)
    pair = [
        estimate(
            {
                "slope": ax.Condition(
                    lambda u, x, factor=factor: factor * (u.d("x") - 1.9), LINE.grid(9)
                ),
                "start": ax.Condition(lambda u, x: u - 1.0, LINE.face(x=0).grid()),
            },
            theta,
        )
        for factor in (1.0, 1e-3)
    ]
    assert pair[0].likely == pytest.approx(pair[1].likely, rel=1e-9)


def test_the_field_that_is_worst_off_counts():
    model = ax.MLP([1, 2], "identity")  # u = a x + c, v = b x + d
    theta = torch.tensor([0.0, 0.0, 1.0, 1e-3], dtype=torch.float64)
    problem = ax.Problem(
        ("x",),
        ("u", "v"),
        {"both": ax.Condition(lambda u, v, x: (u - 1.0, v - 1.1e-3), LINE.grid(9))},
    )
    system = PdeSystem(problem, model)
    assert error_estimate(system, system.blocks, theta).likely == pytest.approx(0.1, rel=1e-9)


def test_what_is_not_finite_is_not_known():
    theta = torch.tensor([0.0, -1.0], dtype=torch.float64)
    found = estimate({"root": ax.Condition(lambda u, x: torch.sqrt(u), LINE.grid(3))}, theta)
    assert math.isnan(found.likely)
    assert math.isnan(found.worst)
