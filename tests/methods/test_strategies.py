"""The rules of the training strategies, on small least-squares problems with known answers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.solve import factorise
from anagram_ext.methods import amstramgram, natural_lm
from anagram_ext.methods.amstramgram import Amstramgram
from anagram_ext.methods.anagram import Anagram
from anagram_ext.methods.chord import accelerated
from anagram_ext.methods.damped_model import DampedModel
from anagram_ext.methods.levenberg_marquardt import LevenbergMarquardt
from anagram_ext.methods.natural_lm import NaturalLM
from anagram_ext.systems.protocol import Linearisation
from small_systems import START, LeastSquares, linear, rosenbrock, run

ZERO = torch.zeros(5, dtype=torch.float64)


def fenced() -> LeastSquares:
    """Root 1 of log v, not finite for v <= 0: full Newton steps from large v jump the fence."""
    return LeastSquares(torch.log, 1)


def scales(A: torch.Tensor) -> torch.Tensor:
    """The column scaling of the damped model, written down once more."""
    lengths = A.norm(dim=0)
    return torch.sqrt(torch.clamp(lengths / lengths.max(), min=1e-3))


# The damped model


@pytest.mark.parametrize("damping", [1e-6, 1e-2, 1.0])
def test_a_damped_step_solves_the_augmented_least_squares_problem(damping, device):
    system, A, b = linear()
    model = DampedModel(system, ZERO.to(device), damping)
    (trial,) = model.trials([damping])
    scaled = (A / scales(A)).numpy()
    shift = math.sqrt(damping) * np.linalg.norm(scaled, 2)
    augmented = np.vstack([scaled, shift * np.eye(5)])
    expected = np.linalg.lstsq(augmented, np.append(b.numpy(), np.zeros(5)), rcond=None)[0]
    np.testing.assert_allclose((trial.theta.cpu() * scales(A)).numpy(), expected, rtol=1e-9)
    # A linear model of a linear problem: nothing to correct, and the prediction holds.
    assert trial.ratio < 1e-10
    assert model.loss - trial.loss == pytest.approx(model.predicted(trial), rel=1e-10)


def test_trials_in_a_batch_are_those_one_by_one(device):
    model = DampedModel(rosenbrock(), START.to(device), 1e-8)
    dampings = [1e-8, 1e-4, 1.0]
    for trial, damping in zip(model.trials(dampings), dampings, strict=True):
        (alone,) = model.trials([damping])
        assert trial.damping == damping
        torch.testing.assert_close(trial.theta, alone.theta, rtol=1e-14, atol=0.0)
        assert trial.loss == pytest.approx(alone.loss, rel=1e-13)
        assert trial.ratio == pytest.approx(alone.ratio, rel=1e-12)
    assert model.evaluations == 1 + 3 + 3


def test_a_trial_that_is_not_finite_is_never_trusted(device):
    theta = torch.tensor([100.0], dtype=torch.float64, device=device)
    bold, safe = DampedModel(fenced(), theta, 1e-8).trials([1e-8, 1e4])
    assert (bold.loss, bold.ratio) == (math.inf, math.inf)
    assert math.isfinite(safe.loss)
    assert safe.ratio < 1


def test_corrections_converge_to_the_damped_solution(device):
    theta = torch.tensor([0.9], dtype=torch.float64, device=device)
    model = DampedModel(fenced(), theta, 1e-12)
    (trial,) = model.trials([1e-12])
    for _ in range(12):
        trial = model.corrected(trial)
    assert float(trial.theta) == pytest.approx(1.0, abs=1e-9)


def test_captured_share_and_rank_follow_the_singular_values(device):
    system, A, b = linear()
    model = DampedModel(system, ZERO.to(device), 1e-6)
    U, s, _ = np.linalg.svd((A / scales(A)).numpy(), full_matrices=False)
    for damping in (1e-1, 1e-2, 1e-3):
        rank = int(np.sum(s > math.sqrt(damping) * s[0]))
        assert model.rank(damping) == rank
        seen = U[:, :rank].T @ b.numpy()
        assert model.captured(damping) == pytest.approx(seen @ seen / float(b @ b), rel=1e-12)


# Natural Levenberg-Marquardt


def test_natural_lm_takes_the_least_trusted_damping_of_its_ladder(device):
    method = NaturalLM()
    (info,) = run(method, rosenbrock(), START, 1, device)
    # The ladder begins at a hundredth of 1e-4; a correction of half the step is still trusted.
    model = DampedModel(rosenbrock(), START, 1e-6)
    ladder = model.trials([10.0**k for k in range(-6, 6)])
    k = next(k for k, trial in enumerate(ladder) if trial.ratio <= 0.5)
    assert k > 0
    # Between the last that is refused and the first that is trusted, two more are tried.
    finer = model.trials([ladder[k - 1].damping * 10 ** (j / 3) for j in (1, 2)])
    trusted = next(trial for trial in (*finer, ladder[k]) if trial.ratio <= 0.5)
    assert method.state()["damping"] == pytest.approx(trusted.damping)
    assert info.factorisations == 1
    assert info.step_size == 1.0


def test_natural_lm_never_damps_less_than_its_floor():
    system, _, _ = linear()
    method = NaturalLM()
    method.start(system, ZERO)
    method.restore(system, {**method.state(), "damping": 1e-24})
    info = method.step()  # a linear problem trusts every damping
    assert method.state()["damping"] == 1e-24
    assert info.cutoff == pytest.approx(1e-12)


def test_natural_lm_stays_inside_the_fence(device):
    theta = torch.tensor([100.0], dtype=torch.float64)
    infos = run(NaturalLM(), fenced(), theta, 60, device)
    assert all(math.isfinite(info.loss) for info in infos)
    assert min(info.loss for info in infos) < 1e-28


def test_natural_lm_may_raise_the_loss_but_solves_rosenbrock_in_few_steps(device):
    infos = run(NaturalLM(), rosenbrock(), START, 12, device)
    assert min(info.loss for info in infos) < 1e-24


def test_natural_lm_stops_when_the_least_damping_promises_no_lower_loss(device):
    system, A, b = linear()
    infos = run(NaturalLM(), system, ZERO, 200, device)
    assert infos[-1].stop == natural_lm.RESOLVED
    assert len(infos) < 12  # one step does it, a few notice, five confirm it
    best = np.linalg.lstsq(A.numpy(), b.numpy(), rcond=None)[1][0] / 2
    assert infos[-1].loss == pytest.approx(best, rel=1e-10)


def test_natural_lm_stops_on_redrawn_points_when_the_loss_no_longer_halves():
    system, _, _ = linear()
    system.redrawn = ("rows",)
    infos = run(NaturalLM(), system, ZERO, 200)
    assert infos[-1].stop == natural_lm.NO_PROGRESS
    assert 50 <= len(infos) <= 50 + 5


def test_chord_iterations_by_anderson_find_what_plain_ones_need_more_steps_for(device):
    theta = torch.tensor([0.5], dtype=torch.float64, device=device)
    model = DampedModel(fenced(), theta, 1e-20)
    (trial,) = model.trials([1e-20])
    before = model.evaluations
    found = accelerated(model, trial)
    used = model.evaluations - before
    for _ in range(used):
        trial = model.corrected(trial)
    assert float(found.correction.norm()) < 1e-2 * float(trial.correction.norm())
    assert float(found.theta) == pytest.approx(1.0, abs=1e-6)


def test_a_shake_has_its_length_in_scaled_parameters_and_spares_strong_directions(device):
    system, A, _ = linear()
    start = ZERO.to(device)
    model = DampedModel(system, start, 1e-6)
    noise = torch.linspace(-1, 1, 5, dtype=torch.float64, device=device)
    y = (model.shaken(start, noise, 0.5, 1e-3).cpu() - ZERO) * scales(A)
    assert float(y.norm()) == pytest.approx(0.5)
    scaled = A / scales(A)
    shift = 1e-3 * float(torch.linalg.matrix_norm(scaled, 2)) ** 2
    weak = torch.linalg.solve(scaled.T @ scaled + shift * torch.eye(5).double(), noise.cpu())
    torch.testing.assert_close(y, 0.5 * weak / weak.norm(), rtol=1e-9, atol=1e-12)


def test_natural_lm_forgets_its_record_when_the_points_change():
    system = rosenbrock()
    method = NaturalLM()
    method.start(system, START)
    method.step()
    # Unreachable: no greedy step could set a record any more.
    method.restore(system, {**method.state(), "record": 1e-30})
    system.draws += 1
    method.step()
    assert method.state()["record"] > 1e-30


def test_natural_lm_reaches_round_off_on_the_laplace_problem(device):
    options = {"method": "natural_lm", "seed": 2, "progress": False}
    result = ax.train(ax.problems.laplace_2d(), device=device, **options)
    assert result.l2_error < 1e-11
    assert result.held_out_loss < 1e-17  # the strip between grid and boundary included
    assert result.stop_reason.startswith("no progress")
    assert set(result.history["accepted"][1:]) == {"record", "trusted"}


# The classic method


def test_levenberg_marquardt_never_raises_the_loss_and_finds_the_minimum(device):
    infos = run(LevenbergMarquardt(), rosenbrock(), START, 200, device)
    losses = [info.loss for info in infos]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-24


def test_levenberg_marquardt_damps_until_the_loss_falls(device):
    theta = torch.tensor([100.0], dtype=torch.float64)
    (info,) = run(LevenbergMarquardt(), fenced(), theta, 1, device)
    assert info.loss < 0.5 * math.log(100) ** 2
    assert info.evaluations > 2  # the first damping jumps the fence
    assert info.factorisations == 1


def test_levenberg_marquardt_relaxes_the_damping_by_a_third_after_a_perfect_prediction(device):
    system, _, _ = linear()
    method = LevenbergMarquardt()
    first, second = run(method, system, ZERO, 2, device)
    assert first.gain == pytest.approx(1.0, rel=1e-9)
    assert (second.cutoff / first.cutoff) ** 2 == pytest.approx(1 / 3)


# AMStraMGRAM


def test_amstramgram_counts_needed_directions(device):
    sigma = torch.tensor([1.0, 0.1, 1e-2, 1e-3, 1e-4], dtype=torch.float64)
    J = torch.zeros(8, 5, dtype=torch.float64)
    J[:5] = torch.diag(sigma)
    r = torch.zeros(8, dtype=torch.float64)
    r[:5] = torch.tensor([1.0, 1.0, 1e-3, 1e-3, 1e-3])
    # RCE_j: the root mean square of what is left beyond the first j = 1 ... 5.
    rce = [math.sqrt(float(r[j:] @ r[j:]) / 8) for j in range(1, 6)]
    expected = min(
        sum(e >= 2.0**-52 for e in rce), sum(e < s for e, s in zip(rce, sigma, strict=True))
    )
    assert expected == 4
    factorisation = factorise(J.to(device))
    for residual, rank in ((r.to(device), 4), (0 * r.to(device), 1)):
        here = Linearisation(residual, 0.5 * float(residual @ residual), Stored(J.to(device)))
        assert amstramgram.needed_rank(here, factorisation) == rank


def test_amstramgram_finds_the_elbow(device):
    sigma = 10.0 ** torch.tensor([0, -0.1, -0.2, -0.3, -4, -5, -6, -7.0], dtype=torch.float64)
    sigma = sigma.to(device)
    assert amstramgram.elbow(sigma) == 4


def test_amstramgram_lets_the_larger_rank_grow_when_the_smaller_one_stalls():
    assert amstramgram.next_ranks(3, r_min=2, r_max=4) == (3, 4)
    assert amstramgram.next_ranks(3, r_min=3, r_max=4) == (3, 5)
    assert amstramgram.next_ranks(5, r_min=3, r_max=5) == (5, 5)
    assert amstramgram.next_ranks(5, r_min=5, r_max=5) == (5, 5)


def test_amstramgram_takes_two_steps_that_never_raise_the_loss(device):
    infos = run(Amstramgram(), rosenbrock(), START, 20, device)
    losses = [info.loss for info in infos]
    assert losses == sorted(losses, reverse=True)
    assert infos[0].factorisations == 2
    assert infos[0].evaluations == 2 * (1 + 101)


# Momentum


def test_momentum_starts_the_solve_from_the_last_direction(device):
    system = rosenbrock()
    cutoff, mu = 0.5, 0.3  # rank 1 of 2: the other direction is remembered
    method = Anagram(cutoff=cutoff, momentum=mu)
    first, second = run(method, system, START, 2, device)
    carried = torch.zeros(2, dtype=torch.float64)
    theta = START
    for info in (first, second):
        here = system.linearise(theta)
        r, J = here.residual, here.jacobian.matrix
        U, s, Vt = np.linalg.svd(J.numpy(), full_matrices=False)
        k = int(np.sum(s > cutoff * s[0]))
        pinv = torch.from_numpy(Vt[:k].T / s[:k] @ U[:, :k].T)
        carried = mu * carried + pinv @ (r - J @ (mu * carried))
        torch.testing.assert_close(info.theta, theta - info.step_size * carried)
        theta = info.theta


@pytest.mark.parametrize("momentum", [-0.1, 1.0])
def test_momentum_out_of_range_is_refused(momentum):
    with pytest.raises(ValueError, match=rf"momentum .* {momentum}"):
        Anagram(momentum=momentum)
