"""The plain torch contestant of the benchmarks computes the same r, J and step as the package."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

import anagram_ext as ax

# torch.func loads its forward-mode rules with torch.jit, which torch itself has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


@pytest.fixture
def pure_torch(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "benchmarks"))
    return importlib.import_module("pure_torch")


@pytest.mark.parametrize("name", ["laplace_2d", "heat", "laplace_5d", "allen_cahn", "burgers"])
def test_same_residual_and_jacobian(pure_torch, name):
    case = pure_torch.make_case(name)
    theta = case.model.init(seed=3)
    r, J = ax.jacobian(case.problem, case.model, theta)
    expected_r, expected_J = pure_torch.TorchStep(case).jacobian(theta)
    assert torch.linalg.norm(r - expected_r) <= 1e-12 * torch.linalg.norm(expected_r)
    assert torch.linalg.norm(J - expected_J) <= 1e-12 * torch.linalg.norm(expected_J)


@pytest.mark.parametrize("name", ["laplace_2d", "heat"])
def test_same_step(pure_torch, name):
    problem = ax.problems.get(name)
    theta = problem.model.init(seed=3)
    step = ax.step(problem, problem.model, theta, cutoff=1e-4, search="grid")
    contestant = pure_torch.make(name, cutoff=1e-4)
    r, J = contestant.jacobian(theta)
    # Perturbation of a truncated solution: round-off 1e-15 / cutoff 1e-4, and room for a small gap.
    for direction in (contestant.direction(r, J), contestant.direction_gelsd(r, J)):
        assert torch.linalg.norm(step.direction - direction) <= 1e-8 * torch.linalg.norm(direction)
    assert torch.linalg.norm(step.theta - contestant.step(theta)) <= 1e-8 * torch.linalg.norm(theta)
