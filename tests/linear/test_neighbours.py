"""Large damped solves: the Cholesky factor of one shift serves its neighbours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from anagram_ext.linear import shifted
from anagram_ext.linear.choice import gram_pays
from anagram_ext.linear.gram import Gram
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.neighbours import cholesky_solution, neighbouring_solution
from anagram_ext.linear.refinement import TRIED
from anagram_ext.linear.row_gram import RowGram
from anagram_ext.linear.shifted import LARGE, REACH, TOLERANCE, Shifted
from spectra import decay

EPS = torch.finfo(torch.float64).eps
SMALL, MANY = 60, LARGE + 40


def positive(n: int, smallest: float) -> torch.Tensor:
    """A matrix [n, n] with eigenvalues from 1 down to the smallest."""
    generator = torch.Generator().manual_seed(3)
    Q = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64)).Q
    M = (Q * decay(n, smallest)) @ Q.T
    return 0.5 * (M + M.T)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def by_lapack(M: torch.Tensor, shift: float, right: torch.Tensor) -> torch.Tensor:
    return torch.from_numpy(np.linalg.solve(M.numpy() + shift * np.eye(len(M)), right.numpy()))


def length(M: torch.Tensor, x: torch.Tensor) -> float:
    """The length of A^T x where M = A A^T."""
    return float(x @ M @ x) ** 0.5


@pytest.mark.parametrize("tolerance", [1e-3, 1e-7, 1e-10])
@pytest.mark.parametrize("at", [1e-1, 1e-4, 1e-7])
def test_solutions_of_neighbours_are_as_right_as_they_say(at, tolerance):
    M, right = positive(SMALL, 1e-8), random(3, SMALL)
    factor = torch.linalg.cholesky(M + at * torch.eye(SMALL, dtype=torch.float64))
    shifts = [at / REACH, at / 2, at * REACH]
    found, iterations = neighbouring_solution(factor, at, shifts, right, tolerance)
    assert 1 <= iterations <= 60
    for shift, x, b in zip(shifts, found, right, strict=True):
        expected = by_lapack(M, shift, b)
        rounding = 30 * EPS / shift
        assert float((x - expected).norm()) <= (tolerance + rounding) * float(expected.norm())
        # Of y = A^T x, of which no more than a share sqrt(shift) may be lost by rounding.
        error, whole = length(M, x - expected), length(M, expected)
        assert error <= tolerance * whole + rounding * float(expected.norm())


def test_the_own_factor_solves_at_once():
    M, right = positive(SMALL, 1e-8), random(2, SMALL)
    M += 1e-3 * torch.eye(SMALL, dtype=torch.float64)
    factor = torch.linalg.cholesky(M)
    found = cholesky_solution(factor, right)
    torch.testing.assert_close(found @ M, right, rtol=0.0, atol=1e-10)
    own, iterations = neighbouring_solution(factor, 1e-3, [1e-3] * 2, right, 1e-6)
    assert iterations == 1
    torch.testing.assert_close(own, found, rtol=1e-12, atol=0.0)


def test_nothing_is_made_up():
    M, right = positive(SMALL, 1e-8), random(1, SMALL)
    factor = torch.linalg.cholesky(M + torch.eye(SMALL, dtype=torch.float64))
    assert torch.equal(neighbouring_solution(factor, 1.0, [0.5], 0 * right, 1e-9)[0], 0 * right)
    # Far below the factorised shift conjugate gradients take too long.
    assert neighbouring_solution(factor, 1.0, [1e-8], right, 1e-9) is None
    indefinite = M - 0.5 * torch.eye(SMALL, dtype=torch.float64)
    factor = torch.linalg.cholesky(indefinite + torch.eye(SMALL, dtype=torch.float64))
    assert neighbouring_solution(factor, 1.0, [0.3], right, 1e-9) is None
    assert neighbouring_solution(factor, 1.0, [0.9], torch.nan * right, 1e-9) is None


@pytest.fixture(scope="module")
def large():
    """Eigenvalues of M [n, n], and M."""
    return decay(MANY, 1e-9), positive(MANY, 1e-9)


def test_a_ladder_of_shifts_takes_one_factorisation(large):
    values, M = large
    solver = Shifted(M)
    shifts, right = [1e-5, 2.15e-5, 4.64e-5, 1e-4], random(4, MANY)
    found = solver.solve_each(shifts, right)
    assert solver.factorisations == 1
    for shift, x, b in zip(shifts, found, right, strict=True):
        expected = by_lapack(M, shift, b)
        assert float((x - expected).norm()) <= 2 * TOLERANCE * float(expected.norm())
    # The trace is that of signs, as with a factor of its own.
    effective = solver.effective(4.64e-5)
    assert solver.factorisations == 1
    exact = float((values / (values + 4.64e-5)).sum())
    assert effective == pytest.approx(exact, abs=4 * (exact / 8) ** 0.5)
    alone = Shifted(M)
    alone.factor(4.64e-5)
    assert effective == pytest.approx(alone.effective(4.64e-5), rel=1e-3)


def test_shifts_out_of_reach_get_factors_of_their_own(large):
    _, M = large
    solver, right = Shifted(M), random(2, MANY)
    found = solver.solve_each([1e-8, 1e-2], right)
    assert solver.factorisations == 3  # in vain for their middle
    for shift, x, b in zip([1e-8, 1e-2], found, right, strict=True):
        expected = by_lapack(M, shift, b)
        assert float((x - expected).norm()) <= 30 * EPS / shift * float(expected.norm())


def test_a_shift_that_is_asked_for_again_and_again_gets_a_factor(large):
    _, M = large
    solver, b = Shifted(M), random(MANY)
    solver.factor(1e-5)
    expected = by_lapack(M, 6e-5, b)
    for _ in range(20):
        found = solver.solve(6e-5, b)
        assert float((found - expected).norm()) <= 2 * TOLERANCE * float(expected.norm())
    assert solver.factorisations == 2


@pytest.mark.parametrize("kind", ["gram", "rows"])
def test_large_steps_are_right_within_the_bound(kind):
    shape = (MANY + 200, MANY) if kind == "gram" else (MANY, MANY + 200)
    generator = torch.Generator().manual_seed(11)
    A = torch.randn(*shape, generator=generator, dtype=torch.float64)
    A *= 10.0 ** (-4 * torch.linspace(0, 1, shape[1], dtype=torch.float64))
    r = torch.randn(shape[0], generator=generator, dtype=torch.float64)
    J, loss = Stored(A.clone()), 0.5 * float(r @ r)
    one = torch.ones(shape[1], dtype=torch.float64)
    solves = Gram(J, J.gram(), one, r, loss) if kind == "gram" else RowGram(J, J.row_gram(), r)
    shifts = [damping * solves.unit for damping in (1e-6, 3e-6, 1e-5)]
    steps = solves.steps(shifts)
    sides = [A.T @ A, A.T @ r] if kind == "gram" else [A @ A.T, r]
    for shift, step in zip(shifts, steps, strict=True):
        expected = by_lapack(sides[0], shift, sides[1])
        expected = expected if kind == "gram" else A.T @ expected
        tolerance = TOLERANCE if kind == "gram" else TRIED
        bound = tolerance + 30 * EPS * solves.unit / shift
        scale = float(expected.norm() + r.norm() / solves.unit**0.5)
        assert float((step - expected).norm()) <= bound * scale
    # Corrections from somewhere else lead to the same solution.
    start = 1.1 * steps
    remaining = torch.stack([r - A @ y for y in start])
    back = start + solves.corrections(shifts, remaining, start)
    assert float((back - steps).norm()) <= 4 * tolerance * float(steps.norm())
    hat = solves.leverages(shifts[1])
    assert float(hat.sum()) == pytest.approx(solves.effective(shifts[1]), rel=0.05)


def test_choice_for_large_problems():
    assert gram_pays((4000, 4929), 1e-6, 0.0, EPS, large=True)  # no search of unknown size
    assert gram_pays((4000, 4929), 1e-6, 2000.0, EPS, large=True)
    assert not gram_pays((4000, 4929), 1e-6, 100.0, EPS, large=True)
    assert gram_pays((4000, 4929), 1e-14, 4000.0, EPS, large=True)  # refined
    assert not gram_pays((4000, 4929), 1e-15, 4000.0, EPS, large=True)


def test_small_matrices_are_factorised_shift_by_shift():
    assert not shifted.is_large(LARGE - 1, torch.device("cpu"))
    assert shifted.is_large(LARGE, torch.device("cpu"))
    assert not shifted.is_large(LARGE, torch.device("cuda"))
