"""Networks that grow while they train: when, what comes back, and what ends it."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.methods import Stop
from anagram_ext.training.growth import FACTOR, GAIN, PATIENCE, TRIES, Growth, Prospects
from anagram_ext.training.history import read_csv

SMALL = ax.MLP([1, 3, 1])


def train(problem, model, **options) -> ax.TrainResult:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ax.TrainingWarning)
        return ax.train(problem, model, progress=False, **options)


def wave(x: torch.Tensor) -> torch.Tensor:
    return torch.sin(8 * x) * torch.exp(x)


def fit(points=None) -> ax.Problem:
    """A function of more oscillations than three neurons can follow."""
    points = ax.Box(x=(-1, 1)).grid(200) if points is None else points
    return ax.Problem(
        ("x",),
        ("u",),
        {"fit": ax.Condition(lambda u, x: u - wave(x.x), points)},
        solution=lambda x: wave(x.x),
    )


# Rules, on numbers made up for each of them.

GOOD = Prospects(merit=1e-4, gap=1.2, loss=1e-4, rounding_loss=1e-28, parameters=40, rows=200.0)


class Scripted:
    """A run whose merit is what a test says."""

    def __init__(self, merit: float = 1e-4, **changes) -> None:
        self.merit, self.changes, self.widened = merit, changes, 0

    def prospects(self) -> Prospects:
        return replace(GOOD, merit=self.merit, **self.changes)

    def widen(self) -> None:
        self.widened += 1


def test_a_run_that_stands_still_grows():
    growth, run = Growth(), Scripted()
    growth.notice(run.merit)
    for _ in range(PATIENCE):
        growth.before_step(run)
        assert run.widened == 0
        growth.notice(run.merit)
    growth.before_step(run)
    assert run.widened == growth.times == 1
    growth.before_step(run)
    assert run.widened == 1


def test_a_run_that_falls_does_not():
    growth, run = Growth(), Scripted()
    for _ in range(4 * PATIENCE):
        run.merit *= 0.95  # halves in 14
        growth.notice(run.merit)
        growth.before_step(run)
    assert run.widened == 0


@pytest.mark.parametrize("stop", [Stop.NO_PROGRESS, Stop.NO_PROGRESS.because("x"), "own words"])
def test_what_would_have_ended_the_run_widens_its_network(stop):
    run = Scripted()
    assert Growth().instead_of(stop, run) is None
    assert run.widened == 1


@pytest.mark.parametrize("stop", [Stop.ROUND_OFF, Stop.STEPS_REACHED, Stop.TIME_REACHED])
def test_other_ends_stay(stop):
    run = Scripted()
    assert Growth().instead_of(stop, run) is stop
    assert run.widened == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gap": 5.0}, "points are the limit"),
        ({"gap": math.nan}, "nothing is known of points between"),
        ({"rounding_loss": 1e-5}, "hardly more than rounding"),
        ({"parameters": 101}, "would have 101 parameters for 200 rows"),
        ({"parameters": 6000, "rows": math.inf}, "more than 5000 parameters"),
    ],
)
def test_where_a_wider_network_would_not_help_the_reason_is_told(changes, words):
    growth, run = Growth(), Scripted(**changes)
    found = growth.instead_of(Stop.NO_PROGRESS, run)
    assert Stop.of(found) is Stop.NO_PROGRESS
    assert words in found
    assert run.widened == 0
    for _ in range(2 * PATIENCE):  # nor does it end a run that goes on
        growth.notice(run.merit)
        growth.before_step(run)
    assert run.widened == 0


def test_some_wider_networks_may_fail_to_gain():
    growth, run = Growth(), Scripted()
    growth.instead_of(Stop.NO_PROGRESS, run)
    for k in range(TRIES - 1):
        assert growth.instead_of(Stop.NO_PROGRESS, run) is None
        assert run.widened == k + 2
    assert "did not gain a factor of 2" in growth.instead_of(Stop.NO_PROGRESS, run)
    run.merit /= GAIN
    assert growth.instead_of(Stop.NO_PROGRESS, run) is None
    assert growth.wasted == 0


# Runs.


def test_a_network_too_small_grows_until_it_solves_the_problem():
    problem = fit()
    small = train(problem, SMALL)
    grown = train(problem, SMALL, grow=True)
    assert small.verdict is not ax.Verdict.SOLVED
    assert small.l2_error > 1e-2
    assert grown.verdict is ax.Verdict.SOLVED
    assert grown.l2_error < 1e-6
    # One history, with the same beginning.
    parameters, loss = grown.history["parameters"], grown.history["loss"]
    assert parameters[0] == small.history["parameters"][0] == 10
    assert parameters[-1] == grown.model.n_parameters > 10
    assert bool((np.diff(parameters) >= 0).all())
    before = int((parameters == 10).sum())
    np.testing.assert_array_equal(loss[:before], small.history["loss"][:before])
    assert list(grown.history["step"]) == list(range(len(loss)))
    hidden = grown.model.widths[1]
    widths = [3]
    while widths[-1] < hidden:
        widths.append(max(widths[-1] + 1, round(FACTOR * widths[-1])))
    assert widths[-1] == hidden
    assert grown.theta.shape == (grown.model.n_parameters,)
    points = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None]
    assert float((grown.model(grown.theta, points) - wave(points)).abs().max()) < 1e-5


def test_a_network_that_suffices_stays():
    problem = ax.problems.poisson_1d()
    plain, grown = (train(problem, None, grow=grow) for grow in (False, True))
    assert grown.model == plain.model
    assert torch.equal(grown.theta, plain.theta)


@pytest.mark.parametrize("method", ["levenberg_marquardt", "anagram"])
def test_other_methods_go_on_in_the_wider_network(method):
    run = train(fit(), SMALL, method=method, grow=True, steps=120)
    parameters, loss = run.history["parameters"], run.history["loss"]
    assert run.model.n_parameters == parameters[-1] > 10
    assert run.loss < loss[parameters == 10].min()


def test_redrawn_points_and_unknown_numbers_go_along():
    points = ax.Box(x=(-1, 1)).sobol(64).redrawn()
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "fit": ax.Condition(lambda u, x, c: u - c.a * wave(x.x), points),
            "scale": ax.Condition(lambda u, x, c: c.a - 1.0, ax.Box(x=(-1, 1)).grid(2)),
        },
        unknowns={"a": ax.Unknown(0.5)},
    )
    run = train(problem, ax.Model(SMALL), grow=True, steps=150)
    assert run.history["parameters"][-1] == run.model.n_parameters > 11
    assert run.values["a"] == pytest.approx(1.0, abs=0.1)
    # More points for more parameters, and never fewer.
    rows = run.history["rows"]
    assert rows[-1] > rows[0]
    assert math.isfinite(run.held_out_loss)


def test_the_folder_follows(tmp_path):
    problem = fit()
    run = train(problem, SMALL, grow=True, steps=60, out=tmp_path)
    assert run.model.n_parameters > 10
    model, theta = ax.load(tmp_path / "model.safetensors")
    assert model.widths == run.model.widths
    assert torch.equal(theta, run.theta)
    table = read_csv(tmp_path / "history.csv")
    np.testing.assert_array_equal(table["parameters"], run.history["parameters"])


def first_growth(run: ax.TrainResult) -> int:
    """The last step of the first network."""
    return int((run.history["parameters"] == 10).sum()) - 1


@pytest.mark.parametrize("redrawn", [False, True])
@pytest.mark.parametrize("after", [-10, 0, 6])  # the last step of the first network
def test_a_run_that_was_cut_grows_as_if_it_had_not_been(after, redrawn, tmp_path):
    problem = fit(ax.Box(x=(-1, 1)).sobol(64).redrawn() if redrawn else None)
    whole = train(problem, SMALL, grow=True, steps=60)
    assert whole.model.n_parameters > 10
    train(problem, SMALL, grow=True, steps=first_growth(whole) + after, out=tmp_path)
    resumed = train(problem, SMALL, grow=True, steps=60, out=tmp_path, resume=True)
    assert resumed.model.widths == whole.model.widths
    torch.testing.assert_close(resumed.theta, whole.theta, rtol=1e-7, atol=1e-8)
    np.testing.assert_array_equal(resumed.history["parameters"], whole.history["parameters"])


def test_a_run_that_grew_is_not_resumed_as_one_that_does_not(tmp_path):
    problem = fit()
    train(problem, SMALL, grow=True, steps=3, out=tmp_path)
    with pytest.raises(ValueError, match="grows was True, got False"):
        train(problem, SMALL, steps=5, out=tmp_path, resume=True)


def test_what_cannot_grow_is_refused():
    problem = fit()
    module = torch.nn.Sequential(torch.nn.Linear(1, 4), torch.nn.ELU(), torch.nn.Linear(4, 1))
    with pytest.raises(TypeError, match="model must be an MLP or a Model to grow"):
        train(problem, module.double(), grow=True)
    with pytest.raises(ValueError, match="must hold a hidden layer to widen"):
        train(problem, ax.MLP([1, 1]), grow=True)
    with pytest.raises(ValueError, match="grow must be left out"):
        ax.march(ax.problems.heat(), windows=2, grow=True)
