"""Damped solves by singular values and by the Gram matrix against the prescribed decomposition."""

from __future__ import annotations

import gc
import math
import weakref

import pytest
import torch

import anagram_ext as ax
from anagram_ext.linear.choice import gram_pays
from anagram_ext.linear.columns import add_gram, column_squares, mirrored
from anagram_ext.linear.damped import Spectral
from anagram_ext.linear.gram import Gram
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.refinement import RESOLVED
from anagram_ext.linear.row_gram import RowGram
from anagram_ext.linear.shifted import Shifted, largest_eigenvalue
from anagram_ext.methods.damped_model import DampedModel
from anagram_ext.systems.pde_system import PdeSystem
from small_systems import LeastSquares
from spectra import Prescribed, decay, prescribed

EPS = torch.finfo(torch.float64).eps
LONG, SHORT = 90, 40
KINDS = ["gram", "rows", "spectral"]
DAMPINGS = [1e-2, 1e-6, 1e-10, RESOLVED * EPS]


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def matrix(kind: str) -> Prescribed:
    shape = (SHORT, LONG) if kind == "rows" else (LONG, SHORT)
    return prescribed(*shape, 3.0 * decay(SHORT, 1e-9), seed=4)


@pytest.fixture(scope="module")
def r(matrix: Prescribed) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(len(matrix.J), generator=generator, dtype=torch.float64)


def solves(kind: str, matrix: Prescribed, r: torch.Tensor):
    """Each solver for A = J D^-1 with a D of powers of two, which rounds nothing."""
    scale = 2.0 ** (torch.arange(matrix.J.shape[1], dtype=torch.float64) % 4)
    J, loss = Stored(matrix.J * scale), 0.5 * float(r @ r)
    if kind == "gram":
        return Gram(J, J.gram(), scale, r, loss)
    if kind == "rows":
        A = J.scaled(scale)
        return RowGram(A, A.row_gram(), r)
    return Spectral(J.scaled(scale).factorise(), r, loss)


