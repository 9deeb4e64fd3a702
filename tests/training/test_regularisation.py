"""The weight of a smoothness condition, chosen by generalised cross-validation."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

import anagram_ext as ax

NOISE, WEIGHTS = 0.2, (1.0, 1e-3, 1e-6, 1e-9)
AT = torch.linspace(0, 1, 60, dtype=torch.float64)[:, None]
FINE = torch.linspace(0, 1, 301, dtype=torch.float64)[:, None]


def truth(at):
    return torch.sin(2 * math.pi * at[:, 0])


@pytest.fixture(scope="module")
def problem():
    """A function from 60 noisy values, and its bends."""
    errors = torch.from_numpy(np.random.default_rng(0).normal(size=60))
    return ax.Problem(
        ("x",),
        ("k",),
        {
            "smooth": ax.Condition(lambda k, x: k.d("xx"), ax.Box(x=(0, 1)).grid(60)),
            "data": ax.Data(AT, truth(AT) + NOISE * errors, sigma=NOISE),
        },
    )


@pytest.fixture(scope="module")
def path(problem):
    return ax.regularisation_path(
        problem, ax.MLP([1, 24, 1]), "smooth", WEIGHTS[::-1], steps=40, progress=False
    )


def error(point):
    return float(
        (point.run.model(point.run.theta, FINE)[:, 0] - truth(FINE)).square().mean().sqrt()
    )


def test_cross_validation_finds_the_best_weight_within_a_factor(path):
    assert [point.weight for point in path.points] == sorted(WEIGHTS, reverse=True)
    errors = [error(point) for point in path.points]
    assert not path.at_an_end
    assert error(path.best) < 1.5 * min(errors)
    assert error(path.best) < 0.5 * max(errors)
    assert "<-" in str(path).splitlines()[1 + path.points.index(path.best)]


def test_less_weight_is_a_better_fit_by_a_rougher_field_with_more_parameters(path):
    for column, sign in (("misfit", -1), ("roughness", 1), ("effective", 1)):
        values = [getattr(point, column) for point in path.points]
        assert all(sign * (b - a) > 0 for a, b in pairwise(values)), column


def test_a_score_is_the_formula_on_a_dense_hat_matrix(path, problem):
    point = path.best
    weighted = replace(problem.conditions["smooth"], weight=point.weight)
    same = replace(problem, conditions={**problem.conditions, "smooth": weighted})
    r, J = ax.jacobian(same, point.run.model, point.run.theta)
    U, sigma, _ = np.linalg.svd((J / J.norm(dim=0)).numpy(), full_matrices=False)
    U = U[-60:, sigma > 1e-12 * sigma[0]]  # the rows of the data
    p = (U**2).sum()
    misfit = float(r[-60:].square().sum())  # rows carry 1 / sqrt(60)
    assert point.effective == pytest.approx(p, rel=1e-3)
    assert point.score == pytest.approx(misfit / (1 - p / 60) ** 2, rel=1e-3)


def test_misuse_is_said(problem):
    def path_of(problem, condition, weights):
        return ax.regularisation_path(problem, ax.MLP([1, 4, 1]), condition, weights)

    with pytest.raises(ValueError, match=r"condition must be one of .*, got 'rough'"):
        path_of(problem, "rough", [1.0])
    with pytest.raises(ValueError, match="weights must hold at least one"):
        path_of(problem, "smooth", [])
    with pytest.raises(ValueError, match="weights must be"):
        path_of(problem, "smooth", [1.0, -1.0])
    with pytest.raises(TypeError, match="weights must be"):
        path_of(problem, "smooth", 1.0)
    with pytest.raises(TypeError, match="problem must be"):
        path_of("problem", "smooth", [1.0])
    with pytest.raises(ValueError, match="problem must have measurements"):
        path_of(problem, "data", [1.0])


def test_a_fit_without_unknown_numbers_has_error_bars_of_its_field(path):
    sure = path.best.run.uncertainty
    assert sure.estimates == {}
    assert sure.unidentified() == []
    assert tuple(sure.correlation().shape) == (0, 0)
    with_prior = path.best.uncertainty.field(FINE)
    off = (path.best.run.model(path.best.run.theta, FINE) - truth(FINE)[:, None]).abs()
    within = (off < 3 * with_prior).double().mean()
    assert float(within) > 0.9
    assert float(with_prior.mean()) < 0.5 * NOISE
    assert bool((with_prior > 0.99 * sure.field(FINE)).all())
