"""Fits that natural_lm loses: said so, started once more, and left alone where nothing is lost."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import anagram_ext as ax
from anagram_ext.methods import Stop
from anagram_ext.methods.natural_lm import NaturalLM
from anagram_ext.methods.second_start import SecondStart
from anagram_ext.methods.steepest import removable
from anagram_ext.systems.torch_system import TorchSystem
from conformance import check_method

T = torch.linspace(-1, 1, 40, dtype=torch.float64)[:, None]
Y = 30 * torch.sin(3 * T[:, 0])


def frozen_features():
    """Steep features in a frozen layer of tanh, and two more layers behind them."""
    with torch.random.fork_rng():
        torch.manual_seed(2)
        net = nn.Sequential(
            nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)
        ).double()
    with torch.no_grad():
        for layer in net[::2]:
            layer.weight.mul_(5)
    return net.requires_grad_(True), net[0].requires_grad_(False)


def misfit(net):
    return net(T)[:, 0] - Y


def test_a_lost_fit_is_none_and_a_second_start_finds_one():
    lost = ax.least_squares(misfit, frozen_features()[0], NaturalLM(), progress=False)
    _, gradient = lost.system.gradient(lost.theta)
    assert float(gradient.norm()) > 1
    assert lost.stop is Stop.NO_PROGRESS  # not converged: large dampings see no more than a few
    assert lost.verdict.startswith("no minimum yet")
    net, layer = frozen_features()
    before = layer.weight.clone()
    fit = ax.least_squares(misfit, net, progress=False)
    assert fit.method == "natural_lm"
    assert fit.loss < 1e-3 * lost.loss
    assert torch.equal(layer.weight, before)
    assert list(fit.history["step"]) == list(range(fit.steps + 1))
    assert torch.equal(fit.theta, fit.system.flat.theta())


def line(net):
    """Data that no line fits: the minimum keeps two thirds of the loss."""
    return net.v[0] * T[:, 0] + net.v[1] - Y.square()


def small():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(1, 6), nn.Tanh(), nn.Linear(6, 1)).double()


@pytest.mark.parametrize(
    ("make", "residual"),
    [(lambda: Numbers([1.0, 1.0]), line), (small, lambda net: net(T)[:, 0] - Y)],
    ids=["a minimum", "a fit"],
)
def test_it_is_natural_lm_where_nothing_is_lost(make, residual):
    fit, expected = (
        ax.least_squares(residual, make(), method, steps=40, progress=False)
        for method in ("natural_lm", NaturalLM())
    )
    assert torch.equal(fit.theta, expected.theta)
    assert fit.stop_reason == expected.stop_reason
    assert fit.steps == expected.steps
    assert (fit.stop is Stop.CONVERGED) == (residual is line)


def test_it_is_a_method():
    net, _ = frozen_features()
    system = TorchSystem(misfit, net)
    check_method(SecondStart, system, system.flat.theta())


def test_a_second_start_can_be_interrupted():
    net, _ = frozen_features()
    system = TorchSystem(misfit, net)
    whole, parts = SecondStart(), SecondStart()
    whole.start(system, system.flat.theta())
    parts.start(system, system.flat.theta())
    for _ in range(60):
        expected = whole.step()
        state = parts.state()
        parts = SecondStart()
        parts.restore(system, state)
        found = parts.step()
        assert torch.equal(found.theta, expected.theta)
    assert whole.state()["second"]


class Numbers(nn.Module):
    def __init__(self, v):
        super().__init__()
        self.v = nn.Parameter(torch.tensor(v, dtype=torch.float64))


def test_what_the_steepest_step_removes():
    weights = torch.tensor([[1.0, 0.0], [0.0, 3.0], [0.0, 0.0]], dtype=torch.float64)
    offset = torch.tensor([0.0, 0.0, 2.0], dtype=torch.float64)
    system = TorchSystem(lambda net: weights @ net.v + offset, Numbers([1.0, 1.0]))
    theta = system.flat.theta()
    r, g = weights @ theta + offset, weights.T @ (weights @ theta + offset)
    step = float(g @ g / (weights @ g).square().sum())
    left = r - step * weights @ g
    expected = 1 - float(left.square().sum() / r.square().sum())
    assert removable(system, theta) == pytest.approx(expected, rel=1e-12)
    assert math.isnan(removable(system, torch.zeros(2, dtype=torch.float64)))


def test_a_saturated_module_is_called_one():
    module = Numbers([60.0])
    fit = ax.least_squares(
        lambda net: torch.tanh(net.v) * torch.ones(3).double() - 5, module, progress=False
    )
    assert fit.verdict.startswith("no fit: no parameter changes the residual")
    assert bool(torch.isinf(fit.std["v"]).all())