def exact(matrix: Prescribed, r: torch.Tensor, shift: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The damped solution y [P], and its coordinates [n] along V."""
    step = matrix.sigma / (matrix.sigma**2 + shift) * (matrix.U.T @ r)
    return matrix.V @ step, step


@pytest.mark.parametrize("damping", DAMPINGS)
def test_a_step_is_right_within_the_bound_of_its_solver(kind, damping, matrix, r):
    found = solves(kind, matrix, r)
    assert found.unit == pytest.approx(9.0, rel=1e-7)
    shift = damping * 9.0
    (step,) = found.steps([shift])
    expected, _ = exact(matrix, r, shift)
    # The bound of the docstrings, with the constant that rounding has on average.
    e = 30 * EPS / (damping if kind != "spectral" else math.sqrt(damping))
    bound = e * float(expected.norm() + r.norm() / matrix.sigma[0])
    torch.testing.assert_close(found.expand(step), expected, rtol=0.0, atol=bound)
    assert float(step.norm()) == pytest.approx(float(expected.norm()), abs=bound)


@pytest.mark.parametrize("damping", DAMPINGS)
def test_what_is_said_about_a_step(kind, damping, matrix, r):
    found = solves(kind, matrix, r)
    shift = damping * 9.0
    _, coordinates = exact(matrix, r, shift)
    loss = 0.5 * float(r @ r)
    left = 0.5 * float((r - matrix.U @ (matrix.sigma * coordinates)).square().sum())
    (step,) = found.steps([shift])
    # By the Gram matrix of the rows it is no difference of losses, but as uncertain as the step.
    assert found.floor(shift) == pytest.approx(left, rel=max(1e-5, EPS / damping))
    assert found.reduction(step) == pytest.approx(loss - left, rel=1e-5)
    shares = matrix.sigma**2 / (matrix.sigma**2 + shift)
    assert abs(found.rank(shift) - float(shares.sum())) <= 1.5
    seen = (matrix.U.T @ r).square()
    hard, soft = float(seen[shares > 0.5].sum()), float((shares * seen).sum())
    expected = hard if kind == "spectral" else soft
    assert found.captured(shift) == pytest.approx(0.5 * expected, rel=1e-5)


@pytest.mark.parametrize("damping", DAMPINGS)
def test_effective_parameters_and_the_rows_that_claim_them(kind, damping, matrix, r):
    found = solves(kind, matrix, r)
    shift = damping * 9.0
    shares = matrix.sigma**2 / (matrix.sigma**2 + shift)
    hat = (matrix.U * shares) @ matrix.U.T  # of the damped solve, [S, S]
    expected = float(hat.trace())
    # The normal equations resolve a singular value where it is above sqrt(eps) of the largest.
    assert found.effective(shift) == pytest.approx(expected, rel=1e-9 if damping > 1e-7 else 3e-2)
    probes = 4000
    leverages = found.leverages(shift, probes)
    assert float(leverages.sum()) == pytest.approx(found.effective(shift), rel=1e-12)
    # The variance of z H z with signs z is 2 (||H||^2 - ||diag H||^2) of what is added up.
    torch.testing.assert_close(leverages, hat.diagonal(), rtol=6 * math.sqrt(2 / probes), atol=0.03)
    assert torch.equal(leverages, found.leverages(shift, probes))


def test_a_few_probes_tell_how_many_parameters_a_part_of_the_rows_claims(kind, matrix, r):
    found = solves(kind, matrix, r)
    shares = matrix.sigma**2 / (matrix.sigma**2 + 9e-8)
    part = slice(0, len(r) // 3)
    expected = float((matrix.U[part].square() @ shares).sum())
    assert float(found.leverages(9e-8)[part].sum()) == pytest.approx(expected, rel=0.3)


def test_a_solver_that_is_let_go_frees_the_jacobian_at_once(kind, matrix, r):
    """The next step takes its memory; waiting for the collector costs a fresh J in every step."""
    found = solves(kind, matrix, r)
    found.steps([1e-3])
    alive = weakref.ref(found)
    gc.disable()
    try:
        del found
        assert alive() is None
    finally:
        gc.enable()


def test_corrections_vanish_where_the_step_ends_and_lead_there_from_elsewhere(kind, matrix, r):
    found = solves(kind, matrix, r)
    shifts = [9e-4, 9e-6]
    steps = found.steps(shifts)
    ys = found.expand(steps)
    residuals = r - ys @ matrix.J.T
    done = found.corrections(shifts, residuals, steps)
    assert bool((done.norm(dim=1) <= 1e-7 * steps.norm(dim=1)).all())
    from_zero = found.corrections(shifts, r.expand(2, -1).contiguous(), torch.zeros_like(steps))
    torch.testing.assert_close(from_zero, steps, rtol=1e-7, atol=1e-9)


def test_the_weak_part_of_a_direction(kind, matrix, r):
    y = torch.randn(
        matrix.J.shape[1], generator=torch.Generator().manual_seed(6), dtype=torch.float64
    )
    shift = 9e-4
    expected = y - matrix.V @ (matrix.sigma**2 / (matrix.sigma**2 + shift) * (matrix.V.T @ y))
    found = solves(kind, matrix, r).weak(y, shift)
    torch.testing.assert_close(found, expected, rtol=0.0, atol=1e-9)


def test_a_floor_that_is_lost_in_rounding_is_too_small_never_too_large(kind, matrix):
    y = torch.ones(matrix.J.shape[1], dtype=torch.float64)
    inside = matrix.J @ y  # nothing lies outside of the tangent space
    shift = 9e-12
    kept = shift / (matrix.sigma**2 + shift) * matrix.sigma * (matrix.V.T @ y)
    floor = 0.5 * float(kept.square().sum())
    loss = 0.5 * float(inside @ inside)
    assert floor < 1e-10 * loss
    assert 0 <= solves(kind, matrix, inside).floor(shift) <= floor + 1e-14 * loss


def test_the_choice_of_a_solver():
    high, low = 400, 100
    for shape in ((2000, 500), (500, 2000)):
        assert gram_pays(shape, 1e-6, high, EPS)
        assert not gram_pays(shape, 1e-6, low, EPS)  # sketches are cheaper
        assert not gram_pays(shape, 1e-15, high, EPS)  # not accurate enough
        assert not gram_pays(shape, 1e-6, high, torch.finfo(torch.float32).eps)


@pytest.mark.parametrize("width", [8, 60])
@pytest.mark.parametrize("memory", ["stored", "streamed"])
def test_a_model_takes_the_same_steps_either_way(memory, width):
    problem, network = ax.problems.poisson_1d(), ax.MLP([1, width, 1])
    system = PdeSystem(problem, network, memory=memory)
    assert (network.n_parameters > system.n_rows) == (width == 60)
    theta = network.init(0)
    dampings = [1e-8, 1e-4]
    sketched = DampedModel(system, theta, 1e-8, left_out=1e-6)
    squared = DampedModel(system, theta, 1e-8, searched=network.n_parameters)
    for one, other in zip(sketched.trials(dampings), squared.trials(dampings), strict=True):
        moved = float((one.theta - theta).norm())
        torch.testing.assert_close(other.theta, one.theta, rtol=0.0, atol=1e-6 * moved)
        assert other.ratio == pytest.approx(one.ratio, rel=1e-5)
        assert squared.floor(one.damping) == pytest.approx(sketched.floor(one.damping), rel=1e-5)


def test_squares_that_underflow_are_left_to_singular_values():
    A = torch.randn(12, 5, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    system = LeastSquares(lambda theta: 1e-180 * (A @ theta) - 1, 5)
    zero = torch.zeros(5, dtype=torch.float64)
    (trial,), (expected,) = (
        DampedModel(system, zero, 1e-6, searched=searched).trials([1e-6]) for searched in (5, 0)
    )
    assert bool((trial.theta != 0).all())
    assert torch.equal(trial.theta, expected.theta)


def test_the_trace_of_a_large_matrix_is_estimated():
    n = 1500
    values = torch.logspace(0, -12, n, dtype=torch.float64)
    noise = torch.randn(n, n, generator=torch.Generator().manual_seed(8), dtype=torch.float64)
    Q = torch.linalg.qr(noise).Q
    shift = 1e-4
    expected = float((values / (values + shift)).sum())
    found = Shifted((Q * values) @ Q.T).effective(shift)
    assert found == pytest.approx(expected, abs=4 * math.sqrt(expected / 8))


def test_what_has_no_cholesky_factor_solves_to_nan():
    found = Shifted(torch.diag(torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)))
    assert bool(found.solve(1e-3, torch.ones(3, dtype=torch.float64)).isnan().all())
    right = torch.ones(3, dtype=torch.float64)
    expected = torch.tensor([1 / 4, 1.0, 1 / 6], dtype=torch.float64)
    assert torch.allclose(found.solve(3.0, right), expected, rtol=1e-14)


def test_largest_eigenvalue():
    values = torch.tensor([5.0, 4.9, 1.0, *[0.5] * 30], dtype=torch.float64)
    Q = torch.linalg.qr(torch.randn(33, 33, generator=torch.Generator().manual_seed(8)).double()).Q
    assert largest_eigenvalue((Q * values) @ Q.T) == pytest.approx(5.0, rel=1e-8)
    assert largest_eigenvalue(torch.zeros(7, 7, dtype=torch.float64)) == 0.0


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (200, 150), (3, 200)])
def test_sums_over_rows(shape, device):
    rng = torch.Generator().manual_seed(9)
    M = torch.randn(shape, generator=rng, dtype=torch.float64).to(device)
    torch.testing.assert_close(column_squares(M), M.square().sum(0), rtol=1e-13, atol=0.0)
    total = torch.zeros(shape[1], shape[1], dtype=torch.float64, device=device)
    add_gram(total, M)
    torch.testing.assert_close(mirrored(total), M.T @ M, rtol=1e-12, atol=1e-12)
