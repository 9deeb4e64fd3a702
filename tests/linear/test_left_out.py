"""Leverages and PRESS of every factorisation against a solve for each row without that row."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.linear.damped import Spectral
from anagram_ext.linear.gram import Gram
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.solve import factorise, factorise_tiles
from anagram_ext.linear.streamed import Streamed
from anagram_ext.methods.damped_model import DampedModel
from anagram_ext.systems.pde_system import PdeSystem
from small_systems import LeastSquares
from spectra import decay, prescribed

DAMPINGS = [1e-1, 1e-4, 1e-9]


def matrix(S: int, P: int) -> torch.Tensor:
    return prescribed(S, P, 3.0 * decay(min(S, P), 1e-3), seed=4).J


def vector(n: int, seed: int = 5) -> torch.Tensor:
    return torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def damped(J: torch.Tensor, r: torch.Tensor, shift: float) -> torch.Tensor:
    """The damped solution from the augmented system, by a general solver."""
    P = J.shape[1]
    augmented = torch.cat([J, math.sqrt(shift) * torch.eye(P, dtype=J.dtype)])
    right = torch.cat([r, r.new_zeros(P)])
    return torch.linalg.lstsq(augmented, right[:, None], driver="gelsd").solution[:, 0]


def hat_diagonal(J: torch.Tensor, shift: float) -> torch.Tensor:
    """How much the fitted value of a row changes with what the row says, by such solves."""
    units = torch.eye(J.shape[0], dtype=J.dtype)
    return torch.stack([J[i] @ damped(J, unit, shift) for i, unit in enumerate(units)])


def without_each_row(J: torch.Tensor, r: torch.Tensor, shift: float) -> float:
    """The loss of each row at the solution of all others."""
    rows = range(len(r))
    others = [[j for j in rows if j != i] for i in rows]
    left = [r[i] - J[i] @ damped(J[rest], r[rest], shift) for i, rest in enumerate(others)]
    return 0.5 * float(torch.stack(left).square().sum())


class Shuffled:
    """A row source whose tiles come in another order than the residual."""

    def __init__(self, J: torch.Tensor) -> None:
        self.order = torch.randperm(len(J), generator=torch.Generator().manual_seed(1))
        self._tiles = J[self.order].split(7)
        self.sizes = [len(tile) for tile in self._tiles]
        self.n_parameters, self.like, self._J = J.shape[1], J[:0], J

    def __call__(self, index: int) -> torch.Tensor:
        return self._tiles[index].clone()

    def matvec(self, v: torch.Tensor) -> torch.Tensor:
        return self._J @ v

    def rmatvec(self, w: torch.Tensor) -> torch.Tensor:
        return self._J.T @ w


def made(kind: str, J: torch.Tensor) -> ax.Factorisation:
    if kind == "dense":
        return factorise(J)
    if kind == "adaptive":
        return factorise(J, smallest_cutoff=1e-12, left_out=1e-3)
    if kind == "tiles":
        tiles = J.split(7)
        return factorise_tiles(lambda i: tiles[i], [len(t) for t in tiles], J.shape[1])
    return Streamed(Shuffled(J)).factorise()


@pytest.mark.parametrize("shape", [(40, 12), (12, 30), (15, 15)])
@pytest.mark.parametrize("kind", ["dense", "adaptive", "tiles", "streamed"])
def test_each_row_is_left_out_by_every_factorisation(kind, shape):
    J, r = matrix(*shape), vector(shape[0])
    found = made(kind, J)
    for damping in DAMPINGS:
        shift = damping * 9.0
        leverages = found.leverages(damping)
        assert float(leverages.sum()) == pytest.approx(found.effective(damping), rel=1e-12)
        torch.testing.assert_close(leverages, hat_diagonal(J, shift), rtol=1e-10, atol=1e-13)
        assert found.press(r, damping) == pytest.approx(without_each_row(J, r, shift), rel=1e-9)


@pytest.mark.parametrize("kind", ["gram", "spectral", "streamed gram"])
def test_each_row_is_left_out_by_every_damped_solver(kind):
    A, r = matrix(40, 12), vector(40)
    scale = 2.0 ** (torch.arange(12, dtype=torch.float64) % 4)
    loss = 0.5 * float(r @ r)
    J = A * scale
    if kind == "spectral":
        found = Spectral(Stored(J).scaled(scale).factorise(), r, loss)
    else:
        jacobian = Stored(J) if kind == "gram" else Streamed(Shuffled(J))
        found = Gram(jacobian, jacobian.gram(), scale, r, loss)
    for damping in DAMPINGS:
        shift = damping * 9.0
        tolerance = 1e-14 / damping  # of the normal equations
        leverages = found.leverages(shift, None)
        expected = hat_diagonal(A, shift)
        torch.testing.assert_close(leverages, expected, rtol=0.0, atol=1e-12 + tolerance)
        left_out = without_each_row(A, r, shift)
        assert found.press(shift) == pytest.approx(left_out, rel=1e-10 + 100 * tolerance)


def test_rows_that_are_fitted_whatever_they_say():
    square, r = made("dense", matrix(12, 30)), vector(12)
    torch.testing.assert_close(square.leverages(0.0), torch.ones(12, dtype=torch.float64))
    assert square.press(r, 0.0) == math.inf
    # However small the damping is, others tell what a row would be.
    J = matrix(12, 30)
    K = torch.linalg.inv(J @ J.T)
    expected = 0.5 * float(((K @ r) / K.diagonal()).square().sum())
    assert square.press(r, 1e-14) == pytest.approx(expected, rel=1e-6)


def test_a_zero_matrix_fits_nothing():
    r = vector(6)
    nothing = factorise(torch.zeros(6, 3, dtype=torch.float64))
    for damping in (0.0, 1e-3):
        assert bool((nothing.leverages(damping) == 0).all())
        assert nothing.effective(damping) == 0
        assert nothing.press(r, damping) == pytest.approx(0.5 * float(r @ r), rel=1e-14)


@pytest.mark.parametrize("damping", [-1e-3, math.nan, math.inf])
def test_a_damping_that_is_none(damping):
    found = made("dense", matrix(12, 5))
    for ask in (found.leverages, found.effective, lambda value: found.press(vector(12), value)):
        with pytest.raises(ValueError, match=r"damping must be (at least 0|finite), got"):
            ask(damping)
    with pytest.raises(TypeError, match="damping must be a number"):
        found.leverages("small")


def test_what_is_left_out_must_fit():
    found = made("dense", matrix(12, 5))
    with pytest.raises(ValueError, match="r must"):
        found.press(vector(11), 1e-3)


@pytest.mark.parametrize("searched", [0, 300])  # by singular values, by the Gram matrix
def test_a_step_tells_the_loss_on_rows_that_it_has_not_seen(searched):
    """Of a linear residual, by estimated leverages."""
    J, r = matrix(400, 20), vector(400)
    system = LeastSquares(lambda theta: J @ theta + r, 20)
    model = DampedModel(system, torch.zeros(20, dtype=torch.float64), 1e-9, searched=searched)
    (trial,) = model.trials([1e-6])
    scale = (J.norm(dim=0) / J.norm(dim=0).max()).sqrt()
    A = J / scale
    shift = 1e-6 * float(torch.linalg.matrix_norm(A, 2)) ** 2
    expected = without_each_row(A, r, shift)
    assert model.press(trial) == pytest.approx(expected, rel=0.03)
    assert model.press(trial) > 1.05 * trial.loss


@pytest.mark.parametrize("memory", ["stored", "streamed"])
def test_the_history_tells_it_and_points_never_seen_agree(memory):
    """Many points at random: those held out are as good as each of them left out."""
    box = ax.Box(x=(0, 1), y=(0, 1))
    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "fit": ax.Condition(
                lambda u, x: u - torch.sin(3 * x.x) * torch.cos(9 * x.y), box.uniform(600)
            )
        },
    )
    run = ax.train(problem, ax.MLP([2, 10, 1]), steps=40, memory=memory, progress=False)
    history = run.history
    told = ~np.isnan(history["press"])
    assert list(history["step"][told]) == [1, 11, 21, 31]
    press, loss, held_out = (history[name][told] for name in ("press", "loss", "held_out_loss"))
    assert bool(((press > held_out / 3) & (press < 3 * held_out)).all())
    assert bool((press >= loss).all())


def test_redrawn_points_tell_it_in_every_step():
    points = ax.Box(x=(0, 1)).sobol(64).redrawn()
    fit = ax.Condition(lambda u, x: u - torch.exp(x.x), points)
    problem = ax.Problem(("x",), ("u",), {"fit": fit})
    run = ax.train(problem, ax.MLP([1, 4, 1]), steps=12, progress=False)
    assert not np.isnan(run.history["press"][1:]).any()


def test_the_system_of_a_problem_is_left_out_as_well():
    problem = ax.problems.poisson_1d()
    system = PdeSystem(problem, problem.model)
    theta = problem.model.init(0)
    here = system.linearise(theta)
    J, r = here.jacobian.matrix.clone(), here.residual.clone()
    shift = 1e-5 * float(torch.linalg.matrix_norm(J, 2)) ** 2
    found = here.jacobian.factorise()
    assert found.press(r, 1e-5) == pytest.approx(without_each_row(J, r, shift), rel=1e-8)


def test_rows_are_left_out_on_the_device_of_the_matrix(device):
    J, r = matrix(40, 12), vector(40)
    there = factorise(J.to(device))
    torch.testing.assert_close(
        there.leverages(1e-4).cpu(), hat_diagonal(J, 9e-4), rtol=1e-10, atol=1e-13
    )
    left_out = without_each_row(J, r, 9e-4)
    assert there.press(r.to(device), 1e-4) == pytest.approx(left_out, rel=1e-9)
