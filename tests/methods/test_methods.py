"""Every method on least-squares problems without a network, where the answer is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from anagram_ext import methods
from anagram_ext.methods import StepInfo, adam, descent
from anagram_ext.methods.anagram import Anagram
from anagram_ext.methods.descent import Descent
from anagram_ext.methods.engd import EnergyNaturalGradient
from small_systems import START, linear, rosenbrock, run

SECOND_ORDER = ("anagram", "engd")
DESCENDING = ("anagram", "engd", "gd", "lbfgs")


@pytest.mark.parametrize("name", methods.names())
def test_every_method_lowers_the_loss_and_reports_it_truly(name, device):
    system = rosenbrock()
    infos = run(methods.get(name)(), system, START, 20, device)
    first = float(system.losses(START[None])[0])
    assert min(info.loss for info in infos) < first
    for info in infos:
        assert info.loss == pytest.approx(float(system.losses(info.theta[None])[0]), rel=1e-14)
        assert info.evaluations >= 1
        assert info.accepted


@pytest.mark.parametrize("name", methods.names())
def test_no_step_writes_into_an_earlier_iterate_or_into_the_start(name, device):
    start = START.clone().to(device)
    method = methods.get(name)()
    method.start(rosenbrock(), start)
    first = method.step()
    kept = first.theta.clone()
    method.step()
    assert torch.equal(first.theta, kept)
    assert torch.equal(start.cpu(), START)


@pytest.mark.parametrize("name", methods.names())
def test_a_method_started_again_repeats_itself(name, device):
    method = methods.get(name)()
    once = [info.theta for info in run(method, rosenbrock(), START, 5, device)]
    again = [info.theta for info in run(method, rosenbrock(), START, 5, device)]
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


@pytest.mark.parametrize("name", DESCENDING)
def test_the_loss_never_rises(name, device):
    losses = [info.loss for info in run(methods.get(name)(), rosenbrock(), START, 30, device)]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("name", ["anagram", "engd", "lbfgs"])
def test_fast_methods_find_the_minimum_and_then_stop(name, device):
    infos = run(methods.get(name)(), rosenbrock(), START, 200, device)
    assert infos[-1].loss < 1e-24
    assert infos[-1].stop is not None
    assert infos[-1].stop.startswith("no progress")
    torch.testing.assert_close(infos[-1].theta, torch.ones(2, dtype=torch.float64))


@pytest.mark.parametrize("name", SECOND_ORDER)
def test_one_full_step_solves_a_linear_problem(name, device):
    system, A, b = linear()
    theta = torch.zeros(5, dtype=torch.float64)
    info = run(methods.get(name)(), system, theta, 1, device)[0]
    expected = np.linalg.lstsq(A.numpy(), b.numpy(), rcond=None)[0]
    # The Gram matrix has condition number 1e4: 1e4 eps for E-NGD, 1e2 eps for ANaGRAM, x 100.
    np.testing.assert_allclose(info.theta.numpy(), expected, rtol=1e-10)
    assert info.step_size == 1.0
    assert info.rank == 5
    # A linear model of a linear problem predicts the reduction exactly.
    assert info.gain == pytest.approx(1.0, rel=1e-9)
    fitted = A.numpy() @ expected
    assert info.captured == pytest.approx(fitted @ fitted / float(b @ b), rel=1e-9)


def test_anagram_keeps_the_singular_values_above_the_cutoff(device):
    system, A, b = linear()
    zero = torch.zeros(5, dtype=torch.float64)
    info = run(Anagram(cutoff=0.2), system, zero, 1, device)[0]
    U, s, Vt = np.linalg.svd(A.numpy(), full_matrices=False)
    k = int(np.sum(s > 0.2 * s[0]))
    expected = Vt[:k].T @ ((U[:, :k].T @ b.numpy()) / s[:k])
    assert 0 < k < 5
    assert (info.rank, info.cutoff) == (k, 0.2)
    np.testing.assert_allclose(info.theta.numpy(), expected, rtol=1e-12)


def test_engd_truncates_the_gram_matrix(device):
    system, A, _ = linear()
    # singular values of the Gram matrix: the squares, 1 ... 1e-4
    zero = torch.zeros(5, dtype=torch.float64)
    info = run(EnergyNaturalGradient(cutoff=0.04), system, zero, 1, device)[0]
    s = np.linalg.svd(A.numpy(), compute_uv=False)
    assert info.rank == int(np.sum(s**2 > 0.04 * s[0] ** 2))


def test_gradient_descent_takes_the_best_of_the_grid(device):
    system = rosenbrock()
    _, gradient = system.gradient(START)
    probes = torch.stack([START - 0.5**k * gradient for k in range(31)])
    best = int(system.losses(probes).argmin())
    info = run(methods.get("gd")(), system, START, 1, device)[0]
    assert info.step_size == 0.5**best
    torch.testing.assert_close(info.theta, probes[best])


def test_the_line_search_moves_on_where_every_trial_fails_but_not_for_ever(device):
    system, uphill = rosenbrock(), torch.tensor([-1.0, 0.0], dtype=torch.float64, device=device)
    theta, descend = torch.ones_like(uphill), Descent()
    infos = []
    for _ in range(descent.PATIENCE):
        loss = float(system.losses(theta[None])[0])
        infos.append(descend(system, theta, loss, uphill))
        theta = infos[-1].theta
    assert [info.step_size for info in infos] == [0.5**30] * descent.PATIENCE
    losses = [info.loss for info in infos]
    assert losses == sorted(losses)
    assert losses[0] > 0
    assert [info.stop for info in infos] == [None] * (descent.PATIENCE - 1) + [descent.NO_PROGRESS]


def test_adam_first_step(device):
    method = adam.Adam(learning_rate=0.1)
    info = run(method, rosenbrock(), START, 1, device)[0]
    # Adam's first step is the learning rate in each coordinate, against the gradient's sign.
    _, gradient = rosenbrock().gradient(START)
    torch.testing.assert_close(info.theta, START - 0.1 * gradient.sign(), rtol=1e-6, atol=0.0)


def test_adam_learning_rate_follows_the_published_schedule(monkeypatch):
    class Flat:
        def gradient(self, theta):
            return 1.0, torch.zeros_like(theta)

    # The published milestones, 5000 times faster.
    monkeypatch.setattr(adam, "DECAY_STEPS", tuple(step // 5000 for step in adam.DECAY_STEPS))
    rates = [info.step_size for info in run(adam.Adam(), Flat(), START, 11)]
    expected = 3 * [1e-3] + 2 * [1e-4] + 2 * [1e-5] + 2 * [1e-6] + 2 * [1e-7]
    assert rates == pytest.approx(expected, rel=1e-12)


def test_adam_refuses_a_bad_learning_rate():
    with pytest.raises(ValueError, match=r"learning_rate .* -1"):
        adam.Adam(learning_rate=-1.0)


@pytest.mark.parametrize("name", DESCENDING)
def test_at_the_minimum_there_is_no_progress(name, device):
    ones = torch.ones(2, dtype=torch.float64)
    info = run(methods.get(name)(), rosenbrock(), ones, 1, device)[0]
    assert info.stop is not None
    assert info.loss == 0.0
    assert info.step_size == 0.0


@pytest.mark.parametrize("name", methods.names())
def test_registry_and_attributes_agree(name):
    method = methods.get(name)()
    assert method.name == name
    assert method.default_steps >= 1
    assert method.evaluate_every >= 1


def test_unknown_method_lists_the_known_ones():
    with pytest.raises(ValueError, match="unknown method 'sgd'; known: anagram"):
        methods.get("sgd")


def test_step_info_is_frozen():
    info = StepInfo(theta=START, loss=1.0, step_size=1.0, accepted="always")
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.loss = 0.0
