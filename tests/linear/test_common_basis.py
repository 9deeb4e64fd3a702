"""Rows of few directions on many ranks: each tells its part of them, and nothing is lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ranks import results

S, P = 300, 800


def low_rank(k: int, decades: float = 12) -> torch.Tensor:
    """[S, P] of rank k."""
    rng = np.random.default_rng(0)
    U, _ = np.linalg.qr(rng.normal(size=(S, k)))
    V, _ = np.linalg.qr(rng.normal(size=(P, k)))
    return torch.from_numpy((U * np.logspace(0, -decades, k)) @ V.T)


def apart() -> torch.Tensor:
    """Three groups of rows that know nothing of each other, one of them 1e-6 times as large."""
    rng = np.random.default_rng(1)
    rows = np.zeros((S, P))
    for n, size in enumerate((1.0, 1e-6, 1.0)):
        part = rng.normal(size=(100, 20)) @ rng.normal(size=(20, 100))
        rows[100 * n : 100 * (n + 1), 100 * n : 100 * (n + 1)] = size * part
    return torch.from_numpy(rows)


def alike() -> torch.Tensor:
    """The same rows again and again; columns of zeros first."""
    rows = torch.from_numpy(np.random.default_rng(2).normal(size=(10, P)))
    rows[:, :50] = 0
    return rows.repeat(S // 10, 1)


def even(size: int) -> list[int]:
    return [S * rank // size for rank in range(size + 1)]


UNEVEN = {2: [0, 1, S], 3: [0, 150, 150, S], 5: [0, 2, 2, 120, 299, S]}  # ranks without rows


@pytest.mark.parametrize("size", [2, 3, 5])
@pytest.mark.parametrize("cuts", ["even", "uneven"])
@pytest.mark.parametrize(
    ("J", "cutoff"),
    [(low_rank(40), 1.3e-8), (low_rank(90, 3), 1e-6), (apart(), 1e-9), (alike(), 1e-9)],
    ids=["decaying", "many directions", "apart", "alike"],
)
def test_the_solution_is_that_of_lapack(J, cutoff: float, cuts: str, size: int) -> None:
    r = torch.linspace(-1, 2, S, dtype=torch.float64).sin()
    expected, _, rank, sigma = np.linalg.lstsq(J.numpy(), r.numpy(), rcond=cutoff)
    places = even(size) if cuts == "even" else UNEVEN[size]
    found = results(size, "solved", J=J, r=r, cuts=places, cutoff=cutoff)
    for solution in found:
        assert solution.rank == rank
        k = len(solution.singular_values)
        largest = float(sigma[0])
        np.testing.assert_allclose(
            solution.singular_values.numpy(), sigma[:k], rtol=0, atol=2e-14 * largest
        )
        assert np.all(sigma[k:] <= 2e-14 * largest)
        error = np.linalg.norm(solution.direction.numpy() - expected)
        assert error <= 2e-14 / cutoff * np.linalg.norm(expected)  # its condition
        assert torch.equal(solution.direction, found[0].direction)


def test_float32_has_its_own_rounding() -> None:
    J, r = low_rank(20, 3).float(), torch.ones(S)
    expected = torch.from_numpy(np.linalg.pinv(J.double().numpy(), rcond=1e-4)) @ r.double()
    for solution in results(3, "solved", J=J, r=r, cuts=even(3), cutoff=1e-4):
        assert solution.direction.dtype == torch.float32
        error = float((solution.direction.double() - expected).norm())
        assert error <= 1e-2 * float(expected.norm())  # condition 1000, eps 1.2e-7


@pytest.mark.parametrize("size", [2, 3, 5])
def test_a_rank_sends_its_part_of_the_directions(size: int) -> None:
    """P k / ranks and some k^2 numbers, not P k; what comes in is P k, whatever is done."""
    J, number, flags = low_rank(30), 8, 2000
    for sent, received, k in results(size, "exchanged", J=J, cuts=even(size)):
        assert 25 <= k <= 40
        assert sent <= number * (2 * P * k / size + 5 * k**2) + flags
        assert received >= number * P * k * (1 - 1.5 / size)
        assert received <= number * (P * 1.3 * k + 8 * k**2) + flags


@pytest.mark.parametrize("size", [2, 5])
def test_where_all_directions_are_on_one_rank_it_alone_tells_them(size: int) -> None:
    J, number, flags = low_rank(30), 8, 2000
    J[: even(size)[-2]] = 0
    *others, last = results(size, "exchanged", J=J, cuts=even(size))
    assert last[0] >= number * P * (last[2] - 2)
    for sent, _, k in others:
        assert sent <= number * (P + 5 * k**2) + flags
