"""A run read back from its folder, without its problem."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest
import torch

import anagram_ext as ax


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run and its folder."""
    folder = tmp_path_factory.mktemp("runs") / "rod"
    return train(folder), folder


def train(folder, **options):
    return ax.train(ax.problems.poisson_1d(), steps=4, progress=False, out=folder, **options)


def test_all_of_a_run_comes_back(finished):
    run, folder = finished
    saved = ax.load(folder)
    assert isinstance(saved, ax.SavedRun)
    assert saved.finished
    points = ax.Box(x=(0, 1)).grid(7)
    assert torch.equal(saved.model(saved.theta, points), run.model(run.theta, points))
    assert list(saved.history) == list(run.history)
    for name, column in run.history.items():
        np.testing.assert_array_equal(saved.history[name], column)
    assert saved.verdict is run.verdict
    assert saved.summary["loss"] == run.loss
    assert saved.summary["problem"] == "poisson_1d"
    assert saved.summary["losses"] == run.losses


def test_two_names_take_model_and_parameters_of_a_folder_and_of_a_file(finished):
    run, folder = finished
    for path in (folder, str(folder), folder / "model.safetensors"):
        model, theta = ax.load(path)
        assert model.n_parameters == run.model.n_parameters
        assert torch.equal(theta, run.theta)


def test_a_run_that_was_killed_has_all_but_a_summary(finished, tmp_path):
    killed = shutil.copytree(finished[1], tmp_path / "killed")
    (killed / "summary.json").unlink()
    with (killed / "history.csv").open("a", encoding="utf-8") as file:
        file.write("5,0.1")  # half a line
    saved = ax.load(killed)
    assert not saved.finished
    assert saved.verdict is None
    assert dict(saved.summary) == {}
    assert saved.history["step"].tolist() == [0, 1, 2, 3, 4]
    assert repr(saved).endswith(
        "not finished, loss " + f"{saved.history['loss'].min():.2e}, 4 steps)"
    )


def test_it_is_one_line_without_arrays(finished):
    run, folder = finished
    assert repr(ax.load(folder)) == (
        f"SavedRun({folder}: {run.verdict}, loss {run.history['loss'].min():.2e}, 4 steps)"
    )


def test_it_draws_its_history_and_with_the_problem_its_solution(finished, tmp_path):
    run, folder = finished
    saved = ax.load(folder)
    assert len(saved.plot().axes) == 3
    figure = saved.plot(tmp_path / "run.png", ax.problems.poisson_1d())
    assert (tmp_path / "run.png").stat().st_size > 0
    assert figure.get_suptitle() == "poisson_1d, natural_lm, seed 0"
    for own, again in zip(run.plot().axes, figure.axes, strict=True):
        for line, other in zip(own.lines, again.lines, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), other.get_ydata())
    with pytest.raises(ValueError, match="inputs"):
        saved.plot(problem=ax.problems.heat())


def test_functions_in_a_model_are_asked_for(tmp_path):
    model = ax.Model(ax.MLP([1, 4, 1]), outputs=lambda u, x: x.x * (1 - x.x) * u)
    run = train(tmp_path, model=model)
    saved = ax.load(tmp_path)
    assert saved.history["loss"].tolist() == run.history["loss"].tolist()
    with pytest.raises(ValueError, match="model must be given: it has an output map"):
        saved.model
    saved = ax.load(tmp_path, model)
    ends = torch.tensor([[0.0], [1.0]], dtype=torch.float64)
    assert saved.model(saved.theta, ends).abs().max() == 0
    assert torch.equal(saved.theta, run.theta)
    other = ax.Model(ax.MLP([1, 5, 1]), outputs=model.outputs)
    with pytest.raises(ValueError, match="model must be"):
        ax.load(tmp_path, other).theta


def test_units_of_its_own_and_unknowns_come_back(tmp_path):
    box = ax.Box(x=(0, 1e4))
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x, c: u.d("x") - c.k, box.grid(9)),
            "start": ax.Condition(lambda u, x, c: u, box.face(x=0).grid(1)),
            "end": ax.Condition(lambda u, x, c: u - 2e6, box.faces("x").grid(1)[1:]),
        },
        unknowns={"k": ax.Unknown(1.0)},
    )
    run = ax.train(problem, ax.MLP([1, 5, 1]), steps=15, progress=False, out=tmp_path)
    saved = ax.load(tmp_path)
    points = box.grid(5)
    assert torch.equal(saved.model(saved.theta, points), run.model(run.theta, points))
    assert dict(saved.model.values(saved.theta)) == dict(run.values)
    assert saved.summary["values"] == dict(run.values)


def test_what_is_no_run_is_refused(finished, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"history\.csv"):
        ax.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such checkpoint"):
        ax.load(tmp_path / "nothing")
    with pytest.raises(TypeError, match="path must be a path, got 3"):
        ax.load(3)
    for damage in ("{", "[1]"):
        folder = shutil.copytree(finished[1], tmp_path / f"damaged {damage}")
        (folder / "summary.json").write_text(damage, encoding="utf-8")
        with pytest.raises(ValueError, match="not a summary"):
            ax.load(folder)


def test_what_is_not_finite_is_none(tmp_path):
    box = ax.Box(x=(0, 1))
    problem = ax.Problem(("x",), ("u",), {"a": ax.Condition(lambda u, x: u - 1, box.grid(3))})
    run = ax.train(problem, ax.MLP([1, 2, 1]), steps=2, progress=False, out=tmp_path)
    assert math.isnan(run.l2_error)
    assert ax.load(tmp_path).summary["l2_error"] is None
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["l2_error"] is None
