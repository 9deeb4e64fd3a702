"""Every method with more parameters than rows, stored and streamed."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import pytest
import torch

import anagram_ext as ax
from anagram_ext import methods
from anagram_ext.systems.pde_system import PdeSystem

POINTS, WIDTHS = 8, [2, 30, 30, 1]  # 100 rows, 1051 parameters


@pytest.fixture
def many_parameters(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("many_parameters")


@pytest.mark.parametrize("memory", ["stored", "streamed"])
@pytest.mark.parametrize("method", methods.names())
def test_every_method_takes_its_steps(many_parameters, method, memory):
    found = many_parameters.run(method, memory, POINTS, WIDTHS, 3)
    losses = found["losses"]
    assert losses[0] == pytest.approx(first_loss(), rel=1e-12)
    assert all(math.isfinite(loss) for loss in losses)
    # E-NGD drowns in the squared condition number: it need not gain, but must not lose.
    assert losses[-1] < losses[0] * (1.01 if method == "engd" else 1.0)


def first_loss():
    """Half the squared length of the residual at the first parameters."""
    problem, model = ax.problems.laplace_2d(n=POINTS), ax.MLP(WIDTHS)
    r, _ = ax.jacobian(problem, model, model.init(seed=0))
    return 0.5 * float(r @ r)


def test_engd_by_rows_is_engd():
    """A cutoff that leaves no room for rounding, against the pseudo-inverse of ``J^T J``."""
    problem, model, cutoff = ax.problems.laplace_2d(n=POINTS), ax.MLP(WIDTHS), 1e-6
    theta = model.init(seed=0)
    r, J = ax.jacobian(problem, model, theta)
    method = methods.get("engd")(cutoff=cutoff)
    method.start(PdeSystem(problem, model), theta)
    info = method.step()
    expected = torch.linalg.pinv(J.T @ J, rtol=cutoff, hermitian=True) @ (J.T @ r)
    moved = (theta - info.theta) / info.step_size
    assert info.step_size > 0
    assert float((moved - expected).norm()) <= 1e-6 * float(expected.norm())
