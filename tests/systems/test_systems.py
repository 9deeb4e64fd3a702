"""Every system satisfies the protocol: those of a PDE, and the test doubles."""

from __future__ import annotations

import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem
from conformance import check_system
from small_systems import START, linear, rosenbrock

SQUARE = ax.Box(t=(0, 1), x=(0, 1))


def nonlinear() -> ax.Problem:
    """Two fields, several components, conditions of different weights and designs."""
    return ax.Problem(
        ("t", "x"),
        ("u", "v"),
        {
            "pde": ax.Condition(
                lambda u, v, x: (u.d("t") - v.d("xx") + u**3, v * u.d("x") - x.t), SQUARE.grid(7, 5)
            ),
            "walls": ax.Condition(lambda u, v, x: u - v, SQUARE.faces("x").sobol(11), weight=3.0),
        },
    )


@pytest.mark.parametrize("memory", ["stored", "streamed"])
@pytest.mark.parametrize("make", [nonlinear, ax.problems.heat, ax.problems.navier_stokes])
def test_pde_system(make, memory):
    problem = make()
    model = ax.MLP([len(problem.coordinates), 9, len(problem.fields)])
    check_system(PdeSystem(problem, model, seed=1, memory=memory), model.init(2))


def test_doubles():
    check_system(rosenbrock(), START)
    system, _, _ = linear()
    check_system(system, torch.linspace(-1, 1, 5, dtype=torch.float64))
