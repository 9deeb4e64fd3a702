"""The rank-adaptive factorisation against prescribed spectra and LAPACK."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anagram_ext.errors import NonFiniteError
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.linear.solve import Factorisation, factorise, factorise_tiles
from anagram_ext.native.loading import core
from spectra import decay, prescribed, solve

EPS = 2.0**-52
SHAPES = [(500, 160), (160, 500), (220, 220)]
SPECTRA = {
    "exponential": decay(80, 1e-18),
    "step": torch.cat([torch.ones(30, dtype=torch.float64), torch.full((40,), 1e-9).double()]),
    "ties": torch.tensor([1.0] * 5 + [1e-3] * 20 + [1e-7] * 20, dtype=torch.float64),
    "deficient": decay(40, 1e-3),
    # more than the embedding of a long matrix has room for, few enough for products
    "middling": decay(110, 1e-6),
    "polynomial": torch.arange(1, 221, dtype=torch.float64) ** -3,
    "flat": torch.ones(220, dtype=torch.float64),
}
LOW_RANK = ["exponential", "step", "ties", "deficient", "middling"]


def random_r(S: int) -> torch.Tensor:
    return torch.randn(S, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def gap_cutoffs(sigma: torch.Tensor) -> list[tuple[float, int]]:
    """Relative cutoffs in the middle of gaps of at least 1 %, with the rank that they leave."""
    return [
        (float((sigma[rank - 1] * sigma[rank]).sqrt()), rank)
        for rank in (1, 5, 25, 30, 45, 80)
        if rank < len(sigma) and sigma[rank] < 0.99 * sigma[rank - 1] and sigma[rank - 1] > 1e-10
    ]


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize(("S", "P"), SHAPES)
def test_all_cutoffs_from_one_factorisation(S: int, P: int, spectrum: str, device: str) -> None:
    sigma = SPECTRA[spectrum][: min(S, P)]
    matrix = prescribed(S, P, sigma, device=device)
    factorisation = factorise(matrix.J)
    assert factorisation.method == ("adaptive" if spectrum in LOW_RANK else "dense")
    found = factorisation.singular_values.cpu()
    k = min(len(found), len(sigma))
    # Weyl: a perturbation E of J moves no singular value by more than |E|
    assert float((found[:k] - sigma[:k]).abs().max()) < 50 * EPS * float(matrix.J.norm())
    r = random_r(S)
    for cutoff, rank in gap_cutoffs(sigma):
        assert factorisation.rank(cutoff) == rank
        direction = factorisation.direction(r.to(device), cutoff).cpu()
        error = float((direction - matrix.direction(r, rank)).norm())
        assert error <= matrix.error_bound(r, rank, EPS)


@pytest.mark.parametrize("spectrum", LOW_RANK)
@pytest.mark.parametrize(("S", "P"), SHAPES)
def test_known_cutoff(S: int, P: int, spectrum: str, device: str) -> None:
    """Less is computed, and the direction is as good."""
    sigma = SPECTRA[spectrum][: min(S, P)]
    matrix = prescribed(S, P, sigma, device=device)
    r = random_r(S)
    everything = len(factorise(matrix.J).singular_values)
    for cutoff, rank in gap_cutoffs(sigma):
        solution = solve(matrix.J, r, cutoff)
        assert solution.rank == rank
        assert rank <= len(solution.singular_values) <= everything
        expected = matrix.direction(r, rank)
        error = float((solution.direction - expected).norm())
        left_out = 1e-8 * float(expected.norm())  # (1e-5)^2 / (1 % gap)
        assert error <= matrix.error_bound(r, rank, EPS) + left_out
        absolute = solve(matrix.J, r, Cutoff(cutoff * float(sigma[0]), relative=False))
        assert absolute.rank == rank
        assert float((absolute.direction - expected).norm()) <= error + left_out


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    S=st.integers(49, 130),
    P=st.integers(49, 130),
    rank=st.integers(1, 49),
    last=st.sampled_from([1.0, 1e-3, 1e-8]),
    seed=st.integers(0, 1000),
)
def test_exact_rank_of_random_shapes(
    *, device: str, S: int, P: int, rank: int, last: float, seed: int
) -> None:
    """Whichever path is taken: rank, values, projections and directions are LAPACK's."""
    matrix = prescribed(S, P, decay(rank, last), seed=seed, device=device)
    r = random_r(S)
    for factorisation in (factorise(matrix.J), factorise(matrix.J, smallest_cutoff=1e-10)):
        assert factorisation.rank(1e-10) == rank
        size = float(factorisation.project(r.to(device))[:rank].norm())
        assert size == pytest.approx(float((matrix.U.T @ r).norm()), rel=1e3 * EPS / last)
        direction = factorisation.direction(r.to(device), 1e-10).cpu()
        error = float((direction - matrix.direction(r, rank)).norm())
        assert error <= matrix.error_bound(r, rank, EPS)


