"""Damped solves by a QR decomposition against singular values that are known or LAPACK's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from anagram_ext.linear import shifted
from anagram_ext.linear.choice import triangle_pays
from anagram_ext.linear.compressed import Compressed
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.row_gram import RowGram
from anagram_ext.linear.triangle import Triangle, shifted_triangle, triangle_of
from spectra import decay, prescribed

EPS = torch.finfo(torch.float64).eps
SHORT, LONG = 230, 300  # several panels, the last one narrower
DAMPINGS = [1e-6, 1e-10, 1e-12, 1e-14, 1e-16, 1e-18, 1e-20]


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def by_triangle(A: torch.Tensor, r: torch.Tensor) -> RowGram | Compressed:
    if A.shape[0] > A.shape[1]:
        return Compressed(A, r)
    return RowGram(Stored(A), Triangle(triangle_of(A.T)), r)


@pytest.fixture(scope="module", params=["rows", "columns", "square"])
def shape(request) -> tuple[int, int]:
    return {"rows": (SHORT, LONG), "columns": (LONG, SHORT), "square": (SHORT, SHORT)}[
        request.param
    ]


@pytest.fixture(scope="module", params=[1e-6, 1e-14])
def problem(request, shape):
    """A with singular values from 3 down to 3 times the parameter, its SVD, and two r."""
    matrix = prescribed(*shape, 3.0 * decay(SHORT, request.param), seed=4)
    inside = matrix.J @ random(shape[1])
    return matrix, {"any": random(shape[0]), "inside": inside}


def exact(matrix, r: torch.Tensor, shift: float) -> torch.Tensor:
    return matrix.V @ (matrix.sigma / (matrix.sigma**2 + shift) * (matrix.U.T @ r))


def bound(matrix, r: torch.Tensor, y: torch.Tensor, damping: float) -> float:
    """That of the module, with the constant that rounding has on average."""
    remaining = float((r - matrix.J @ y).norm()) / (3.0 * math.sqrt(damping))
    return 30 * EPS / math.sqrt(damping) * (float(y.norm()) + remaining)


@pytest.mark.parametrize("damping", DAMPINGS)
@pytest.mark.parametrize("which", ["any", "inside"])
def test_steps_are_as_right_as_those_of_singular_values(problem, which, damping):
    matrix, rights = problem
    r, shift = rights[which], 9.0 * damping
    found = by_triangle(matrix.J, r)
    assert found.unit == pytest.approx(9.0, rel=1e-7)
    (step,) = found.steps([shift])
    expected = exact(matrix, r, shift)
    error = float((found.expand(step) - expected).norm())
    assert error <= bound(matrix, r, expected, damping)
    # LAPACK's singular values are no better.
    U, sigma, Vt = np.linalg.svd(matrix.J.numpy(), full_matrices=False)
    lapack = Vt.T @ (sigma / (sigma**2 + shift) * (U.T @ r.numpy()))
    theirs = float((torch.from_numpy(lapack) - expected).norm())
    assert error <= 10 * theirs + 100 * EPS * float(expected.norm())


@pytest.mark.parametrize("damping", [1e-6, 1e-14])
def test_what_is_said_about_a_step(problem, damping):
    matrix, rights = problem
    r, shift = rights["any"], 9.0 * damping
    found = by_triangle(matrix.J, r)
    (step,) = found.steps([shift])
    expected = exact(matrix, r, shift)
    loss = 0.5 * float(r @ r)
    left = 0.5 * float((r - matrix.J @ expected).square().sum())
    assert found.floor(shift) == pytest.approx(left, rel=1e-5)
    assert found.reduction(step) == pytest.approx(loss - left, rel=1e-5)
    shares = matrix.sigma**2 / (matrix.sigma**2 + shift)
    assert found.effective(shift) == pytest.approx(float(shares.sum()), rel=1e-6)
    assert found.outcome(step, shift) == pytest.approx((loss - left, float(shares.sum())), rel=1e-5)
    captured = 0.5 * float((shares * (matrix.U.T @ r).square()).sum())
    assert found.captured(shift) == pytest.approx(captured, rel=1e-5)


@pytest.mark.parametrize("damping", [1e-4, 1e-12])
def test_leverages_and_press(problem, damping):
    matrix, rights = problem
    r, shift = rights["any"], 9.0 * damping
    found = by_triangle(matrix.J, r)
    hat = (matrix.U * (matrix.sigma**2 / (matrix.sigma**2 + shift))) @ matrix.U.T
    torch.testing.assert_close(found.leverages(shift, None), hat.diagonal(), rtol=0.0, atol=1e-6)
    estimated = found.leverages(shift)
    assert float((estimated - hat.diagonal()).square().mean().sqrt()) < 0.2
    found.steps([shift])
    left_out = (r - hat @ r) / (1 - hat.diagonal())
    if float((1 - hat.diagonal()).min()) > 1e-6:  # otherwise PRESS is rounding
        assert found.press(shift) == pytest.approx(0.5 * float(left_out @ left_out), rel=1e-3)


def test_corrections_lead_to_the_step_from_elsewhere(problem):
    matrix, rights = problem
    r, shifts = rights["any"], [9e-8, 9e-12]
    found = by_triangle(matrix.J, r)
    steps = found.steps(shifts)
    start = 1.1 * steps
    residuals = r - start @ matrix.J.T
    back = start + found.corrections(shifts, residuals, start)
    for damping, y, expected in zip((1e-8, 1e-12), back, steps, strict=True):
        allowed = 10 * bound(matrix, r, expected, damping) + 1e-9 * float(expected.norm())
        assert float((y - expected).norm()) <= allowed
    found.know(shifts, found.sums(shifts).tolist())
    y = random(matrix.J.shape[1])
    seen = matrix.sigma**2 / (matrix.sigma**2 + shifts[0])
    expected = y - matrix.V @ (seen * (matrix.V.T @ y))
    torch.testing.assert_close(found.weak(y, shifts[0]), expected, rtol=0.0, atol=1e-8)


@pytest.mark.parametrize("n", [1, 5, 96, 97, 230])
@pytest.mark.parametrize("below", [1e-300, 1e-12, 1e-3, 1e3])
def test_the_triangle_with_a_shift(n, below):
    root = torch.triu(random(n, n)) * decay(n, 1e-12)[:, None]
    root[:, n // 2] = 0.0  # a direction that nothing is known of
    kept = root.clone()
    found = shifted_triangle(root, below)
    assert torch.equal(root, kept)
    assert torch.equal(found, torch.triu(found))
    whole = np.concatenate([root.numpy(), below * np.eye(n)])
    expected = np.linalg.qr(whole, mode="r")
    signs = torch.from_numpy(np.sign(np.diag(expected))) * found.diagonal().sign()
    product = whole.T @ whole
    assert float(np.abs(found.T.numpy() @ found.numpy() - product).max()) <= (
        30 * EPS * float(np.abs(product).max())
    )
    assert bool((signs != 0).all())


def test_neighbouring_shifts_of_a_large_matrix_share_a_triangle(monkeypatch):
    monkeypatch.setattr(shifted, "LARGE", 100)
    matrix = prescribed(SHORT, LONG, 3.0 * decay(SHORT, 1e-9), seed=4)
    r = random(SHORT)
    solver = shifted.Shifted(Triangle(triangle_of(matrix.J.T)))
    assert solver.large
    dampings = [1e-16, 2.15e-16, 4.64e-16, 1e-15]
    solutions = solver.solve_each([9.0 * d for d in dampings], r.expand(4, -1))
    assert solver.factorisations == 1
    for damping, z in zip(dampings, solutions, strict=True):
        expected = exact(matrix, r, 9.0 * damping)
        error = float((matrix.J.T @ z - expected).norm())
        allowed = 2 * shifted.TOLERANCE * float(expected.norm())
        assert error <= allowed + bound(matrix, r, expected, damping)


def test_the_choice_of_a_triangle():
    assert triangle_pays((4000, 4929), 0.0, large=True)
    assert triangle_pays((4000, 4929), 3000.0, large=True)
    assert not triangle_pays((4000, 4929), 900.0, large=True)  # sketches are cheaper
    assert not triangle_pays((900, 257), 257.0, large=False)
