"""Runs whose loss is hardly more than rounding errors; a linear model knows how much more."""

from __future__ import annotations

import math

import pytest
import torch

from anagram_ext import MLP, Box, Condition, Problem
from anagram_ext.methods import StepInfo, Stop
from anagram_ext.training.loop import train

SQUARE = Box(x=(0, 1), y=(0, 1))
PLANE = Problem(
    ("x", "y"), ("u",), {"data": Condition(lambda u, x: u - x.x - 2 * x.y, SQUARE.grid(6, 6))}
)
NET = MLP([2, 1])
SOLUTION = torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)
STEPS = 12


class Walk:
    """A method that is so many units in the last place away from the solution after each step."""

    name = "walk"
    default_steps = STEPS
    evaluate_every = 1

    def __init__(self, units: list[int], every: int = 1) -> None:
        self._units, self.evaluate_every = units, every

    def start(self, system, theta):  # noqa: ARG002 -- the protocol has it
        self._system, self._todo = system, iter(self._units)

    def step(self) -> StepInfo:
        # Up one weight, down the other: as the estimate of rounding errors has it.
        ulps = torch.tensor([-1.0, 2.0, 0.0], dtype=torch.float64) * torch.finfo(torch.float64).eps
        theta = SOLUTION + next(self._todo) * ulps
        loss = float(self._system.losses(theta[None])[0])
        return StepInfo(theta, loss, 1.0, "walked", evaluations=1)


@pytest.mark.parametrize(
    ("units", "every", "ends"),
    [
        pytest.param([2] * STEPS, 1, 6, id="hardly more, and stays"),
        pytest.param([2] * STEPS, 2, 11, id="of a method with two steps a row"),
        pytest.param([30] * STEPS, 1, None, id="more"),
        pytest.param([2 ** (STEPS - k) for k in range(STEPS)], 1, None, id="falls to the last"),
        pytest.param([2, 9000, 9000, 2, 9000, 9000, 9000, 2, 9000], 1, 8, id="now and then"),
    ],
)
def test_a_loss_that_stays_at_rounding_ends_the_run(units, every, ends):
    first = torch.zeros_like(SOLUTION)
    run = train(
        PLANE, NET, method=Walk(units, every), theta=first, steps=len(units), progress=False
    )
    assert (run.stop is Stop.ROUND_OFF) == (ends is not None)
    assert run.steps == (ends or len(units))
    assert math.isclose(run.loss, run.history["loss"][1:].min())
