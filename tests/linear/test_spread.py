"""Rows over several processes: the same algebra, and little that travels."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.linear.liveness import explained
from ranks import on_ranks, results

CUTS = {1: [0, 90], 2: [0, 1, 90], 3: [0, 40, 40, 90], 5: [0, 10, 10, 33, 89, 90]}  # uneven, empty


def decaying(S: int, P: int, decades: float = 12, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    k = min(S, P)
    U, _ = np.linalg.qr(rng.normal(size=(S, k)))
    V, _ = np.linalg.qr(rng.normal(size=(P, k)))
    return torch.from_numpy((U * np.logspace(0, -decades, k)) @ V.T)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_lstsq_is_that_of_lapack_on_every_rank(size: int) -> None:
    J, r = decaying(90, 30), torch.linspace(-1, 2, 90, dtype=torch.float64).sin()
    cutoff = 1e-6
    expected, _, rank, sigma = np.linalg.lstsq(J.numpy(), r.numpy(), rcond=cutoff)
    found = results(size, "solved", J=J, r=r, cuts=CUTS[size], cutoff=cutoff)
    for solution in found:
        assert solution.rank == rank
        # Backward stability: singular vectors next to the cutoff are known to eps / cutoff.
        error = np.linalg.norm(solution.direction.numpy() - expected)
        assert error <= 1e-8 * np.linalg.norm(expected)
        k = len(solution.singular_values)
        np.testing.assert_allclose(solution.singular_values.numpy(), sigma[:k], atol=1e-14)
        assert torch.equal(solution.direction, found[0].direction)


@pytest.mark.parametrize(
    "J",
    [
        decaying(90, 200, 3),  # fewer rows than columns
        torch.zeros(90, 4, dtype=torch.float64),
        torch.ones(90, 7, dtype=torch.float64),  # rank 1
    ],
    ids=["wide", "zero", "rank one"],
)
def test_lstsq_of_unusual_matrices(J: torch.Tensor) -> None:
    r = torch.linspace(0, 1, 90, dtype=torch.float64)
    expected = torch.from_numpy(np.linalg.pinv(J.numpy(), rcond=1e-8)) @ r
    for solution in results(3, "solved", J=J, r=r, cuts=CUTS[3], cutoff=1e-8):
        size = float(expected.norm())
        torch.testing.assert_close(solution.direction, expected, rtol=0, atol=1e-10 * (1 + size))


def test_float32_stays_float32() -> None:
    J, r = decaying(90, 20, 2).float(), torch.ones(90)
    expected = torch.from_numpy(np.linalg.pinv(J.double().numpy(), rcond=1e-4)) @ r.double()
    (solution, *_) = results(2, "solved", J=J, r=r, cuts=CUTS[2], cutoff=1e-4)
    assert solution.direction.dtype == torch.float32
    error = float((solution.direction.double() - expected).norm())
    assert error <= 1e-3 * float(expected.norm())  # condition 100, eps 1.2e-7


def test_an_error_on_one_rank_is_one_on_all() -> None:
    J, r = decaying(90, 5), torch.ones(90, dtype=torch.float64)
    J[70, 2] = torch.nan  # of the last rank
    for outcome in on_ranks(3, "solved", J=J, r=r, cuts=CUTS[3], cutoff=1e-6):
        assert isinstance(outcome.error, ax.NonFiniteError), outcome.told
    for outcome in on_ranks(2, "solved", J=J[:0], r=r[:0], cuts=[0, 0, 0], cutoff=1e-6):
        assert isinstance(outcome.error, ValueError)
        assert "J must have rows" in str(outcome.error)


def test_the_group_must_be_one() -> None:
    J, r = torch.eye(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    with pytest.raises(TypeError, match=r"group must be a process group.*got 'gloo'"):
        ax.lstsq(J, r, group="gloo")


@pytest.mark.parametrize("size", [1, 3, 5])
def test_a_spread_jacobian_does_what_the_matrix_does(size: int) -> None:
    for pushed in results(size, "jacobian_conforms", dense=decaying(90, 30, 4), cuts=CUTS[size]):
        assert pushed <= 1e-13


@pytest.mark.parametrize("size", [2, 4])
def test_what_travels(size: int) -> None:
    """One factor [k, P] up the tree; sigma and V from rank 0; S / ranks for a vector of rows."""
    S, P, q, number = 480, 60, 3, 8
    small = 200  # bytes for counts and flags
    for rank, (sent, k) in enumerate(results(size, "traffic", J=decaying(S, P, 40), q=q)):
        factorisation, projections, matvec = sent
        assert k < 0.8 * P
        most = k if rank == 0 else k + 8  # of a part of the rows a few more are above rounding
        assert factorisation <= number * most * (P + 1) + small
        assert projections <= number * q * most
        assert matvec == number * S // size
        if rank == 0:
            assert factorisation >= number * k * P


def test_what_signs_of_life_say() -> None:
    """Two looks at what ranks say they do; a number that stays means that nobody writes it."""
    before = {0: "7 lost", 1: "3 works", 2: "9 waits", 3: "8 works", 4: "5 waits"}
    error = explained(before, {0: "9 lost", 1: "3 works", 2: "11 waits", 3: "10 works"}, 6)
    assert error.ranks == (1, 4, 5)
    assert "rank 1 of 6 has died" in str(error)
    assert "rank 5 of 6 has never come" in str(error)
    alive = {0: "9 lost", 1: "5 works", 2: "11 waits", 3: "10 left", 4: "7 waits"}
    assert explained(before, alive, 5).ranks == (3,)
    alive[3] = "10 failed: ValueError: no"
    assert "rank 3 of 5 failed: ValueError: no" in str(explained(before, alive, 5))
    alive[3] = "10 works"
    hanging = explained(before, alive, 5)
    assert hanging.ranks == (1, 3)
    assert "does not answer" in str(hanging)
    assert explained({0: "1 lost", 1: "4 lost"}, {0: "2 lost", 1: "4 lost"}, 2).ranks == ()
