"""A run that was cut goes on as if it had not been."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext import methods
from anagram_ext.training import directory
from anagram_ext.training.history import read_csv

SQUARE = ax.Box(t=(0, 1), x=(0, 1))


def heat(points):
    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x: u.d("t") - 0.25 * u.d("xx"), points),
            "initial": ax.Condition(
                lambda u, x: u - torch.sin(torch.pi * x.x), SQUARE.face(t=0).grid(9)
            ),
            "walls": ax.Condition(lambda u, x: u, SQUARE.faces("x").grid(9)),
        },
        name="heat",
    )


def train(problem, steps, method="natural_lm", **options):
    return ax.train(
        problem, ax.MLP([2, 6, 1]), steps=steps, method=method, progress=False, **options
    )


@pytest.mark.parametrize("method", methods.names())
def test_every_method_goes_on_where_it_was(method, tmp_path):
    problem = heat(SQUARE.grid(7))
    whole = train(problem, 12, method)
    train(problem, 7, method, out=tmp_path)
    resumed = train(problem, 12, method, out=tmp_path, resume=True)
    assert resumed.steps == 12
    torch.testing.assert_close(resumed.theta, whole.theta, rtol=0, atol=1e-12)
    # Methods that are not evaluated at every step have a row more: of the step they were cut at.
    same = np.isin(resumed.history["step"], whole.history["step"])
    np.testing.assert_allclose(resumed.history["loss"][same], whole.history["loss"], rtol=1e-9)
    assert set(resumed.history["step"][~same]) <= {7}
    table = read_csv(tmp_path / "history.csv")
    np.testing.assert_array_equal(table["loss"], resumed.history["loss"])
    assert resumed.seconds >= resumed.history["seconds"][-1] > 0


@pytest.mark.parametrize("points", [SQUARE.sobol(40).redrawn(), SQUARE.sobol(80).adaptive(40)])
def test_points_are_drawn_as_if_nothing_had_happened(points, tmp_path):
    problem = heat(points)
    whole = train(problem, 9)
    train(problem, 4, out=tmp_path)
    resumed = train(problem, 9, out=tmp_path, resume=True)
    torch.testing.assert_close(resumed.theta, whole.theta, rtol=0, atol=1e-10)


def test_a_finished_run_comes_back_as_it_was(tmp_path):
    problem = heat(SQUARE.grid(7))
    done = train(problem, 5, out=tmp_path)
    again = train(problem, 5, out=tmp_path, resume=True)
    assert torch.equal(again.theta, done.theta)
    assert again.steps == 5


def test_without_resume_a_run_begins_anew(tmp_path):
    problem = heat(SQUARE.grid(7))
    first = train(problem, 3, out=tmp_path)
    second = train(problem, 3, out=tmp_path)
    assert len(second.history["step"]) == len(first.history["step"]) == 4


def test_resume_without_a_state_begins(tmp_path):
    assert train(heat(SQUARE.grid(7)), 2, out=tmp_path, resume=True).steps == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [({"method": "adam"}, "method was 'natural_lm'"), ({"seed": 1}, "seed was 0")],
)
def test_another_run_is_refused(change, message, tmp_path):
    problem = heat(SQUARE.grid(7))
    train(problem, 2, out=tmp_path)
    with pytest.raises(ValueError, match=message):
        train(problem, 4, out=tmp_path, resume=True, **change)


def test_another_network_is_refused(tmp_path):
    problem = heat(SQUARE.grid(7))
    train(problem, 2, out=tmp_path)
    with pytest.raises(ValueError, match="P was 25"):
        ax.train(problem, ax.MLP([2, 7, 1]), steps=3, out=tmp_path, resume=True, progress=False)


def test_a_damaged_state_is_refused(tmp_path):
    problem = heat(SQUARE.grid(7))
    train(problem, 2, out=tmp_path)
    (tmp_path / "state.pt").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="not the state of a run"):
        train(problem, 4, out=tmp_path, resume=True)


def test_resume_needs_a_folder():
    with pytest.raises(ValueError, match="out must be given to resume"):
        train(heat(SQUARE.grid(7)), 2, resume=True)


class Killed(BaseException):
    """What no code of ours catches."""


def killed_run(problem, steps, method, saved_at, monkeypatch, **options):
    """A run that dies after so many rows, its last state that of an earlier row."""

    def die(run):
        if len(run.history) > saved_at:
            monkeypatch.setattr(directory, "CHECKPOINT_SECONDS", math.inf)
        if len(run.history) > saved_at + 2:
            raise Killed

    monkeypatch.setattr(directory, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        train(problem, steps, method, callbacks=[die], **options)


@pytest.mark.parametrize(
    "points", [SQUARE.grid(6), SQUARE.sobol(30).redrawn()], ids=["given", "redrawn"]
)
@pytest.mark.parametrize("method", methods.names())
def test_a_killed_run_goes_on_to_the_same_iterates(method, points, tmp_path, monkeypatch):
    problem = heat(points)
    every = methods.get(method)().evaluate_every
    steps = 6 * every + 1  # the last row is not one of every so many
    seen: dict[str, list] = {"whole": [], "resumed": []}

    def watching(name):
        return {"callbacks": [lambda run: seen[name].append(run.theta.clone())]}

    whole = train(problem, steps, method, **watching("whole"))
    killed_run(problem, steps, method, 3, monkeypatch, out=tmp_path)
    assert not (tmp_path / "summary.json").exists()
    at = torch.load(tmp_path / "state.pt", weights_only=True)["run"]["steps"]
    assert at == 3 * every  # the killed run had come two rows further
    resumed = train(problem, steps, method, out=tmp_path, resume=True, **watching("resumed"))
    assert len(seen["resumed"]) == len(seen["whole"]) - 3 > 1
    for theta, expected in zip(seen["resumed"], seen["whole"][3:], strict=True):
        torch.testing.assert_close(theta, expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(resumed.theta, whole.theta, rtol=0, atol=1e-12)
    assert resumed.history["step"].tolist() == whole.history["step"].tolist()
    for name in ("loss", "held_out_loss", "rank", "rows", "evaluations"):
        np.testing.assert_allclose(resumed.history[name], whole.history[name], rtol=1e-9)


def test_a_process_that_is_killed_goes_on_to_the_same_iterates(tmp_path):
    """By the operating system, in the middle of whatever it does."""
    program = """
