"""What the best iterate is chosen by."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.verdicts.validation import Validation

LINE = ax.Box(x=(0, 1))
MODEL = ax.MLP([1, 1], "identity")  # u = a x + b
DATA = torch.tensor([1.0, 3.0, 2.0], dtype=torch.float64)


def problem(points) -> ax.Problem:
    """u' = 0 at some points, and three measurements."""
    measured = torch.tensor([[0.2], [0.5], [0.9]], dtype=torch.float64)
    return ax.Problem(
        ("x",),
        ("u",),
        {
            "flat": ax.Condition(lambda u, x: u.d("x"), points),
            "data": ax.Condition(lambda u, x: u - DATA, measured),
        },
    )


def test_measurements_count_where_points_are_redrawn():
    validation = Validation(PdeSystem(problem(LINE.uniform(20).redrawn()), MODEL))
    theta = torch.tensor([2.0, 1.0], dtype=torch.float64)
    flat = 0.5 * 2.0**2
    data = 0.5 * (0.4**2 + 1.0**2 + 0.8**2) / 3  # 2 x + 1 - data = 0.4, -1, 0.8
    assert validation.unseen == ("data",)
    assert validation.held_out_loss(theta) == pytest.approx(flat, rel=1e-14)
    assert validation.merit(theta, loss=7.0) == pytest.approx(flat + data, rel=1e-14)


def test_the_loss_itself_counts_where_points_stay():
    validation = Validation(PdeSystem(problem(LINE.grid(20)), MODEL))
    assert validation.merit(MODEL.init(0), loss=7.0) == 7.0


def test_a_run_on_redrawn_points_fits_its_measurements():
    run = ax.train(problem(LINE.uniform(20).redrawn()), MODEL, steps=20, progress=False)
    a, b = run.theta.tolist()
    # The minimum of a^2 + mean (a x + b - data)^2, by its normal equations.
    x = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    A = torch.tensor([[1 + (x**2).mean(), x.mean()], [x.mean(), 1.0]], dtype=torch.float64)
    expected = torch.linalg.solve(A, torch.stack([(x * DATA).mean(), DATA.mean()]))
    assert [a, b] == pytest.approx(expected.tolist(), rel=1e-10)


def test_the_strip_between_a_grid_and_the_boundary_is_seen():
    """A residual of one where no grid point is: the strip before the first one."""
    strip = 1 / 401  # grid(400) is strictly inside
    one = ax.Problem(
        ("x",),
        ("u",),
        {"strip": ax.Condition(lambda u, x: 0 * u + (x.x < strip / 1.01), LINE.grid(400))},
    )
    validation = Validation(PdeSystem(one, MODEL))
    theta = MODEL.init(0)
    assert validation.losses(theta) == {"strip": 0.0}
    # 1600 Sobol points: four of them there, give or take one.
    assert validation.held_out_loss(theta) == pytest.approx(0.5 * strip, rel=0.3)


def test_more_steps_never_return_a_worse_iterate():
    front = ax.Problem(
        ("x",),
        ("u",),
        {
            "front": ax.Condition(
                lambda u, x: u.d("x") - 20 / torch.cosh(20 * (x.x - 0.4)) ** 2,
                LINE.stratified(25).redrawn(),
            ),
            "start": ax.Condition(lambda u, x: u + math.tanh(8.0), LINE.face(x=0).grid()),
            "data": ax.Data(
                torch.tensor([[0.5], [0.7]], dtype=torch.float64), torch.tensor([0.964, 0.99])
            ),
        },
    )
    model = ax.MLP([1, 8, 1])
    validation = Validation(PdeSystem(front, model))

    def merit(steps: int) -> float:
        run = ax.train(front, model, steps=steps, scales=False, progress=False)
        return validation.merit(run.theta, run.loss)

    merits = [merit(steps) for steps in (5, 10, 20, 40)]
    assert merits == sorted(merits, reverse=True)
    assert merits[-1] < merits[0]


def test_noisy_measurements_do_not_drown_the_warning():
    # Two measurements of one value that contradict each other: a loss that nothing can lower.
    contradiction = torch.tensor([50.0, -50.0], dtype=torch.float64)
    spot = torch.tensor([[0.5], [0.5]], dtype=torch.float64)
    starved = ax.Problem(
        ("x",),
        ("u",),
        {
            "sine": ax.Condition(lambda u, x: u - torch.sin(20 * x.x), LINE.grid(3)),
            "data": ax.Condition(lambda u, x: u - contradiction, spot, weight=1e-4),
        },
    )
    with pytest.warns(ax.HeldOutWarning, match="more than 100 times"):
        run = ax.train(starved, ax.MLP([1, 8, 1]), method="anagram", steps=40, progress=False)
    assert run.loss > 0.1
    assert run.held_out_loss < 100 * run.loss
