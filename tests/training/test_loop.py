"""The loop on a small real problem; methods have their own file."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from anagram_ext import MLP, Box, Condition, Problem
from anagram_ext.errors import BackendUnavailable, TrainingWarning
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.methods import StepInfo, Stop, names
from anagram_ext.methods.anagram import Anagram
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.training import checkpoint
from anagram_ext.training.history import COLUMNS, read_csv
from anagram_ext.training.loop import train
from anagram_ext.verdicts.validation import Validation
from anagram_ext.verdicts.verdict import Verdict

LINE = Box(x=(0, 1))


def oscillator(**changes) -> Problem:
    """u'' = -pi^2 sin(pi x) on [0, 1] with u = 0 at both ends."""
    arguments = {
        "coordinates": ("x",),
        "fields": ("u",),
        "conditions": {
            "interior": Condition(
                lambda u, x: u.d("xx") + torch.pi**2 * torch.sin(torch.pi * x.x), LINE.grid(30)
            ),
            "ends": Condition(lambda u, _: u, LINE.faces().grid(1)),
        },
        "solution": lambda x: torch.sin(torch.pi * x.x),
        "name": "oscillator",
        "model": MLP([1, 8, 1]),
    }
    return Problem(**(arguments | changes))


def plane() -> Problem:
    """A straight plane, u = x + 2 y, known on all of a square: the map figures need two axes."""
    square = Box(x=(0, 1), y=(0, 1))
    return Problem(
        coordinates=("x", "y"),
        fields=("u",),
        conditions={"data": Condition(lambda u, x: u - x.x - 2 * x.y, square.grid(6, 6))},
        solution=lambda x: x.x + 2 * x.y,
        name="plane",
        model=MLP([2, 4, 1]),
    )


class Scripted:
    """A method that walks through given iterates."""

    name = "scripted"
    default_steps = 4
    evaluate_every = 1

    def __init__(self, thetas, stop_at=None):
        self._thetas, self._stop_at = thetas, stop_at

    def start(self, system, theta):  # noqa: ARG002 -- the protocol has it
        self._system, self._count = system, 0

    def step(self):
        theta = self._thetas[self._count]
        self._count += 1
        loss = float(self._system.losses(theta[None])[0])
        stop = "script ended" if self._count == self._stop_at else None
        return StepInfo(theta, loss, 1.0, "script", stop=stop, evaluations=2)


def test_anagram_solves_the_problem(device):
    run = train(oscillator(), steps=60, method="anagram", device=device, progress=False)
    assert run.l2_error < 1e-6
    assert run.held_out_loss < 1e-8
    points = LINE.uniform(50)(1)
    error = run.model(run.theta, points)[:, 0].cpu() - torch.sin(torch.pi * points[:, 0])
    assert float(error.abs().max()) < 1e-5


def test_the_result_describes_its_own_iterate(device):
    problem = oscillator()
    run = train(problem, steps=10, seed=1, device=device, progress=False)
    assert run.theta.device.type == run.model.device == device
    system = PdeSystem(problem, run.model, 1)
    assert run.loss == pytest.approx(float(system.losses(run.theta[None])[0]), rel=1e-12)
    assert (run.l2_error, run.l2_relative) == pytest.approx(Validation(system).l2_error(run.theta))
    assert run.held_out_loss == pytest.approx(Validation(system).held_out_loss(run.theta))


def test_history_starts_at_step_zero_and_has_one_row_a_step():
    run = train(oscillator(), steps=7, method="anagram", progress=False)
    assert tuple(run.history)[: len(COLUMNS)] == COLUMNS
    assert tuple(run.history)[len(COLUMNS) :] == (
        "loss/interior", "loss/ends", "held_out_loss/interior", "held_out_loss/ends",
    )  # fmt: skip  # a table
    assert run.history["step"].tolist() == list(range(8))
    assert all(len(column) == 8 for column in run.history.values())
    assert np.all(np.diff(run.history["seconds"]) > 0)
    assert run.history["seconds"][-1] == run.seconds
    assert np.all(run.history["cutoff"][1:] == 1e-6)
    assert run.history["factorisations"].tolist() == list(range(8))
    assert run.history["accepted"][0] == ""


def test_seeds_decide_everything(device):
    first, again, other = (
        train(oscillator(), steps=3, seed=seed, device=device, progress=False) for seed in (0, 0, 1)
    )
    assert torch.equal(first.theta, again.theta)
    np.testing.assert_array_equal(first.history["loss"], again.history["loss"])
    assert not torch.equal(first.theta, other.theta)


@pytest.mark.parametrize("method", names())
def test_every_method_trains_from_the_registry(method, device):
    run = train(oscillator(), steps=4, method=method, device=device, progress=False)
    assert run.method == method
    assert run.steps == 4
    assert run.stop is Stop.STEPS_REACHED
    assert run.loss < run.history["loss"][0]
    assert run.history["step"][-1] == 4


def test_sparse_evaluation_keeps_first_and_last_step():
    run = train(oscillator(), steps=120, method="adam", progress=False)
    assert run.history["step"].tolist() == [0, 50, 100, 120]
    assert run.history["evaluations"].tolist() == [0, 50, 100, 120]


def test_the_best_iterate_is_returned_not_the_last(device):
    problem = oscillator()
    good = train(problem, steps=20, device=device, progress=False).theta
    bad = problem.model.init(5).to(device)
    scripted = Scripted([bad, good, bad, bad])
    run = train(problem, method=scripted, device=device, progress=False)
    assert run.steps == 4
    assert torch.equal(run.theta, good)
    assert run.loss == min(run.history["loss"])


def test_the_first_iterate_counts_too():
    problem = oscillator()
    good = train(problem, steps=20, progress=False).theta
    bad = problem.model.init(5)
    run = train(problem, theta=good, method=Scripted([bad]), steps=1, progress=False)
    assert torch.equal(run.theta, good)


def test_training_happens_where_the_network_is(device):
    model = MLP([1, 8, 1], device=device)
    run = train(oscillator(), model, steps=1, progress=False)
    assert run.model == model
    assert train(oscillator(), model, steps=1, device="cpu", progress=False).model.device == "cpu"


def test_a_given_first_iterate_is_used_and_left_alone(device):
    problem = oscillator(model=MLP([1, 8, 1], device=device))
    theta = problem.model.init(9)
    kept = theta.clone()
    run = train(problem, theta=theta, steps=2, progress=False)
    system = PdeSystem(problem, problem.model)
    assert run.history["loss"][0] == pytest.approx(float(system.losses(theta[None])[0]))
    assert torch.equal(theta, kept)


def test_a_method_may_stop_the_run():
    problem = oscillator()
    thetas = [problem.model.init(seed) for seed in range(4)]
    run = train(problem, method=Scripted(thetas, stop_at=3), progress=False)
    assert (run.steps, run.stop, run.stop_reason) == (3, Stop.BY_METHOD, "script ended")
    assert run.history["step"].tolist() == [0, 1, 2, 3]


def test_the_run_ends_when_the_loss_is_rounding_error(device):
    run = train(plane(), MLP([2, 1], device=device), steps=50, method="anagram", progress=False)
    assert run.stop is Stop.ROUND_OFF
    assert run.steps < 5
    assert run.l2_error < 1e-14


def test_a_run_ends_when_its_time_is_up():
    run = train(oscillator(), method="adam", seconds=0.3, progress=False)
    assert run.stop is Stop.TIME_REACHED
    assert run.stop_reason == "time reached"
    assert run.verdict in {Verdict.OUT_OF_TIME, Verdict.STALLED}
    # Not one step more than needed; the last one is in the history.
    assert run.seconds >= 0.3
    assert run.history["seconds"][-1] == run.seconds
    assert run.history["step"][-1] == run.steps


def test_whichever_limit_comes_first_counts():
    run = train(oscillator(), method="adam", steps=7, seconds=1000, progress=False)
    assert (run.steps, run.stop) == (7, Stop.STEPS_REACHED)


def test_with_seconds_alone_there_is_no_limit_of_steps():
    class Short(Scripted):
        default_steps = 2

    thetas = [MLP([1, 8, 1]).init(seed) for seed in range(5)]
    run = train(oscillator(), method=Short(thetas, stop_at=5), seconds=1000, progress=False)
    assert run.steps == 5


def test_float32_trains(device):
    model = MLP([1, 8, 1], dtype=torch.float32, device=device)
    run = train(oscillator(), model, steps=20, method="anagram", cutoff=1e-3, progress=False)
    assert run.theta.dtype == torch.float32
    assert run.l2_error < 0.1


def test_everything_is_written(tmp_path, device):
    out = tmp_path / "deep" / "run"
    run = train(plane(), steps=5, seed=3, device=device, progress=False, out=out)
    assert sorted(path.name for path in out.iterdir()) == [
        "convergence.png", "history.csv", "model.safetensors", "solution.png", "state.pt",
        "summary.json",
    ]  # fmt: skip  # a table
    for name, column in read_csv(out / "history.csv").items():
        np.testing.assert_array_equal(column, run.history[name])
    model, theta = checkpoint.load(out / "model.safetensors")
    assert model == replace(run.model, device="cpu")
    assert torch.equal(theta, run.theta.cpu())
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["problem"] == "plane"
    assert summary["widths"] == [2, 4, 1]
    assert (summary["P"], summary["S"], summary["seed"], summary["steps"]) == (17, 36, 3, run.steps)
    assert summary["loss"] == run.loss
    assert summary["l2_error"] == run.l2_error
    assert summary["device"] == device
    assert summary["versions"]["torch"] == importlib.metadata.version("torch")
    for figure in ("convergence.png", "solution.png"):
        assert (out / figure).read_bytes().startswith(b"\x89PNG")


def test_without_a_solution_errors_are_nan_and_null(tmp_path):
    run = train(oscillator(solution=None), steps=2, progress=False, out=tmp_path)
    assert np.isnan(run.l2_error)
    assert np.isnan(run.history["l2_error"]).all()
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["l2_error"] is None


def test_a_second_run_in_a_folder_replaces_the_first(tmp_path):
    train(plane(), steps=5, progress=False, out=tmp_path)
    run = train(plane(), steps=2, seed=1, progress=False, out=tmp_path)
    assert len(read_csv(tmp_path / "history.csv")["step"]) == len(run.history["step"])


def test_progress_goes_to_stderr_and_silence_is_silent(capfd):
    train(oscillator(), steps=20, method="anagram", progress=True)
    said = capfd.readouterr()
    assert said.out == ""
    assert "step 20  loss" in said.err
    assert "held out" in said.err
    assert ": steps reached after 20 steps, " in said.err
    assert "L2" in said.err
    assert "rank" in said.err
    train(oscillator(), steps=2, progress=False)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps .* 0"),
        ({"seconds": 0}, ValueError, "seconds must be positive and finite, got 0"),
        ({"seconds": float("inf")}, ValueError, "seconds must be positive and finite, got inf"),
        ({"seconds": "5"}, TypeError, "seconds must be a number, got '5'"),
        ({"coupled": "no"}, TypeError, "coupled must be True or False, got 'no'"),
        ({"grow": 1.5}, TypeError, "grow must be True or False, got 1.5"),
        ({"method": "sgd"}, ValueError, "unknown method 'sgd'"),
        ({"cutoff": -1.0, "method": "anagram"}, ValueError, "cutoff.*-1"),
        (
            {"cutoff": 1e-6, "method": "adam"},
            ValueError,
            "cutoff must be left out: method 'adam' has none",
        ),
        ({"cutoff": 1e-6, "method": Anagram()}, ValueError, "cutoff must be given to the method"),
        ({"device": "abacus"}, ValueError, "abacus"),
        ({"device": "cuda"}, BackendUnavailable, "cuda"),
        ({"theta": torch.zeros(3, dtype=torch.float64)}, ValueError, "theta"),
        ({"theta": torch.zeros(25)}, TypeError, "theta"),
        ({"model": MLP([2, 8, 1])}, ValueError, "widths"),
    ],
)
@pytest.mark.usefixtures("no_cuda")
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        train(oscillator(), progress=False, **arguments)


def test_a_problem_without_network_needs_one():
    with pytest.raises(ValueError, match="'oscillator' has no network"):
        train(oscillator(model=None), progress=False)


def test_out_must_not_be_a_file(tmp_path):
    file = tmp_path / "file"
    file.write_text("kept", encoding="utf-8")
    with pytest.raises(ValueError, match="out must be a folder"):
        train(oscillator(), steps=1, progress=False, out=file)
    assert file.read_text(encoding="utf-8") == "kept"


def test_an_absolute_cutoff_reaches_the_solve():
    absolute = Cutoff(1e30, relative=False)
    with pytest.warns(TrainingWarning, match="no solution was found"):
        run = train(oscillator(), steps=1, method="anagram", cutoff=absolute, progress=False)
    assert run.history["rank"][-1] == 0
    assert run.stop is Stop.NO_PROGRESS


def test_redrawn_points_are_judged_by_held_out_points(device):
    problem = oscillator(
        conditions={
            "data": Condition(lambda u, x: u - torch.sin(3 * x.x), LINE.uniform(6).redrawn())
        },
        solution=lambda x: torch.sin(3 * x.x),
    )
    options = {"method": "anagram", "cutoff": 1e-3, "device": device, "progress": False}
    run = train(problem, steps=15, **options)
    assert run.held_out_loss == run.history["held_out_loss"].min()
    # Six points a step, yet the answer fits everywhere.
    assert run.l2_error < 0.1
    assert len(set(run.history["loss"])) == len(run.history["loss"])
