"""Speed of the pieces of a step, to compare commits.

    python -m pytest benchmarks/test_engine_speed.py --benchmark-autosave
    python -m pytest benchmarks/test_engine_speed.py --benchmark-compare

Not part of the test suite: timings belong to a quiet machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

import anagram_ext as ax
from anagram_ext.linear.solve import factorise
from anagram_ext.methods.search import HALVINGS
from anagram_ext.systems.pde_system import PdeSystem

Benchmark = Callable[..., Any]
CUTOFF = 1e-6
PROBLEMS = ("laplace_2d", "heat", "laplace_5d", "allen_cahn", "burgers")


@pytest.fixture(params=PROBLEMS)
def case(request: pytest.FixtureRequest) -> tuple[PdeSystem, torch.Tensor]:
    """A published problem bound to its network, and a theta."""
    problem = ax.problems.get(request.param)
    assert problem.model is not None
    return PdeSystem(problem, problem.model), problem.model.init(seed=0)


def test_losses_of_31_probes(benchmark: Benchmark, case: tuple[PdeSystem, torch.Tensor]) -> None:
    system, theta = case
    losses = benchmark(system.losses, theta * (1 + HALVINGS[:, None]))
    assert torch.isfinite(losses).all()


def test_jacobian(benchmark: Benchmark, case: tuple[PdeSystem, torch.Tensor]) -> None:
    system, theta = case
    _, J = benchmark(system.residual_and_matrix, theta)
    assert J.shape == (system.n_rows, system.n_parameters)


def test_factorise(benchmark: Benchmark, case: tuple[PdeSystem, torch.Tensor]) -> None:
    system, theta = case
    _, J = system.residual_and_matrix(theta)
    factorisation = benchmark(factorise, J, smallest_cutoff=CUTOFF)
    assert factorisation.rank(CUTOFF) > 0


def test_step(benchmark: Benchmark, case: tuple[PdeSystem, torch.Tensor]) -> None:
    system, theta = case
    result = benchmark(ax.step, system.problem, system.model, theta, CUTOFF)
    assert result.loss <= system.losses(theta[None])[0]