import sys, time
import anagram_ext as ax
from anagram_ext.training import directory
directory.CHECKPOINT_SECONDS = 0.0
def tell(run):
    print(run.steps, flush=True)
    time.sleep(0.2 if run.steps > 5 else 0.0)
problem = ax.problems.poisson_1d()
ax.train(problem, steps=100, seed=3, out=sys.argv[1], callbacks=[tell], progress=False)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 7:
            break
    process.kill()
    process.communicate()
    at = len(read_csv(tmp_path / "history.csv")["step"]) - 1
    assert 7 <= at < 90
    problem, options = ax.problems.poisson_1d(), {"seed": 3, "progress": False}
    whole = ax.train(problem, steps=at + 4, **options)
    resumed = ax.train(problem, steps=at + 4, out=tmp_path, resume=True, **options)
    torch.testing.assert_close(resumed.theta, whole.theta, rtol=0, atol=1e-12)
    assert resumed.history["loss"].tolist() == whole.history["loss"].tolist()


def rod(source=2.0, weight=1.0, length=1.0):
    """k u'' = source with fixed ends; names and numbers of points are always the same."""
    line = ax.Box(x=(0, length))
    return ax.Problem(
        ("x",),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x: u.d("xx") - source, line.grid(20), weight=weight),
            "ends": ax.Condition(lambda u, x: u, line.faces("x").grid(1)),
        },
        name="rod",
    )


@pytest.mark.parametrize(
    ("problem", "model", "options"),
    [
        (rod(source=5.0), ax.MLP([1, 6, 1]), {}),
        (rod(weight=100.0), ax.MLP([1, 6, 1]), {}),
        (rod(length=2.0), ax.MLP([1, 6, 1]), {}),
        (rod(), ax.MLP([1, 6, 1], "sin"), {}),
        (rod(), ax.Model(ax.MLP([1, 6, 1]), outputs=lambda n, x: x.x * (1 - x.x) * n), {}),
    ],
    ids=["equation", "weight", "region", "activation", "output map"],
)
def test_a_run_that_differs_in_no_name_and_number_is_refused(problem, model, options, tmp_path):
    """It would return parameters of one problem with the loss that they had in another."""
    first = ax.train(rod(), ax.MLP([1, 6, 1]), steps=6, out=tmp_path, progress=False)
    kept = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"resume must go on with the same run: loss/\w+ of its"):
        ax.train(problem, model, steps=9, out=tmp_path, resume=True, progress=False, **options)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == kept
    saved = ax.load(tmp_path)
    assert saved.finished
    assert torch.equal(saved.theta, first.theta)


def test_a_module_goes_on_from_what_was_saved_wherever_it_begins(tmp_path):
    """A program that is started again has other first parameters where nobody set a seed."""
    first = torch.nn.Sequential(torch.nn.Linear(1, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
    again = torch.nn.Sequential(torch.nn.Linear(1, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
    begun = ax.train(rod(), first.double(), steps=4, out=tmp_path, progress=False)
    resumed = ax.train(rod(), again.double(), steps=6, out=tmp_path, resume=True, progress=False)
    assert resumed.history["loss"][:5].tolist() == begun.history["loss"].tolist()


def test_a_new_run_in_an_old_folder_leaves_no_state_of_the_old_one(tmp_path):
    """A method of a user's own may have no state to replace it by."""

    class Still:
        """Stays where it is."""

        name, default_steps, evaluate_every = "still", 1, 1

        def start(self, system, theta):
            self.theta, self.loss = theta, float(system.losses(theta[None])[0])

        def step(self):
            return methods.StepInfo(self.theta, self.loss, 0.0, "")

    train(heat(SQUARE.grid(7)), 2, out=tmp_path)
    train(heat(SQUARE.grid(7)), 1, Still(), out=tmp_path)
    assert not (tmp_path / "state.pt").exists()


def test_a_run_that_had_come_to_its_end_does_no_further_step(tmp_path):
    done = ax.train(rod(), ax.MLP([1, 6, 1]), out=tmp_path, progress=False)
    assert done.stop in {methods.Stop.NO_PROGRESS, methods.Stop.ROUND_OFF}
    again = ax.train(rod(), ax.MLP([1, 6, 1]), out=tmp_path, resume=True, progress=False)
    assert again.steps == done.steps
    assert again.stop_reason == done.stop_reason
    assert again.verdict is done.verdict
    assert torch.equal(again.theta, done.theta)
