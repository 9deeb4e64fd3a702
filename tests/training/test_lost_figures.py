"""A figure that cannot be drawn costs a warning and never the result."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest
import torch

import anagram_ext as ax
from anagram_ext.figures import canvas
from anagram_ext.training import checkpoint
from anagram_ext.training.comparison import compare

SQUARE = ax.Box(t=(0, 1), x=(0, 1))


def sine(field="u", **options) -> ax.Problem:
    return ax.Problem(
        ("t", "x"),
        (field,),
        {"sine": ax.Condition(lambda u, x: u - torch.sin(3 * x.x), SQUARE.grid(6))},
        model=ax.MLP([2, 4, 1]),
        **options,
    )


def test_a_figure_that_fails_loses_no_result(tmp_path):
    unprintable = "$_$"  # no formula, says matplotlib
    with pytest.warns(ax.FigureWarning, match=r"solution\.png was not drawn: ValueError") as caught:
        run = ax.train(sine(field=unprintable), steps=3, progress=False, out=tmp_path)
    assert caught[0].filename == __file__  # points at the caller
    assert torch.equal(checkpoint.load(tmp_path / "model.safetensors")[1], run.theta)
    assert json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))["steps"] == 3
    assert (tmp_path / "convergence.png").exists()


def test_a_name_with_dollars_is_no_formula(tmp_path):
    ax.train(sine(name="$_$"), steps=3, progress=False, out=tmp_path)
    assert (tmp_path / "convergence.png").exists()
    assert (tmp_path / "solution.png").exists()


def test_a_solution_that_returns_a_list_serves_error_and_map(tmp_path):
    solution = {"solution": lambda x: [torch.sin(3 * x.x)]}
    run = ax.train(sine(**solution), steps=3, progress=False, out=tmp_path)
    assert run.l2_error < 1
    assert (tmp_path / "solution.png").exists()


def test_a_comparison_is_not_lost_either(tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(canvas, "write", full_disk)
    with pytest.warns(ax.FigureWarning) as caught:
        comparison = compare(sine(), ["gd"], [0], tmp_path, steps=2, progress=False)
    assert len(comparison.runs["gd"]) == 1
    told = "\n".join(str(warning.message) for warning in caught)
    for name in ("convergence.png", "solution.png", "loss.png", "l2_error.png"):
        assert f"{name} was not drawn: OSError: no space left" in told


def test_a_folder_that_is_removed_meanwhile_loses_no_result(tmp_path):
    def remove(run):
        if run.steps == 2:
            shutil.rmtree(tmp_path / "run")

    with pytest.warns((ax.WriteWarning, ax.FigureWarning)) as caught:
        run = ax.train(sine(), steps=5, progress=False, out=tmp_path / "run", callbacks=[remove])
    assert run.steps == 5
    assert len(run.history["loss"]) == 6
    told = "\n".join(str(w.message) for w in caught if w.category is ax.WriteWarning)
    for name in ("history.csv", "model.safetensors", "state.pt", "summary.json"):
        assert name in told


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are those of POSIX")
def test_a_full_disk_loses_no_result(tmp_path):
    """The limit of the size of a file stands for the room on a disk."""
    program = """
import resource, signal, sys, warnings
import anagram_ext as ax
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    run = ax.train(ax.problems.poisson_1d(), steps=12, out=sys.argv[1], progress=False)
print(run.steps, run.loss < 1e-3, sum(w.category is ax.WriteWarning for w in caught))
"""
    told = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "run")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["12", "True", "2"]  # history and state
    assert (tmp_path / "run" / "model.safetensors").exists()
