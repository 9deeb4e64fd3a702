"""The benchmarks about points: the parts that their tables rest on."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import numpy as np
import pytest
import torch

import anagram_ext as ax


@pytest.fixture
def module(monkeypatch):
    """Imports a benchmark by name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module


def test_a_variant_of_the_coupling_is_in_force_and_gone_afterwards(module):
    bench = module("coupling")
    with bench.variant("q = 3"):
        assert bench.coupling.PER_PARAMETER == 3.0
    assert bench.coupling.PER_PARAMETER == 10.0
    with bench.variant("from the latest iterate"):
        assert bench.run_module.Coupling is bench.FromTheLatest
    assert bench.run_module.Coupling is bench.coupling.Coupling


@pytest.mark.parametrize("name", ["burgers", "allen_cahn"])
def test_an_ablation_ends_with_its_processor_time(module, name):
    bench = module("coupling")
    run = bench.run(name, bench.DENSITY, seed=0, budget=0.0)
    assert run.steps == 0 or run.stop is ax.methods.Stop.BY_CALLBACK
    assert run.steps <= 1
    assert run.facts.n_rows >= 400


def test_losses_in_80_bits_are_those_of_the_package(module):
    bench = module("between_points")
    for name in bench.PROBLEMS:
        problem = bench.designed(name, "denser at the sides")
        theta = problem.model.init(seed=2)
        r, _ = ax.jacobian(problem, problem.model, theta)
        training, _ = bench.losses(problem, name, theta.numpy(), np.longdouble)
        assert bench.loss(training) == pytest.approx(0.5 * float(r.square().sum()), rel=1e-12)
        assert training[0].dtype == np.longdouble


@pytest.mark.parametrize("name", ["points_message_blind", "points_message_third"])
def test_the_blind_problems_hold_for_their_solutions(module, name):
    bench = module(name)
    for case in bench.CASES.values():
        problem = case.make(30)
        for condition in problem.conditions.values():
            points = condition.points_for(0).as_subclass(torch.Tensor).clone()
            columns = [column.clone().requires_grad_() for column in points.unbind(1)]
            x = _Columns(dict(zip(problem.coordinates, columns, strict=True)))
            values = problem.solution(x)
            fields = [_Exact(v, x) for v in (values if isinstance(values, tuple) else (values,))]
            residual = condition.residual(*[field.value for field in fields], x)
            for part in residual if isinstance(residual, tuple) else (residual,):
                assert float(part.detach().abs().max()) < 1e-11


def test_as_many_points_as_give_the_rows_that_are_asked_for(module):
    bench = module("points_message_blind")
    make = bench.CASES["Schroedinger"].make
    n = bench.enough(make, 40, 500)
    assert 500 <= bench.rows_of(make(n)) < 560
    assert bench.edge(1000) == math.ceil(math.sqrt(1000))


class _Columns:
    """Coordinates by name."""

    def __init__(self, columns: dict[str, torch.Tensor]) -> None:
        self.columns = columns
        self.__dict__.update(columns)


class _WithDerivatives(torch.Tensor):
    """Values [n] that can be differentiated by autograd, as the fields of a residual can."""

    @property
    def value(self) -> torch.Tensor:
        return self.plain

    def d(self, letters: str) -> torch.Tensor:
        result = self.plain
        for letter in letters:
            (result,) = torch.autograd.grad(
                result.sum(), self.columns[letter], create_graph=True, materialize_grads=True
            )
        return result

    def laplacian(self) -> torch.Tensor:
        return sum(self.d(2 * letter) for letter in self.columns)


class _Exact:
    """A solution as a field."""

    def __init__(self, values: torch.Tensor, x: _Columns) -> None:
        self.value = values.as_subclass(_WithDerivatives)
        self.value.plain, self.value.columns = values, x.columns
