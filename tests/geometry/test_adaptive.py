"""Points that change while training: redrawn, and chosen where the residual is large."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.geometry.adaptive import choose
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.verdicts.validation import Validation

LINE = ax.Box(x=(0, 1))


def system_with(sampler, residual=lambda u, x: u.d("x") - 1, device="cpu") -> PdeSystem:
    problem = ax.Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={
            "interior": ax.Condition(residual, sampler),
            "left": ax.Condition(lambda u, x: u, LINE.face(x=0).grid(1)),
        },
    )
    return PdeSystem(problem, ax.MLP([1, 4, 1], device=device), seed=3)


def test_choose_takes_different_candidates_in_their_order():
    candidates = torch.arange(50, dtype=torch.float64)[:, None]
    chosen = choose(candidates, torch.rand(50), 20, seed=0)[:, 0]
    assert chosen.shape == (20,)
    assert bool((chosen.diff() > 0).all())
    assert torch.equal(chosen, choose(candidates, torch.rand(50) * 0, 50, 1)[:, 0][chosen.long()])


def test_choose_follows_the_residual_half_way():
    # Chances of RAD with k = c = 1: the 10 large candidates get 100/10 + 1 = 11 shares each, the
    # other 90 one share each: 110 of 200 together.
    size = torch.zeros(100)
    size[:10] = 1.0
    candidates = torch.arange(100, dtype=torch.float64)[:, None]
    first = [float(choose(candidates, size, 1, seed)[0, 0]) for seed in range(2000)]
    share = np.mean(np.array(first) < 10)
    assert share == pytest.approx(0.55, abs=0.05)  # 4.5 standard deviations


def test_choose_ignores_what_is_not_finite():
    size = torch.tensor([torch.nan, torch.inf, 1.0])
    candidates = torch.arange(3.0)[:, None]
    first = [float(choose(candidates, size, 1, seed)[0, 0]) for seed in range(500)]
    assert np.mean(np.array(first) == 2.0) == pytest.approx(4 / 6, abs=0.1)


@pytest.mark.parametrize("sampler", [LINE.stratified(30), LINE.uniform(30)])
def test_points_stay_unless_asked_to_change(sampler):
    system = system_with(sampler)
    assert system.redrawn == ()
    assert system_with(sampler.redrawn()).redrawn == ("interior",)
    assert system_with(sampler.adaptive(10)).redrawn == ("interior",)


@pytest.mark.parametrize(
    ("sampler", "n"),
    [(LINE.stratified(30).redrawn(), 30), (LINE.stratified(30).adaptive(20), 20)],
)
def test_every_redraw_brings_new_points_the_same_for_the_same_seed(sampler, n, device):
    systems = [system_with(sampler, device=device) for _ in range(2)]
    theta = systems[0].model.init(0)
    residuals = []
    for _ in range(3):
        pair = [system.residual(theta) for system in systems]
        assert torch.equal(*pair)
        residuals.append(pair[0])
        assert residuals[-1].shape == (n + 1,)
        for system in systems:
            system.redraw(theta)
    assert systems[0].draws == 3
    assert not torch.equal(residuals[0], residuals[1])
    assert not torch.equal(residuals[1], residuals[2])
    # The held-out points never move.
    fresh = system_with(sampler, device=device)
    assert Validation(systems[0]).held_out_loss(theta) == Validation(fresh).held_out_loss(theta)


def test_adaptive_points_gather_at_the_front(device):
    def residual(u, x):
        return u * 1e-9 + torch.exp(-(((x.x - 0.7) / 0.02) ** 2))

    system = system_with(LINE.stratified(1000).adaptive(100), residual, device)
    theta = system.model.init(0)
    even = system.residual(theta)
    system.redraw(theta)
    adapted = system.residual(theta)
    # About half of the points are where the residual is, 3.5 % of the line.
    assert int((even[:-1].abs() * 10 > 0.5).sum()) < 12
    assert int((adapted[:-1].abs() * 10 > 0.5).sum()) > 25


def test_training_redraws_before_every_step_and_judges_by_held_out_points(device):
    problem = ax.problems.poisson_1d()
    interior = problem.conditions["interior"]
    points = ax.Box(x=(0, 1)).stratified(40).redrawn()
    problem = ax.Problem(
        coordinates=problem.coordinates,
        fields=problem.fields,
        conditions={**problem.conditions, "interior": ax.Condition(interior.residual, points)},
        solution=problem.solution,
        model=problem.model,
    )
    run = ax.train(problem, method="natural_lm", steps=30, device=device, progress=False)
    assert run.held_out_loss == run.history["held_out_loss"].min()
    assert run.l2_error < 1e-6


@pytest.mark.parametrize("n", [0, 31])
def test_adaptive_refuses_a_bad_number(n):
    with pytest.raises(ValueError, match=rf"n must be at .* {n}"):
        LINE.stratified(30).adaptive(n)
