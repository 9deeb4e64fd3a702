"""Directions on Jacobians of networks, trained and not: against LAPACK, and both against the truth.

Singular values of such a Jacobian are known to round-off times the largest. A direction that keeps
those above ``cutoff * sigma_1`` is therefore determined to about ``eps / cutoff`` and no better, by
whichever method; below a cutoff of 1e-8 two drivers of LAPACK differ by more than 1e-8 themselves.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import scipy.linalg
import torch

import anagram_ext as ax
from anagram_ext.linear.solve import factorise, lstsq
from extended_svd import EPS, ExtendedSvd

CUTOFFS = (1e-4, 1e-6, 1e-8, 1e-10)
PUBLISHED = ("laplace_2d", "heat", "laplace_5d", "allen_cahn", "burgers")
GOAL = 1e-8


@cache
def residual_and_jacobian(name, widths, steps):
    """r [S] and J [S, P] after that many training steps."""
    options = {} if name == "laplace_5d" else {"published": True}  # the points of the paper
    problem = ax.problems.get(name, **options)
    model = problem.model if widths is None else ax.MLP(list(widths))
    theta = model.init(0)
    if steps:
        theta = ax.train(problem, model, steps=steps, seed=0, progress=False).theta
    return ax.jacobian(problem, model, theta)


def gelsd(J, r, cutoff):
    return scipy.linalg.lstsq(J.numpy(), r.numpy(), cond=cutoff, lapack_driver="gelsd")[0]


def distance(direction, expected):
    return float(np.linalg.norm(np.asarray(direction) - expected) / np.linalg.norm(expected))


def first_order_bound(sigma, rank, coefficients):
    """How far apart two backward-stable solutions may lie, relative to the solution (Wedin 1973).

    A perturbation E of J, ``|E| <= 4 eps sigma_1`` in each of them, moves the solution x by
    ``|E| / (sigma_k - sigma_k+1) * (|x| + |U^T r| / sigma_k)``.
    """
    gap = sigma[rank - 1] - (sigma[rank] if rank < len(sigma) else 0.0)
    size = np.linalg.norm(coefficients[:rank] / sigma[:rank])
    growth = 1 + np.linalg.norm(coefficients) / (sigma[rank - 1] * size)
    return 8 * 2.0**-52 * sigma[0] / gap * growth


@pytest.mark.parametrize("steps", [0, 10])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_against_gelsd(name, steps):
    r, J = residual_and_jacobian(name, None, steps)
    U, sigma, _ = scipy.linalg.svd(J.numpy(), full_matrices=False, check_finite=False)
    coefficients = U.T @ r.numpy()
    compared = 0
    for cutoff in CUTOFFS:
        if np.abs(sigma / (cutoff * sigma[0]) - 1).min() < 1e-3:
            continue  # the rank is a matter of rounding
        rank = int((sigma > cutoff * sigma[0]).sum())
        solution = lstsq(J, r, cutoff)
        assert solution.rank == rank
        bound = max(GOAL, first_order_bound(sigma, rank, coefficients))
        assert distance(solution.direction, gelsd(J, r, cutoff)) <= bound
        compared += 1
    assert compared >= 3


@pytest.mark.skipif(EPS > 1e-18, reason="long double is no longer than double here")
@pytest.mark.parametrize(
    ("name", "widths", "steps"),
    [
        ("laplace_2d", None, 0),
        ("laplace_2d", None, 40),
        ("heat", (2, 24, 1), 40),
        ("laplace_5d", (5, 16, 1), 20),
        ("allen_cahn", (2, 8, 8, 1), 20),
        ("burgers", (2, 8, 8, 1), 20),
    ],
)
def test_as_close_to_the_truth_as_lapack(name, widths, steps):
    r, J = residual_and_jacobian(name, widths, steps)
    exact = ExtendedSvd(J.numpy(), r.numpy())
    for_all_cutoffs = factorise(J)
    for cutoff in CUTOFFS:
        if np.abs(exact.sigma / (cutoff * exact.sigma[0]) - 1).min() < 1e-3:
            continue
        expected = exact.direction(cutoff)
        by_lapack = distance(gelsd(J, r, cutoff), expected)
        for direction in (lstsq(J, r, cutoff).direction, for_all_cutoffs.direction(r, cutoff)):
            error = distance(direction, expected)
            assert error <= max(5 * by_lapack, 2.0**-52 / cutoff)
            if cutoff >= 1e-6:
                assert error <= GOAL


def test_the_oracle_itself():
    """The extended decomposition of a matrix whose own one is known."""
    rng = np.random.default_rng(0)
    U, _ = np.linalg.qr(rng.standard_normal((40, 12)))
    V, _ = np.linalg.qr(rng.standard_normal((12, 12)))
    sigma = 10.0 ** -np.arange(12)
    J = (U * sigma) @ V.T
    r = J @ np.ones(12)
    exact = ExtendedSvd(J, r)
    np.testing.assert_allclose(exact.sigma.astype(float), sigma, rtol=0, atol=1e-15)
    # with all singular values kept it solves J x = r = J 1; rounding r moves x by eps / sigma_12
    np.testing.assert_allclose(exact.direction(1e-13).astype(float), 1.0, atol=1e-4)
    truncated = torch.linalg.svd(torch.from_numpy(J), full_matrices=False)
    kept = truncated.Vh[:4].T @ ((truncated.U[:, :4].T @ torch.from_numpy(r)) / truncated.S[:4])
    np.testing.assert_allclose(exact.direction(3e-4).astype(float), kept, rtol=0, atol=1e-12)