def check_orthonormal(factorisation: Factorisation) -> None:
    """U and V, made explicit through the two operations, to round-off."""
    S, _ = factorisation.shape
    k = len(factorisation.singular_values)
    on_device = {"dtype": torch.float64, "device": factorisation.device}
    identity = torch.eye(k, **on_device)
    U = factorisation.project(torch.eye(S, **on_device))  # [S, k]
    V = factorisation.expand(identity)  # [k, P]
    assert float((U.T @ U - identity).norm()) < 100 * EPS * k**0.5
    assert float((V @ V.T - identity).norm()) < 100 * EPS * k**0.5


@pytest.mark.parametrize(("S", "P"), SHAPES)
def test_bases_are_orthonormal_and_rebuild_the_matrix(S: int, P: int, device: str) -> None:
    matrix = prescribed(S, P, SPECTRA["exponential"], device=device)
    factorisation = factorise(matrix.J)
    check_orthonormal(factorisation)
    seen = factorisation.project(matrix.J.T)  # J^T U: [P, k]
    sigma_vt = factorisation.expand(torch.diag(factorisation.singular_values))  # [k, P]
    torch.testing.assert_close(seen.T, sigma_vt, rtol=0, atol=30 * EPS * float(matrix.J.norm()))


def streamed(J: torch.Tensor) -> Factorisation:
    """J by tiles whose rows come in another order than those of r."""
    order = torch.randperm(len(J), generator=torch.Generator().manual_seed(4)).to(J.device)
    tiles = J[order].split(len(J) // 3 + 1)
    sizes = [len(tile) for tile in tiles]
    return factorise_tiles(
        lambda i: tiles[i].clone(), sizes, J.shape[1], dtype=J.dtype, device=J.device, order=order
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("made_by", [factorise, streamed])
@pytest.mark.parametrize(("S", "P"), SHAPES)
def test_pull_and_push_undo_expand_and_project(S, P, made_by, dtype, device: str) -> None:
    matrix = prescribed(S, P, decay(30, 1e-2), dtype=dtype, device=device)
    factorisation = made_by(matrix.J)
    sigma = factorisation.singular_values
    generator = torch.Generator().manual_seed(5)
    y = torch.randn(3, len(sigma), generator=generator, dtype=dtype).to(device)
    x = torch.randn(P, generator=generator, dtype=dtype).to(device)
    eps = torch.finfo(dtype).eps
    for found in (
        factorisation.pull(factorisation.expand(y)),
        factorisation.project(factorisation.push(y)),
    ):
        assert float((found - y).norm()) < 100 * eps * float(y.norm())
    image = factorisation.push(sigma * factorisation.pull(x)).cpu().numpy()
    Jx = matrix.J.cpu().numpy() @ x.cpu().numpy()
    assert np.linalg.norm(image - Jx) < 100 * eps * float(sigma[0]) * float(x.norm())
    assert factorisation.pull(x).shape == (len(sigma),)
    assert factorisation.push(y).shape == (3, S)


@pytest.mark.parametrize(("S", "P"), SHAPES)
def test_pull_and_push_of_a_known_cutoff(S: int, P: int, device: str) -> None:
    """One of the two bases is then an image under J of the other."""
    matrix = prescribed(S, P, decay(30, 1e-3), device=device)
    factorisation = factorise(matrix.J, smallest_cutoff=1e-2)
    x = torch.randn(P, generator=torch.Generator().manual_seed(5), dtype=torch.float64).to(device)
    rank = factorisation.rank(1e-2)
    coefficients = factorisation.pull(x)
    coefficients[rank:] = 0
    image = factorisation.push(factorisation.singular_values * coefficients).cpu()
    U, V = matrix.U[:, :rank], matrix.V[:, :rank]
    truncated = U @ (matrix.sigma[:rank] * (V.T @ x.cpu()))
    # what is left out, 1e-5 of the cutoff, turns the kept vectors by that much over the gap
    assert float((image - truncated).norm()) < 1e-5 * float(x.norm())


def test_pull_refuses_what_project_refuses(device: str) -> None:
    factorisation = factorise(prescribed(90, 60, decay(10, 1e-2), device=device).J)
    x = torch.ones(60, dtype=torch.float64, device=device)
    with pytest.raises(ValueError, match=r"x must be float64 \[\*, 60\]"):
        factorisation.pull(x[:2])
    with pytest.raises(ValueError, match=r"y must be float64"):
        factorisation.push(x)
    with pytest.raises(NonFiniteError, match=r"x: element \[0, 0\] is nan"):
        factorisation.pull(x * math.nan)


@pytest.mark.parametrize(("S", "P"), SHAPES)
def test_deterministic_for_any_number_of_threads(S: int, P: int) -> None:
    matrix = prescribed(S, P, SPECTRA["exponential"])
    before = core.get_num_threads()
    try:
        results = []
        for threads in (1, 3):
            core.set_num_threads(threads)
            results.append(factorise(matrix.J).direction(random_r(S), 1e-8))
    finally:
        core.set_num_threads(before)
    assert torch.equal(*results)


@pytest.mark.parametrize(("S", "P"), SHAPES)
def test_the_same_bits_every_time(S: int, P: int, device: str) -> None:
    matrix = prescribed(S, P, SPECTRA["exponential"], device=device)
    r = random_r(S).to(device)
    assert torch.equal(*(factorise(matrix.J).direction(r, 1e-8) for _ in range(2)))


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_extreme_scales(scale: float, device: str) -> None:
    matrix = prescribed(200, 90, decay(40, 1e-3), device=device)
    r = random_r(200) * 1e-3
    plain, scaled = solve(matrix.J, r, 1.1e-2), solve(matrix.J * scale, r, 1.1e-2)
    assert scaled.rank == plain.rank
    torch.testing.assert_close((scaled.direction * scale), plain.direction, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("axis", [0, 1])
def test_graded(axis: int, device: str) -> None:
    """Rows or columns over 180 or 60 orders of magnitude, against LAPACK."""
    generator = torch.Generator().manual_seed(2)
    gauss = torch.randn(300, 100, generator=generator, dtype=torch.float64)
    grades = 10.0 ** (-0.6 * torch.arange(gauss.shape[axis], dtype=torch.float64))
    J = gauss * (grades[:, None] if axis == 0 else grades)
    factorisation = factorise(J.to(device))
    assert factorisation.method == "adaptive"
    found = factorisation.singular_values.cpu()
    sigma = scipy.linalg.svdvals(J.numpy())[: len(found)]
    np.testing.assert_allclose(found, sigma, rtol=0, atol=1e-13 * sigma[0])
    cutoff = math.sqrt(sigma[11] * sigma[12]) / sigma[0]
    expected, _, rank, _ = scipy.linalg.lstsq(
        J.numpy(), random_r(300).numpy(), cond=cutoff, lapack_driver="gelsd"
    )
    solution = solve(J.to(device), random_r(300), cutoff)
    assert solution.rank == rank == 12
    np.testing.assert_allclose(
        solution.direction, expected, rtol=0, atol=1e-9 * np.linalg.norm(expected)
    )


@pytest.mark.parametrize("copies", [1, 2, 5])
@pytest.mark.parametrize(("S", "P"), [(900, 150), (150, 900), (1800, 70)])
def test_directions_carried_by_few_rows(S: int, P: int, copies: int, device: str) -> None:
    """Most of J is zero, and what is not comes several times, with either sign: no sketch of any
    of the two sides may cancel or overlook it."""
    generator = torch.Generator().manual_seed(3)
    rank, (short, long) = 30, sorted((S, P))
    places = torch.randperm(long, generator=generator)[: rank * copies].reshape(copies, rank)
    vectors = torch.randn(short, rank, generator=generator, dtype=torch.float64) * decay(rank, 1e-9)
    tall = torch.zeros(long, short, dtype=torch.float64)
    for copy, rows in enumerate(places):
        tall[rows] = (-1) ** copy * vectors.T
    J = tall if long == S else tall.T.contiguous()
    factorisation = factorise(J.to(device))
    assert factorisation.method == "adaptive"
    found = factorisation.singular_values.cpu()
    sigma = scipy.linalg.svdvals(J.numpy())[: len(found)]
    assert len(found) >= rank
    np.testing.assert_allclose(found, sigma, rtol=0, atol=1e-14 * sigma[0])


# On a GPU: a triangle that is too large for the host's LAPACK, of full rank and of nine tenths, and
# tall ones, whose QR is one by products.
@pytest.mark.parametrize(
    ("S", "P", "sigma"),
    [
        (700, 420, torch.ones(420, dtype=torch.float64)),
        (420, 900, decay(420, 1e-9)),
        (6000, 130, decay(60, 1e-14)),
        (6000, 130, decay(110, 1e-3)),
    ],
)
def test_large_and_tall_triangles(S: int, P: int, sigma: torch.Tensor, device: str) -> None:
    matrix = prescribed(S, P, sigma, device=device)
    found = factorise(matrix.J)
    k = len(found.singular_values)
    kept = min(k, len(sigma))
    assert kept >= int((sigma > 1e-13).sum())
    error = found.singular_values.cpu()[:kept] - sigma[:kept]
    assert float(error.abs().max()) < 50 * EPS
    units = torch.eye(k, dtype=torch.float64).to(device)
    for back in (found.project(found.push(units)), found.pull(found.expand(units))):
        assert float((back - units).abs().max()) < 100 * EPS
    rebuilt = found.push(found.singular_values[:, None] * units).T @ found.expand(units)
    assert float((rebuilt - matrix.J).abs().max()) < 50 * EPS


def test_zero_matrix(device: str) -> None:
    zero = torch.zeros(90, 120, dtype=torch.float64, device=device)
    solution = solve(zero, random_r(90), 1e-6)
    assert solution.rank == 0
    assert not solution.direction.any()
    factorisation = factorise(zero)
    assert factorisation.rank(0.0) == 0


def test_float32(device: str) -> None:
    matrix = prescribed(300, 120, decay(60, 1e-9), dtype=torch.float32, device=device)
    factorisation = factorise(matrix.J)
    assert factorisation.method == "adaptive"
    found = factorisation.singular_values.cpu()
    assert found.dtype == torch.float32
    k = len(found)
    assert float((found - matrix.sigma[:k]).abs().max()) < 50 * 2.0**-23


def test_a_smaller_cutoff_than_promised_is_refused(device: str) -> None:
    J = prescribed(90, 60, decay(40, 1e-12), device=device).J
    factorisation = factorise(J, smallest_cutoff=1e-4)
    assert factorisation.rank(1e-3) == 10
    with pytest.raises(ValueError, match=r"cutoff must be at least the Cutoff"):
        factorisation.rank(1e-5)
    with pytest.raises(ValueError, match=r"cutoff must be at least the Cutoff"):
        factorisation.direction(random_r(90).to(device), Cutoff(1.0, relative=False))
