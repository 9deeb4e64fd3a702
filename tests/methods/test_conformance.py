"""Every method satisfies the protocol, resumption included."""

from __future__ import annotations

import pytest

import anagram_ext as ax
from anagram_ext import methods
from anagram_ext.systems.pde_system import PdeSystem
from conformance import check_method
from small_systems import START, rosenbrock


@pytest.mark.parametrize("name", methods.names())
def test_on_a_small_problem(name):
    check_method(methods.get(name), rosenbrock(), START.clone())


@pytest.mark.parametrize("memory", ["stored", "streamed"])
@pytest.mark.parametrize("name", methods.names())
def test_on_a_pde(name, memory):
    problem = ax.problems.poisson_1d()
    check_method(
        methods.get(name),
        PdeSystem(problem, problem.model, memory=memory),
        problem.model.init(0),
    )


def test_momentum_is_part_of_the_state():
    check_method(
        lambda: methods.get("anagram")(cutoff=1e-3, momentum=0.4), rosenbrock(), START.clone()
    )
