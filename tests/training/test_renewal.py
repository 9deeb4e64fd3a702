"""Neurons made anew in the first steps: when, and what does not change."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.training.renewal import AFTER, renewed

NETWORK = ax.MLP([3, 12, 1])
CUBE = ax.Box(x=(0, 1), y=(0, 1), z=(0, 1))


def exact(x) -> torch.Tensor:
    return torch.sin(3 * x.x + x.y) + torch.cos(2 * x.z)


def problem(points=None) -> ax.Problem:
    points = CUBE.uniform(200) if points is None else points
    return ax.Problem(
        ("x", "y", "z"), ("u",), {"fit": ax.Condition(lambda u, x: u - exact(x), points)}
    )


def saturated() -> torch.Tensor:
    """Five of twelve neurons are constants."""
    theta = NETWORK.init(0)
    theta[36:41] = 60.0
    return theta


class Saturated(ax.MLP):
    """The network, which begins like that."""

    def init(self, seed: int = 0) -> torch.Tensor:  # noqa: ARG002 -- the same for any
        return saturated()


def alive(theta: torch.Tensor) -> int:
    """How many neurons of the hidden layer vary over the cube."""
    points = torch.rand(200, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return int((torch.tanh(NETWORK.to_torch(theta)[0](points)).std(dim=0) > 1e-3).sum())


def train(given: ax.Problem, **options) -> ax.TrainResult:
    options = {"model": Saturated([3, 12, 1]), "steps": 12, **options}
    return ax.train(given, progress=False, scales=False, **options)


@pytest.mark.parametrize("steps", AFTER)
def test_neurons_are_made_anew_after_some_of_the_first_steps(steps):
    system = PdeSystem(problem(), NETWORK, 0)
    theta = saturated()
    assert alive(theta) == 7
    new = renewed(system, theta, steps)
    assert alive(new) == 12
    torch.testing.assert_close(system.residual(new), system.residual(theta), rtol=0, atol=1e-13)
    assert torch.equal(new, renewed(system, theta, steps))


@pytest.mark.parametrize("steps", [0, 1, 4, 6, 45, 100])
def test_not_after_others(steps):
    theta = saturated()
    assert renewed(PdeSystem(problem(), NETWORK, 0), theta, steps) is theta


def test_not_where_all_are_of_use():
    theta = NETWORK.init(0)
    assert renewed(PdeSystem(problem(), NETWORK, 0), theta, AFTER[0]) is theta


def test_not_on_redrawn_points():
    theta = saturated()
    given = problem(CUBE.uniform(200).redrawn())
    assert renewed(PdeSystem(given, NETWORK, 0), theta, AFTER[0]) is theta


def test_not_in_two_dimensions():
    network = ax.MLP([2, 12, 1])
    theta = network.init(0)
    theta[24:29] = 60.0
    square = ax.Box(x=(0, 1), y=(0, 1))
    given = ax.Problem(("x", "y"), ("u",), {"fit": ax.Condition(lambda u, x: u, square.grid(9))})
    assert renewed(PdeSystem(given, network, 0), theta, AFTER[0]) is theta


def test_training_makes_use_of_new_neurons():
    result = train(problem())
    assert alive(result.theta) == 12
    assert list(result.history["step"]) == list(range(13))


def test_training_is_the_same_up_to_then(monkeypatch):
    with_new = train(problem()).history["loss"]
    monkeypatch.setattr("anagram_ext.training.renewal.AFTER", ())
    without = train(problem()).history["loss"]
    end = AFTER[0] + 1
    np.testing.assert_array_equal(with_new[:end], without[:end])
    assert with_new[end] != without[end]


def test_other_methods_keep_their_neurons():
    assert alive(train(problem(), method="anagram").theta) == 7


def test_a_run_that_was_cut_goes_on_alike(tmp_path):
    whole = train(problem())
    for steps in (AFTER[0], AFTER[0] + 1, 12):
        result = train(problem(), steps=steps, out=tmp_path / "run", resume=True)
    assert torch.equal(result.theta, whole.theta)


def test_models_without_neurons_of_their_own_train_on():
    module = NETWORK.to_torch(saturated())
    module.append(torch.nn.Identity())  # not what the engine takes
    result = train(problem(), model=module, theta=None, steps=AFTER[0] + 1)
    assert result.steps == AFTER[0] + 1


def test_given_parameters_keep_their_neurons():
    assert alive(train(problem(), theta=saturated()).theta) == 7


def test_so_they_do_when_the_run_is_taken_up_again(tmp_path):
    whole = train(problem(), theta=saturated())
    train(problem(), theta=saturated(), steps=4, out=tmp_path)
    again = train(problem(), theta=saturated(), out=tmp_path, resume=True)
    assert torch.equal(again.theta, whole.theta)
