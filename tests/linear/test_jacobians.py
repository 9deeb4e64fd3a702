"""Stored and streamed Jacobians satisfy the protocol, rows in the order of r."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import anagram_ext as ax
from anagram_ext.linear import streamed
from anagram_ext.linear.jacobian import Stored
from anagram_ext.systems.pde_system import PdeSystem
from conformance import check_jacobian


@pytest.mark.parametrize("name", ["heat", "navier_stokes"])  # one and three residuals a point
@pytest.mark.parametrize("memory", ["stored", "streamed"])
def test_conformance(name, memory, monkeypatch):
    problem = ax.problems.get(name)
    model = ax.MLP([problem.model.widths[0], 12, problem.model.widths[-1]])
    theta = model.init(1)
    monkeypatch.setattr(streamed, "TILE_BYTES", {"cpu": 50 * theta.nbytes})
    _, dense = ax.jacobian(problem, model, theta)
    here = PdeSystem(problem, model, memory=memory).linearise(theta)
    assert type(here.jacobian).__name__ == memory.capitalize()
    check_jacobian(here.jacobian, dense.clone())


def test_a_matrix_of_ones_own():
    rng = torch.Generator().manual_seed(2)
    dense = torch.randn(40, 25, generator=rng, dtype=torch.float64)
    check_jacobian(Stored(dense.clone()), dense)


def test_a_streamed_jacobian_outlives_the_evaluation_of_other_parameters():
    problem = ax.problems.heat()
    system = PdeSystem(problem, problem.model, memory="streamed")
    theta = system.model.init(0)
    here = system.linearise(theta)
    v = torch.ones_like(theta)
    expected = here.jacobian.matvec(v)
    system.losses(system.model.init(1)[None])
    system.gradient(system.model.init(2))
    assert torch.equal(here.jacobian.matvec(v), expected)


def test_the_residual_is_the_same_either_way(device):
    problem = ax.problems.navier_stokes()
    model = replace(problem.model, device=device)
    theta = model.init(0)
    stored, tiled = (
        PdeSystem(problem, model, memory=memory).linearise(theta)
        for memory in ("stored", "streamed")
    )
    assert torch.equal(stored.residual, tiled.residual)
    assert stored.loss == tiled.loss
