"""natural_lm where a factorisation serves many dampings: the rules for large problems."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

import anagram_ext as ax
from anagram_ext.linear import shifted
from anagram_ext.linear.shifted import Shifted
from anagram_ext.methods.natural_lm import RUNG, NaturalLM, _lowest_of_large


@pytest.fixture
def large(monkeypatch) -> None:
    """Problems count as large from a side of 50 on, and factorisations as dear as of 3000 rows."""
    monkeypatch.setattr(shifted, "LARGE", 50)
    monkeypatch.setattr(shifted, "_ITERATIONS", 1)


@pytest.fixture
def factorisations(monkeypatch) -> list[float]:
    """The shifts that have been factorised."""
    shifts, factor = [], Shifted.factor

    def counted(self: Shifted, shift: float):
        before = self.factorisations
        found = factor(self, shift)
        shifts.extend([shift] * (self.factorisations - before))
        return found

    monkeypatch.setattr(Shifted, "factor", counted)
    return shifts


@pytest.mark.parametrize("width", [20, 60], ids=["more rows", "more parameters"])
@pytest.mark.usefixtures("large")
def test_a_large_problem_is_solved_with_few_factorisations(width, factorisations):
    network = ax.MLP([1, width, 1])
    run = ax.train(ax.problems.poisson_1d(), network, steps=40, seed=0, progress=False)
    assert run.l2_relative < 1e-8
    steps = len(run.history["loss"])
    assert 0 < len(factorisations) <= 4 * steps  # a step tries seven dampings and more


@pytest.mark.usefixtures("large")
def test_it_goes_on_where_it_was_interrupted():
    problem, network = ax.problems.poisson_1d(), ax.MLP([1, 60, 1])
    methods = [NaturalLM(), NaturalLM()]
    whole = ax.train(problem, network, method=methods[0], steps=6, seed=0, progress=False)
    state = methods[0].state()
    methods[1].restore(methods[0]._system, state)
    one, other = (method.step() for method in methods)
    assert math.isfinite(whole.loss)
    assert one.loss == other.loss


class Bowl:
    """A model whose loss is least at one damping; it keeps what was asked for."""

    def __init__(self, at: float) -> None:
        self.at = at
        self.asked: list[float] = []

    def loss(self, damping: float) -> float:
        return 1.0 + math.log(damping / self.at) ** 2

    def losses(self, dampings: list[float]) -> list[float]:
        self.asked += dampings
        return [self.loss(damping) for damping in dampings]

    def trials(self, dampings: list[float]) -> list[SimpleNamespace]:
        return [SimpleNamespace(damping=d, loss=self.loss(d)) for d in dampings]


@pytest.mark.parametrize("at", [1e-8, 1.3e-6, 1e-5, 1e-3, 1e2])
@pytest.mark.parametrize("around", [1e-9, 1e-6, 1e-4, 1e3])
def test_the_damping_with_the_least_loss_is_bracketed(at, around):
    model = Bowl(at)
    tried = model.trials([1e-8 * RUNG**k for k in range(7)])
    found = _lowest_of_large(model, tried, around)
    assert 1 / RUNG < found.damping / at < RUNG
    assert found.loss == model.loss(found.damping)
    assert len(set(model.asked)) == len(model.asked)  # none twice


def test_losses_that_are_not_finite_are_no_bracket():
    model = Bowl(1.0)
    model.loss = lambda damping: math.inf if damping > 1e-7 else damping
    tried = model.trials([1e-8, 1e-8 * RUNG])
    assert _lowest_of_large(model, tried, 1e-4) is tried[0]
    model.loss = lambda damping: math.inf
    assert _lowest_of_large(model, model.trials([1e-8]), 1e-4).damping == 1e-8
