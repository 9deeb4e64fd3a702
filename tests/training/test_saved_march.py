"""A march read back from its folder, drawn, and gone on with; the closed form is exp(-t)."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import anagram_ext as ax
from anagram_ext.cli import app
from anagram_ext.training.directory import RunDirectory

LINE = ax.Box(t=(0, 2))
NET = ax.MLP([1, 6, 1])
TIMES = torch.linspace(0, 2, 21, dtype=torch.float64)[:, None]


def decay(**options):
    """u' = -u, u(0) = 1."""
    return ax.Problem(
        ("t",),
        ("u",),
        {
            "ode": ax.Condition(lambda u, x: u.d("t") + u, LINE.stratified(20)),
            "initial": ax.Condition(lambda u, x: u - 1, LINE.face(t=0).grid(1)),
        },
        solution=lambda x: torch.exp(-x.t),
        name="decay",
        **options,
    )


def march(folder, model=NET, **options):
    options = {"windows": 2, "steps": 15, "progress": False} | options
    return ax.march(decay(), model, out=folder, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A march of two windows and its folder."""
    folder = tmp_path_factory.mktemp("runs") / "decay"
    return march(folder), folder


def test_one_function_for_all_times_comes_back(finished):
    run, folder = finished
    saved = ax.load(folder)
    assert isinstance(saved, ax.SavedMarch)
    assert saved.finished
    assert list(saved.times) == run.times == [0.0, 1.0, 2.0]
    assert torch.equal(saved(TIMES), run(TIMES))
    torch.testing.assert_close(saved(TIMES), torch.exp(-TIMES), rtol=0, atol=1e-5)
    slopes = saved.jet(TIMES, ("t", "", "t"))
    torch.testing.assert_close(slopes["t"], -torch.exp(-TIMES), rtol=0, atol=1e-4)
    assert torch.equal(slopes[""], run(TIMES))
    model, theta = ax.load(folder)
    assert theta.shape == (model.n_parameters,) == (2 * NET.n_parameters,)
    assert torch.equal(model(theta, TIMES), run.model(run.theta, TIMES))
    assert saved.verdict is run.verdict
    assert saved.summary["loss"] == run.loss
    assert saved.summary["t"] == [0.0, 2.0]
    assert repr(saved) == f"SavedMarch({folder}: {run.verdict}, 2 windows of t in [0, 2])"


def test_what_is_no_point_or_parameter_is_refused(finished):
    model, theta = ax.load(finished[1])
    with pytest.raises(ValueError, match=r"points must have shape \[n, 1\]"):
        model(theta, TIMES[:, 0])
    with pytest.raises(ValueError, match="theta must have shape"):
        model(theta[1:], TIMES)


def test_a_march_that_was_cut_says_nan_where_it_has_not_come(finished, tmp_path):
    run, folder = finished
    cut = shutil.copytree(folder, tmp_path / "cut")
    shutil.rmtree(cut / "window_001")
    manifest = json.loads((cut / "windows.json").read_text(encoding="utf-8"))
    (cut / "windows.json").write_text(json.dumps(manifest | {"times": [0.0, 1.0]}))
    saved = ax.load(cut)
    assert (saved.finished, saved.verdict, dict(saved.summary)) == (False, None, {})
    early = TIMES[:, 0] <= 1
    values = saved(TIMES)
    assert torch.equal(values[early], run(TIMES)[early])
    assert bool(values[~early].isnan().all())
    assert "not finished, 1 windows of t in [0, 1]" in repr(saved)


def test_it_draws_all_windows_and_the_solution_at_all_times(finished, tmp_path):
    run, folder = finished
    figure = run.plot(tmp_path / "march.png")
    assert (tmp_path / "march.png").stat().st_size > 0
    assert figure.get_suptitle() == "decay, natural_lm, seed 0, 2 windows of t"
    step, _, conditions, values, errors = figure.axes
    labels = [text.get_text() for text in conditions.get_legend().get_texts()]
    assert labels == ["loss of ode", "loss of initial", "loss of continuity"]
    network, solution = values.lines
    at = torch.from_numpy(np.array(network.get_xdata()))[:, None]
    np.testing.assert_array_equal(network.get_ydata(), run(at)[:, 0])
    np.testing.assert_allclose(solution.get_ydata(), np.exp(-network.get_xdata()))
    assert errors.lines[0].get_ydata().max() < 1e-5

    # One window after the other, with a gap between them: the second begins with a loss of its own.
    drawn = step.lines[0].get_ydata()
    first, second = (window.history["loss"] for window in run.runs)
    np.testing.assert_array_equal(drawn, [*first, np.nan, *second])
    steps = step.lines[0].get_xdata()
    assert steps[len(first) + 1] == steps[len(first) - 1] == run.runs[0].history["step"][-1]
    best = next(line for line in step.lines if line.get_label() == "loss, best so far")
    expected = [*np.fmin.accumulate(first), np.nan, *np.fmin.accumulate(second)]
    np.testing.assert_array_equal(best.get_ydata(), expected)

    saved = ax.load(folder)
    assert len(saved.plot().axes) == 3
    again = saved.plot(problem=decay())
    assert again.get_suptitle() == figure.get_suptitle()
    for own, other in zip(figure.axes, again.axes, strict=True):
        for line, same in zip(own.lines, other.lines, strict=True):
            np.testing.assert_array_equal(line.get_ydata(), same.get_ydata())
    with pytest.raises(ValueError, match="coordinates"):
        saved.plot(problem=ax.problems.poisson_1d())


def test_the_command_line_shows_it(finished):
    _, folder = finished
    shown = CliRunner().invoke(app, ["show", str(folder)])
    assert shown.exit_code == 0, shown.output
    assert "windows: 2" in shown.output
    assert (folder / "run.png").stat().st_size > 0


def test_windows_behind_an_input_map_come_back_and_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(RunDirectory, "draw", lambda *_: [])  # figures take longer than these
    strip = ax.Box(t=(0, 2), x=(0, 1))
    conditions = {
        "ode": ax.Condition(lambda u, x: u.d("t") + u, strip.stratified(6)),
        "initial": ax.Condition(lambda u, x: u - 1, strip.face(t=0).grid(6)),
    }
    problem = ax.Problem(("t", "x"), ("u",), conditions)
    model = ax.Model(ax.MLP([3, 6, 1]), inputs=ax.periodic(x=1.0))
    options = {"windows": 3, "steps": 8, "progress": False, "out": tmp_path}
    run = ax.march(problem, model, **options)
    points = strip.grid(9)
    torch.testing.assert_close(run(points)[:, 0], torch.exp(-points[:, 0]), rtol=0, atol=1e-4)
    assert torch.equal(ax.load(tmp_path)(points), run(points))
    shutil.rmtree(tmp_path / "window_002")
    seen = []
    resumed = ax.march(problem, model, callbacks=[lambda r: seen.append(r.steps)], **options)
    assert seen.count(1) == 1  # of the last window alone
    torch.testing.assert_close(resumed(points), run(points), rtol=0, atol=1e-12)


def test_functions_in_a_model_are_asked_for(tmp_path):
    model = ax.Model(NET, outputs=lambda u, x: 1 + x.t * u)
    run = march(tmp_path, model, steps=3)
    with pytest.raises(ValueError, match="model must be given: it has an output map"):
        ax.load(tmp_path)(TIMES)
    assert torch.equal(ax.load(tmp_path, model)(TIMES), run(TIMES))


def test_going_on_does_not_train_finished_windows_again(finished, tmp_path):
    run, folder = finished
    again = shutil.copytree(folder, tmp_path / "again")
    shutil.rmtree(again / "window_001")
    seen = []
    resumed = march(again, resume=True, callbacks=[lambda r: seen.append(r.steps)])
    assert seen.count(1) == 1  # of the second window alone
    torch.testing.assert_close(resumed(TIMES), run(TIMES), rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match=r"resume must go on with the same march: planned was"):
        march(again, windows=3, resume=True)


def test_going_on_keeps_the_halves_of_windows_that_failed(tmp_path, monkeypatch):
    judged = []

    def fails_once(run, _group):
        judged.append(run)
        return len(judged) == 1

    monkeypatch.setattr("anagram_ext.training.march._failed", fails_once)
    halved = march(tmp_path, steps=3)
    assert halved.times == [0.0, 0.5, 1.0, 2.0]
    assert len({id(run) for run in judged}) == 4
    assert halved.runs[0].steps > 0
    assert list(ax.load(tmp_path).times) == halved.times
    assert torch.equal(ax.load(tmp_path)(TIMES), halved(TIMES))
    resumed = march(tmp_path, steps=3, resume=True)
    assert resumed.times == halved.times
    torch.testing.assert_close(resumed.theta, halved.theta, rtol=0, atol=0)


def test_what_failed_at_every_length_is_halved_no_more(monkeypatch):
    monkeypatch.setattr("anagram_ext.training.march._failed", lambda run, group: True)
    run = march(None, windows=None, times=(0, 0.5, 2), steps=1)
    # Five halvings of the first window; its other parts and the second window are tried once.
    assert run.times == [0.0, *(0.5**k for k in range(6, 0, -1)), 2.0]


def test_the_first_half_of_a_window_that_failed_begins_anew(tmp_path, monkeypatch):
    answers = iter([True, False, False, False])
    monkeypatch.setattr("anagram_ext.training.march._failed", lambda run, group: next(answers))
    halved = march(tmp_path, steps=3, resume=True)
    monkeypatch.undo()
    expected = march(None, windows=None, times=(0, 0.5, 1, 2), steps=3)
    torch.testing.assert_close(halved.theta, expected.theta, rtol=0, atol=1e-12)


def test_wrong_arguments_leave_the_march_that_is_there(finished, tmp_path):
    kept = shutil.copytree(finished[1], tmp_path / "kept")
    with pytest.raises(ValueError, match="steps"):
        march(kept, steps=-1)
    with pytest.raises(TypeError, match="callbacks must be a sequence of functions"):
        march(kept, callbacks=3)
    assert ax.load(kept).finished


def test_a_damaged_list_of_windows(finished, tmp_path):
    for damage in ("{", "[1]", '{"coordinates": ["t"], "coordinate": "t", "planned": [0, 2]}'):
        folder = shutil.copytree(finished[1], tmp_path / "damaged", dirs_exist_ok=True)
        (folder / "windows.json").write_text(damage, encoding="utf-8")
        with pytest.raises(ValueError, match="not a list of windows"):
            ax.load(folder)
