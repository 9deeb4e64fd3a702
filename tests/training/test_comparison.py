from __future__ import annotations

import os
import signal

import numpy as np
import pytest
import torch

from anagram_ext import MLP, Box, Condition, Problem, cli
from anagram_ext.figures import canvas
from anagram_ext.methods import Stop
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.training.comparison import Comparison, compare, curve
from anagram_ext.training.result import TrainResult


def line() -> Problem:
    return Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={"data": Condition(lambda u, x: u - torch.exp(x.x), Box(x=(0, 1)).grid(12))},
        solution=lambda x: torch.exp(x.x),
        name="line",
        model=MLP([1, 4, 1]),
    )


def result(loss: float, seconds=(0.0, 1.0, 2.0), losses=(9.0, 5.0, 1.0)) -> TrainResult:
    model = MLP([1, 2, 1])
    history = {
        "step": np.arange(len(losses)),
        "seconds": np.array(seconds),
        "loss": np.array(losses),
        "l2_error": np.sqrt(losses),
    }
    return TrainResult(
        theta=model.init(0),
        model=model,
        history=history,
        loss=loss,
        l2_error=10 * loss,
        l2_relative=1.0,
        held_out_loss=1.0,
        seconds=seconds[-1],
        steps=len(losses) - 1,
        stop_reason="steps reached",
        method="gd",
        seed=0,
    )


def test_a_curve_holds_the_lowest_value_so_far_also_after_the_end():
    short = result(1.0)
    grid, quartiles = curve([short], "seconds", "loss")
    assert (grid[0], grid[-1]) == (1.0, 2.0)
    expected = np.where(grid < 2, 5.0, 1.0)
    np.testing.assert_array_equal(quartiles, [expected] * 3)

    long = result(1.0, seconds=(0.0, 4.0), losses=(8.0, 2.0))
    grid, (_, median, _) = curve([short, long], "seconds", "loss")
    assert grid[-1] == 4.0
    assert median[-1] == (1.0 + 2.0) / 2
    assert median[0] == (5.0 + 8.0) / 2

    rising = result(1.0, seconds=(0.0, 1.0, 2.0), losses=(8.0, 2.0, 6.0))
    _, (_, median, _) = curve([rising], "seconds", "loss")
    assert median[-1] == 2.0


def test_the_table_has_median_and_quartiles():
    runs = [result(loss) for loss in (1.0, 2.0, 3.0, 4.0, 5.0)]
    table = Comparison("line", {"gd": runs, "adam": []}).markdown().splitlines()
    assert len(table) == 3
    assert table[2] == (
        "| gd | 5 | 3.0e+01 (2.0e+01 - 4.0e+01) | 3.0e+00 (2.0e+00 - 4.0e+00) | 2 | 2.0 |"
    )


def test_a_comparison_shows_its_table():
    comparison = Comparison("line", {"gd": [result(1.0)]}, complete=False)
    head, _, table = repr(comparison).partition("\n")
    assert head == "Comparison(line, interrupted)"
    assert table == comparison.markdown()


def test_compare_runs_everything_and_writes_it(tmp_path):
    comparison = compare(line(), ["anagram", "gd"], [0, 1], tmp_path, steps=5, progress=False)
    assert comparison.complete
    assert {name: len(runs) for name, runs in comparison.runs.items()} == {"anagram": 2, "gd": 2}
    assert [run.seed for run in comparison.runs["gd"]] == [0, 1]
    for method in ("anagram", "gd"):
        for seed in (0, 1):
            assert (tmp_path / method / f"seed_{seed}" / "history.csv").exists()
    assert (tmp_path / "comparison.md").read_text(encoding="utf-8") == comparison.markdown()
    for name in ("loss.png", "l2_error.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_ctrl_c_ends_the_comparison_and_keeps_the_finished_runs(tmp_path, monkeypatch):
    original, calls = PdeSystem.gradient, []

    def interrupted(self, theta):
        calls.append(1)
        if len(calls) == 8:  # the third step of the second run
            raise KeyboardInterrupt
        return original(self, theta)

    monkeypatch.setattr(PdeSystem, "gradient", interrupted)
    comparison = compare(line(), ["gd"], [0, 1, 2], tmp_path, steps=5, progress=False)
    assert not comparison.complete
    assert len(comparison.runs["gd"]) == 1
    assert (tmp_path / "comparison.md").read_text(encoding="utf-8") == comparison.markdown()
    assert Stop.INTERRUPTED in (tmp_path / "gd" / "seed_1" / "summary.json").read_text(
        encoding="utf-8"
    )
    assert not (tmp_path / "gd" / "seed_2").exists()


def test_ctrl_c_while_the_figures_are_drawn_waits_for_them(tmp_path, monkeypatch):
    original = canvas.write

    def interrupted(figure, path):
        if path.parent == tmp_path:
            os.kill(os.getpid(), signal.SIGINT)
        original(figure, path)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(canvas, "write", interrupted)
    comparison = compare(line(), ["gd"], [0, 1], tmp_path, steps=2, progress=False)
    signal.signal(signal.SIGINT, before)
    assert not comparison.complete
    assert len(comparison.runs["gd"]) == 2
    for name in ("loss.png", "l2_error.png"):
        assert (tmp_path / name).exists()


def test_the_command_prints_the_table(tmp_path, monkeypatch, capfd):
    arguments = ["compare", "poisson_1d", "--methods", "anagram, gd", "--seeds", "1"]
    arguments += ["--steps", "2", "--out", str(tmp_path), "--quiet"]
    monkeypatch.setattr("sys.argv", ["anagram-ext", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    table = capfd.readouterr().out.splitlines()
    assert [row.split("|")[1].strip() for row in table[2:]] == ["anagram", "gd"]
