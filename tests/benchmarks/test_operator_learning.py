"""The family of diffusion-reaction equations: its process, its reference, its errors."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import solve_banded

import anagram_ext as ax


@pytest.fixture
def bench(monkeypatch):
    """The benchmark."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("operator_learning")


def test_modes_make_the_covariance(bench):
    x = np.linspace(0, 1, 37)
    modes = bench.Process(24).modes(x)
    expected = np.exp(-((x[:, None] - x) ** 2) / (2 * 0.2**2))
    np.testing.assert_allclose(modes @ modes.T, expected, atol=1e-8)


def test_reference_against_finite_differences(bench):
    """Crank and Nicolson on a grid of 400: errors of second order, 3e-5 here."""

    def u(x):
        return 2 + np.sin(7 * x)

    n, steps = 400, 1000
    r = 0.5 * bench.DIFFUSION * n**2 / steps
    matrix = np.array([[-r] * (n - 1), [1 + 2 * r] * (n - 1), [-r] * (n - 1)])
    source, s = u(np.linspace(0, 1, n + 1))[1:-1], np.zeros(n - 1)
    for _ in range(steps):
        padded = np.pad(s, 1)
        explicit = s + r * (padded[2:] - 2 * s + padded[:-2])
        middle = s + 0.5 * source / steps
        s = solve_banded((1, 1), matrix, explicit + (source + bench.REACTION * middle**2) / steps)
    found = bench.solved(u)
    assert found.shape == (bench.GRID, bench.GRID)
    np.testing.assert_allclose(found[-1, 1:-1], s[n // 50 - 1 :: n // 50], atol=1e-4)
    np.testing.assert_allclose(found[0], 0, atol=1e-14)
    np.testing.assert_allclose(found[:, [0, -1]], 0, atol=1e-14)


def test_a_small_family_is_learned_with_its_sensitivity(bench):
    """Three coefficients: members that nobody has trained on, and ds/dD by one more solve."""
    problem, model = bench.family(3, 400), bench.network(3, 10)
    run = ax.train(problem, model, steps=40, progress=False)
    errors, slopes = bench.unseen(run, 3, bench.Process(3), 8)
    assert errors.shape == (8,)
    assert slopes.shape == (3,)
    assert errors.mean() < 0.02
    assert slopes.mean() < 0.05
    untrained = ax.train(problem, model, steps=1, progress=False)
    assert errors.mean() < 0.1 * bench.unseen(untrained, 3, bench.Process(3), 4)[0].mean()
