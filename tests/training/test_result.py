from __future__ import annotations

import json
import math

import pytest
import torch

import anagram_ext as ax
from anagram_ext.methods import Stop


def test_a_result_is_one_line_without_arrays():
    run = ax.train(ax.problems.poisson_1d(), steps=3, method="anagram", progress=False)
    line = repr(run)
    assert len(line) < 120
    assert "tensor" not in line
    for part in ("anagram, seed 0", f"loss {run.loss:.2e}", f"L2 {run.l2_error:.2e}", "3 steps"):
        assert part in line
    assert line.endswith("steps reached)")


def test_a_result_begins_with_its_verdict():
    run = ax.train(ax.problems.poisson_1d(), steps=3, method="anagram", progress=False)
    assert run.verdict is ax.Verdict.OUT_OF_TIME
    assert repr(run).startswith("TrainResult(out of time: anagram, ")
    assert run.summary()["verdict"] == "out of time"
    assert run.warning is not None
    assert run.warning.startswith("the loss was still falling after 3 steps")


def test_losses_by_condition_add_up():
    run = ax.train(ax.problems.poisson_1d(), steps=3, method="anagram", progress=False)
    assert tuple(run.losses) == tuple(run.held_out_losses) == ("interior", "ends")
    assert sum(run.losses.values()) == pytest.approx(run.loss, rel=1e-10)
    assert sum(run.held_out_losses.values()) == pytest.approx(run.held_out_loss, rel=1e-10)
    for name, loss in run.losses.items():
        assert run.history[f"loss/{name}"][-1] == pytest.approx(loss, rel=1e-10)
        assert run.history[f"held_out_loss/{name}"][-1] == pytest.approx(
            run.held_out_losses[name], rel=1e-10
        )


def test_what_is_not_held_out_says_why(tmp_path):
    corner = ax.Box(x=(0, 1), y=(0, 1)).uniform(5)(0).clone()  # too few to show a shape
    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "data": ax.Data(corner, torch.arange(5.0)),
            "corner": ax.Condition(lambda u, x: u.d("x"), corner),
        },
        name="corner",
    )
    run = ax.train(problem, ax.MLP([2, 1]), steps=2, progress=False, out=tmp_path)
    assert all(math.isnan(loss) for loss in run.held_out_losses.values())
    assert run.unseen["data"] == "its values belong to its own points"
    assert "region is not known" in run.unseen["corner"]
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["not_held_out"] == run.unseen
    assert summary["losses"] == pytest.approx(run.losses)
    assert summary["held_out_losses"] == {"data": None, "corner": None}
    assert summary["verdict"] == str(run.verdict)
    assert run.verdict is not ax.Verdict.SOLVED


def test_the_reason_is_a_sentence_and_a_kind():
    run = ax.train(ax.problems.poisson_1d(), steps=2, method="gd", progress=False)
    assert run.stop is Stop.STEPS_REACHED
    assert type(run.stop_reason) is str
    assert run.summary()["stop_reason"] == run.stop_reason == "steps reached"
