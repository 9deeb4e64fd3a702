"""Solutions by a Gram matrix, refined by products with J, against LAPACK's of the same problem."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch

from anagram_ext.linear import shifted
from anagram_ext.linear.choice import gram_pays
from anagram_ext.linear.gram import Gram
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.row_gram import RowGram
from spectra import decay, prescribed

EPS = torch.finfo(torch.float64).eps
SHORT, LONG = 130, 190
SIGMA = 3.0
LEAST = 3.6e-15  # for which these solvers are chosen, see docs/adr/024
DAMPINGS = [1e-13, 1e-14, LEAST]  # all below what is served unrefined
UNREFINED = 4.6e-13
SETTLED = 1e-3  # relative: what steps are promised to be right to
ROUNDING = 30  # the constant that rounding has on average, in units of EPS


class Counted(Stored):
    """Counts its products with vectors."""

    products = 0

    def matvec(self, v: torch.Tensor) -> torch.Tensor:
        self.products += 1
        return super().matvec(v)


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def by_lapack(A: torch.Tensor, r: torch.Tensor, shift: float) -> torch.Tensor:
    """y [P] by a QR decomposition of ``[A; sqrt(l) I]``: no square of A is formed."""
    n = A.shape[1]
    rows = np.concatenate([A.numpy(), math.sqrt(shift) * np.eye(n)])
    right = np.concatenate([r.numpy(), np.zeros(n)])
    Q, R = np.linalg.qr(rows)
    return torch.from_numpy(scipy.linalg.solve_triangular(R, Q.T @ right))


@pytest.fixture(params=["gram", "rows"])
def kind(request) -> str:
    return request.param


@pytest.fixture(params=[1e-6, 1e-10], ids=["steep", "steeper"])
def problem(request, kind) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """A with singular values from 3 down to 3 times the parameter, and two right-hand sides."""
    shape = (LONG, SHORT) if kind == "gram" else (SHORT, LONG)
    A = prescribed(*shape, SIGMA * decay(SHORT, request.param), seed=4).J
    return A, {"any": random(shape[0]), "inside": A @ random(shape[1])}


@pytest.fixture
def large(monkeypatch) -> None:
    """Refined is what is large; here already from this size on."""
    monkeypatch.setattr(shifted, "LARGE", 100)


def solves(kind: str, A: torch.Tensor, r: torch.Tensor) -> Gram | RowGram:
    """The solver of A = J D^-1, with a D of powers of two that rounds nothing."""
    return counted(kind, A, r)[0]


def counted(kind: str, A: torch.Tensor, r: torch.Tensor) -> tuple[Gram | RowGram, Counted]:
    """The same, and what counts the products that it makes with its matrix."""
    scale = 2.0 ** (torch.arange(A.shape[1], dtype=torch.float64) % 4)
    if kind == "gram":
        J = Counted(A * scale)
        return Gram(J, J.gram(), scale, r, 0.5 * float(r @ r)), J
    scaled = Counted(A)
    return RowGram(scaled, scaled.row_gram(), r), scaled


def bound(A: torch.Tensor, r: torch.Tensor, y: torch.Tensor, damping: float, passes: int) -> float:
    """That of the docstring of ``Gram`` for a step refined so many times."""
    e = ROUNDING * EPS
    size = float(y.norm() + r.norm() / SIGMA)
    left = float((r - A @ y).norm()) / (SIGMA * math.sqrt(damping))
    return (e / damping) ** (passes + 1) * size + e / math.sqrt(damping) * (float(y.norm()) + left)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("damping", DAMPINGS)
@pytest.mark.parametrize("which", ["any", "inside"])
def test_refined_steps_are_right_within_the_bound(kind, problem, which, damping):
    A, rights = problem
    r, shift = rights[which], damping * SIGMA**2
    (step,) = solves(kind, A, r).steps([shift])
    expected = by_lapack(A, r, shift)
    error = float((step - expected).norm())
    assert error <= bound(A, r, expected, damping, passes=1)
    assert error <= SETTLED * float(expected.norm())  # what a refinement may leave unsettled
    # What the step leaves of r matters as much as the step: no share of it is lost.
    left = r - A @ expected
    assert float((A @ (step - expected)).norm()) <= SETTLED * float(left.norm()) + 1e-13 * float(
        r.norm()
    )


@pytest.mark.parametrize("damping", DAMPINGS)
def test_unrefined_they_are_not(kind, problem, damping, monkeypatch):
    """So the test above can fail: a matrix that is not large is never refined."""
    A, rights = problem
    r, shift = rights["any"], damping * SIGMA**2
    plain = solves(kind, A, r).steps([shift])[0]
    monkeypatch.setattr(shifted, "LARGE", 100)
    refined = solves(kind, A, r).steps([shift])[0]
    expected = by_lapack(A, r, shift)
    error = float((plain - expected).norm())
    assert error <= bound(A, r, expected, damping, passes=0)
    assert error > 30 * float((refined - expected).norm())


@pytest.mark.usefixtures("large")
def test_larger_shifts_are_not_refined(kind, problem):
    A, rights = problem
    r = rights["any"]
    solver, matrix = counted(kind, A, r)
    (step,) = solver.steps([UNREFINED * SIGMA**2])
    assert matrix.products == 0
    expected = by_lapack(A, r, UNREFINED * SIGMA**2)
    error = float((step - expected).norm())
    assert error <= bound(A, r, expected, UNREFINED, passes=0)
    solver.steps([DAMPINGS[0] * SIGMA**2])
    assert matrix.products > 0


def test_the_least_damping_is_the_least_that_they_are_chosen_for():
    assert gram_pays((LONG, SHORT), LEAST, 0.0, EPS, large=True)
    assert not gram_pays((LONG, SHORT), LEAST / 1.1, 0.0, EPS, large=True)


@pytest.mark.usefixtures("large")
def test_a_ladder_of_refined_steps_shares_a_factorisation(kind, problem):
    """Conjugate gradients solve for neighbours to three digits, refinements for the rest."""
    A, rights = problem
    r, dampings = rights["any"], [1e-14, 2.15e-14, 4.64e-14, 1e-13]
    solver = solves(kind, A, r)
    steps = solver.steps([d * SIGMA**2 for d in dampings])
    for damping, step in zip(dampings, steps, strict=True):
        expected = by_lapack(A, r, damping * SIGMA**2)
        assert float((step - expected).norm()) <= 1e-5 * float(expected.norm())


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("damping", DAMPINGS)
def test_what_is_said_about_a_refined_step(kind, problem, damping):
    A, rights = problem
    r, shift = rights["any"], damping * SIGMA**2
    solver = solves(kind, A, r)
    (step,) = solver.steps([shift])
    expected = by_lapack(A, r, shift)
    loss = 0.5 * float(r @ r)
    left = 0.5 * float((r - A @ expected).square().sum())
    assert solver.floor(shift) == pytest.approx(left, rel=1e-4, abs=1e-12 * loss)
    assert solver.reduction(step) == pytest.approx(loss - left, rel=1e-4)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("damping", DAMPINGS)
def test_corrections_lead_to_the_refined_step_from_elsewhere(kind, problem, damping):
    A, rights = problem
    r, shift = rights["any"], damping * SIGMA**2
    solver = solves(kind, A, r)
    expected = by_lapack(A, r, shift)
    start = 1.1 * expected
    (correction,) = solver.corrections([shift], (r - A @ start)[None], start[None])
    error = float((start + correction - expected).norm())
    # A correction is one solution of its own, of a tenth of the size.
    assert error <= 0.2 * bound(A, r, expected, damping, passes=0) + 1e-7 * float(expected.norm())


@pytest.mark.usefixtures("large")
def test_ends_of_corrections_become_exact_as_corrections_vanish(problem, kind):
    """A rough factor, that of a neighbour, does: what it misses is part of the next correction."""
    A, rights = problem
    r, damping = rights["any"], 1e-12
    shift = damping * SIGMA**2
    solver = solves(kind, A, r)
    steps = solver.steps([shift / 10, shift, shift * 10])  # one factor, of their middle or below
    expected = by_lapack(A, r, shift)
    step = 1.1 * steps[1]
    errors = []
    for _ in range(4):
        (correction,) = solver.corrections([shift], (r - A @ step)[None], step[None])
        step = step + correction
        errors.append(float((step - expected).norm() / expected.norm()))
    assert errors[-1] <= 1e-7
