"""The warning at the end of a run that satisfied its points and not its problem."""

from __future__ import annotations

import json
import sys

import pytest
import torch

import anagram_ext as ax
from anagram_ext import cli


def starved() -> ax.Problem:
    """A sine through three points: any of many curves fits these, hardly one the others."""
    points = torch.tensor([[0.1], [0.45], [0.9]], dtype=torch.float64)
    return ax.Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={"sine": ax.Condition(lambda u, x: u - torch.sin(20 * x.x), points)},
        name="starved",
        model=ax.MLP([1, 8, 1]),
    )


def train(problem: ax.Problem, **options) -> ax.TrainResult:
    return ax.train(problem, method="anagram", steps=30, progress=False, **options)


def test_overfitting_is_told_once_everything_is_written(tmp_path):
    with pytest.warns(ax.HeldOutWarning, match=r"more than 100 times the training loss") as caught:
        result = train(starved(), out=tmp_path)
    assert result.held_out_loss > 100 * result.loss
    assert result.warning == str(caught[0].message)
    assert caught[0].filename == __file__  # points at the caller
    summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
    assert summary["warning"] == result.warning


def test_enough_points_are_no_reason_to_warn(device):
    line = ax.problems.poisson_1d()
    result = train(line, device=device)
    assert result.warning is None
    assert result.held_out_loss <= 100 * result.loss


def test_no_warning_between_numbers_that_are_rounding_errors(device):
    # Three points of a line fit exactly: the loss is zero, or a rounding error; so is the other.
    points = torch.tensor([[0.1], [0.45], [0.9]], dtype=torch.float64)
    condition = ax.Condition(lambda u, x: u - 1e3 * x.x - 1, points)
    result = train(
        ax.Problem(("x",), ("u",), {"line": condition}), model=ax.MLP([1, 1], device=device)
    )
    assert result.held_out_loss < 1e-24
    assert result.warning is None


def test_the_command_line_says_it_in_one_line(monkeypatch, capfd):
    monkeypatch.setattr(cli.problems, "get", lambda _: starved())
    arguments = ["train", "poisson_1d", "--method", "anagram", "--steps", "30", "--quiet"]
    monkeypatch.setattr(sys, "argv", ["anagram-ext", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    told = capfd.readouterr().err
    assert told.startswith("warning: the loss on held-out points, ")
    assert told.count("\n") == 1


@pytest.mark.filterwarnings("ignore::anagram_ext.HeldOutWarning")
def test_an_infinite_held_out_loss_does_not_bring_back_the_first_iterate():
    """On a ring of given points, whose residual is not defined beside it; the others redrawn."""
    angles = torch.linspace(0, 6.2, 60, dtype=torch.float64)
    ring = torch.stack([2 * torch.cos(angles), 2 * torch.sin(angles)], 1)
    conditions = {
        "equation": ax.Condition(
            lambda u, x: u.laplacian() - 4.0, ax.Box(x=(-2, 2), y=(-2, 2)).uniform(100).redrawn()
        ),
        "ring": ax.Condition(lambda u, x: u - torch.sqrt(x.x**2 + x.y**2 - 3.9), ring),
    }
    model = ax.MLP([2, 8, 1])
    problem = ax.Problem(("x", "y"), ("u",), conditions)
    run = ax.train(problem, model, steps=20, progress=False)
    assert not torch.equal(run.theta, model.init(0))
    assert run.loss < 0.1 * run.history["loss"][0]
