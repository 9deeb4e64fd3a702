"""Useless neurons made anew where a run would end: when, and what comes back."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.methods import Stop
from anagram_ext.methods.natural_lm import NO_PROGRESS, RESOLVED, NaturalLM
from anagram_ext.training.renewal import GAIN, TRIES, Renewal, Standstill

# Rules, on numbers made up for each of them.

SHORT = Standstill(merit=1e-15, share=1e-17, gap=1.2, redrawn=False, measured=False)


class Scripted:
    """A run whose standstill is what a test says."""

    def __init__(self, useless: bool = True, **changes) -> None:
        self.useless, self.found, self.seeds = useless, replace(SHORT, **changes), []

    def standstill(self) -> Standstill:
        return self.found

    def renew(self, seed: int) -> bool:
        self.seeds.append(seed)
        return self.useless


def test_a_run_short_of_a_solution_goes_on():
    run = Scripted()
    assert Renewal().instead_of(NO_PROGRESS, run) is None
    assert run.seeds == [0]


@pytest.mark.parametrize("stop", [RESOLVED, Stop.ROUND_OFF, Stop.STEPS_REACHED, "own words"])
def test_other_ends_stay(stop):
    run = Scripted()
    assert Renewal().instead_of(stop, run) is stop
    assert run.seeds == []


@pytest.mark.parametrize(
    "changes",
    [
        {"share": 1e-11},
        {"share": 1e-23},
        {"gap": 4.0},
        {"gap": math.nan},
        {"redrawn": True},
        {"measured": True},
    ],
)
def test_where_neurons_are_not_what_is_missing(changes):
    run = Scripted(**changes)
    assert Renewal().instead_of(NO_PROGRESS, run) == NO_PROGRESS
    assert run.seeds == []


def test_a_network_in_good_order_ends():
    renewal = Renewal()
    assert renewal.instead_of(NO_PROGRESS, Scripted(useless=False)) == NO_PROGRESS
    assert renewal.times == 0


def test_again_as_long_as_it_pays():
    renewal, run = Renewal(), Scripted()
    for times in range(TRIES):
        assert run.seeds == list(range(times))
        assert renewal.instead_of(NO_PROGRESS, run) is None
    assert renewal.instead_of(NO_PROGRESS, run) == NO_PROGRESS
    run.found = replace(SHORT, merit=0.9 * SHORT.merit)
    assert renewal.instead_of(NO_PROGRESS, run) == NO_PROGRESS
    run.found = replace(SHORT, merit=SHORT.merit / GAIN)
    for _ in range(TRIES):
        assert renewal.instead_of(NO_PROGRESS, run) is None
    assert renewal.instead_of(NO_PROGRESS, run) == NO_PROGRESS
    assert len(run.seeds) == 2 * TRIES


# Runs.

STEPS = 30


class Impatient(NaturalLM):
    """Gives up long before ``natural_lm`` does."""

    def step(self):
        info = super().step()
        return replace(info, stop=NO_PROGRESS if self._taken >= STEPS else None)


def problem(points=None) -> ax.Problem:
    square = ax.Box(x=(0, 1), y=(0, 1))

    def exact(x):
        return torch.sin(3 * x.x + x.y)

    inside = square.grid(20, 20) if points is None else points
    return ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "inside": ax.Condition(lambda u, x: u.laplacian() + 10 * exact(x), inside),
            "boundary": ax.Condition(lambda u, x: u - exact(x), square.boundary().grid(20)),
        },
        solution=exact,
    )


NETWORK = ax.MLP([2, 20, 1])


def start() -> torch.Tensor:
    """Eight of twenty neurons are saturated."""
    theta = NETWORK.init(0)
    theta[40:48] = 60.0
    return theta


def train(given: ax.Problem, **options) -> ax.TrainResult:
    options = {"method": Impatient(), "theta": start(), **options}
    return ax.train(given, NETWORK, progress=False, **options)


@pytest.fixture(scope="module")
def whole() -> ax.TrainResult:
    return train(problem())


def test_a_run_goes_on_from_its_best_iterate(whole):
    loss = whole.history["loss"]
    best = loss[: STEPS + 1].min()
    assert 1e-22 < best / loss[0] < 1e-12
    assert whole.steps >= 2 * STEPS
    assert whole.stop_reason == NO_PROGRESS
    assert whole.loss < 1e-3 * best
    assert list(whole.history["step"]) == list(range(whole.steps + 1))
    values = torch.tanh(NETWORK.to_torch(whole.theta)[0](torch.rand(100, 2, dtype=torch.float64)))
    assert values[:, :8].std(dim=0).min() > 1e-6  # they do something now


def test_nothing_changes_before_it_would_have_ended(whole):
    cut = train(problem(), steps=STEPS)
    np.testing.assert_array_equal(cut.history["loss"], whole.history["loss"][: STEPS + 1])


def test_neurons_that_are_all_useful_stay():
    assert train(problem(), theta=NETWORK.init(0)).steps == STEPS


def test_redrawn_points_stay_what_they_were():
    square = ax.Box(x=(0, 1), y=(0, 1))
    result = train(problem(square.sobol(400).redrawn()))
    assert result.steps == STEPS


def test_a_run_that_was_cut_goes_on_alike(whole, tmp_path):
    for steps in (STEPS - 5, STEPS + 5, None):
        result = train(problem(), steps=steps, out=tmp_path / "run", resume=True)
    assert torch.equal(result.theta, whole.theta)
    assert result.steps == whole.steps


def test_models_that_cannot_end_as_before():
    module = NETWORK.to_torch(start())
    module.append(torch.nn.Identity())  # not what the engine takes
    result = ax.train(problem(), module, method=Impatient(), progress=False)
    assert result.steps == STEPS
