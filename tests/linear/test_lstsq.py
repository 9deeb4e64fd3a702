"""The truncated solve against LAPACK gelsd and against prescribed decompositions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anagram_ext.errors import BackendUnavailable, NonFiniteError
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.linear.solve import factorise, factorise_tiles, lstsq
from spectra import decay, prescribed, solve

EPS = {torch.float64: 2.0**-52, torch.float32: 2.0**-23}
SHAPES = [(1, 1), (1, 7), (7, 1), (40, 40), (90, 31), (31, 90), (300, 17), (17, 300)]


def random_r(S: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(S, generator=torch.Generator().manual_seed(99), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("S", "P"), SHAPES)
def test_agrees_with_gelsd(S: int, P: int, dtype: torch.dtype, device: str) -> None:
    matrix = prescribed(S, P, decay(min(S, P), 1e-5), dtype=dtype, device=device)
    r = random_r(S, dtype)
    cutoff = 3.3e-3

    solution = solve(matrix.J, r, cutoff)
    x, _, rank, sigma = scipy.linalg.lstsq(
        matrix.J.cpu().numpy(), r.numpy(), cond=cutoff, lapack_driver="gelsd"
    )

    assert solution.rank == rank
    np.testing.assert_allclose(solution.singular_values, sigma, rtol=0, atol=30 * EPS[dtype])
    error = np.linalg.norm(solution.direction.numpy() - x)
    assert error <= 2 * matrix.error_bound(r, rank, EPS[dtype])
    assert solution.direction.dtype == dtype


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    S=st.integers(1, 70),
    P=st.integers(1, 70),
    last=st.sampled_from([1.0, 1e-2, 1e-8, 1e-15]),
    cutoff=st.sampled_from([0.0, 1e-9, 1e-6, 1e-3]),
    seed=st.integers(0, 1000),
)
def test_random_shapes(
    *, device: str, S: int, P: int, last: float, cutoff: float, seed: int
) -> None:
    sigma = decay(min(S, P), last)
    keep = sigma[(sigma > 2 * cutoff) | (sigma < cutoff / 2)]  # a gap of 2 around the cutoff
    sigma = keep if len(keep) else torch.ones(1, dtype=torch.float64)
    matrix = prescribed(S, P, sigma, seed=seed, device=device)
    r = random_r(S)
    solution = solve(matrix.J, r, Cutoff(max(cutoff, 1e-14)))
    rank = int((sigma > max(cutoff, 1e-14)).sum())
    if last < 1e-14 and cutoff == 0.0:
        rank = solution.rank  # values at round-off: the count is not determined
    assert solution.rank == rank
    error = float((solution.direction - matrix.direction(r, rank)).norm())
    assert error <= matrix.error_bound(r, rank, EPS[torch.float64])


@pytest.mark.parametrize(("S", "P"), [(60, 25), (25, 60), (30, 30)])
def test_gap_and_ties(S: int, P: int, device: str) -> None:
    """Inside a tie single directions are arbitrary, but their sum is not."""
    sigma = torch.tensor([5.0] * 4 + [2.0] * 6 + [1e-9] * 10, dtype=torch.float64)
    matrix = prescribed(S, P, sigma, device=device)
    r = random_r(S)
    for cutoff, rank in [(0.5, 4), (1e-3, 10), (1e-11, 20)]:
        solution = solve(matrix.J, r, cutoff)
        assert solution.rank == rank
        error = float((solution.direction - matrix.direction(r, rank)).norm())
        assert error <= matrix.error_bound(r, rank, EPS[torch.float64])


@pytest.mark.parametrize(("S", "P"), [(1, 1), (12, 5), (5, 12)])
def test_zero_matrix_has_rank_zero_and_a_zero_step(S: int, P: int, device: str) -> None:
    zero = torch.zeros(S, P, dtype=torch.float64, device=device)
    for cutoff in (0.0, 1e-6, Cutoff(0.0, relative=False)):
        solution = solve(zero, random_r(S), cutoff)
        assert solution.rank == 0
        assert torch.equal(solution.direction, torch.zeros(P, dtype=torch.float64))


def test_cutoff_is_strict(device: str) -> None:
    J = torch.diag(torch.tensor([4.0, 2.0, 1.0, 0.0], dtype=torch.float64)).to(device)
    factorisation = factorise(J)
    # The values found, which a library may round differently: those at the cutoff are left out.
    sigma = factorisation.singular_values.tolist()
    assert sigma == pytest.approx([4.0, 2.0, 1.0, 0.0], abs=1e-14)
    for kept, value in enumerate(sigma[:3]):
        assert factorisation.rank(Cutoff(value, relative=False)) == kept
        assert factorisation.rank(Cutoff(math.nextafter(value, 0), relative=False)) == kept + 1
    assert solve(J, random_r(4), 0.5 * (1 + 1e-12)).rank == 1
    assert solve(J, random_r(4), 0.5 * (1 - 1e-12)).rank == 2
    assert solve(J, random_r(4), Cutoff(0.99, relative=False)).rank == 3


def test_cutoff_is_strict_where_lapack_is_exact() -> None:
    J = torch.diag(torch.tensor([4.0, 2.0, 1.0, 0.0], dtype=torch.float64))
    assert solve(J, random_r(4), 0.5).rank == 1
    assert solve(J, random_r(4), 0.0).rank == 3


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
@pytest.mark.parametrize(("S", "P"), [(40, 15), (15, 40)])
def test_extreme_scales(S: int, P: int, scale: float, device: str) -> None:
    matrix = prescribed(S, P, decay(15, 1e-4), device=device)
    r = random_r(S) * 1e-3
    plain = solve(matrix.J, r, 1e-3)
    scaled = solve(matrix.J * scale, r, 1e-3)
    assert scaled.rank == plain.rank
    torch.testing.assert_close(
        scaled.singular_values / scale, plain.singular_values, rtol=0, atol=1e-14
    )
    torch.testing.assert_close(
        (scaled.direction * 1e-3) * (scale * 1e3), plain.direction, rtol=1e-9, atol=0
    )


def test_graded_rows(device: str) -> None:
    """Rows over 60 orders of magnitude: the large ones are solved, nothing overflows."""
    grades = 10.0 ** torch.linspace(0, -60, 30, dtype=torch.float64)
    gauss = torch.randn(30, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    J = grades[:, None] * gauss
    solution = solve(J.to(device), J @ torch.ones(12, dtype=torch.float64), 1e-10)
    expected, _, rank, _ = scipy.linalg.lstsq(
        J.numpy(), J.sum(1).numpy(), cond=1e-10, lapack_driver="gelsd"
    )
    assert solution.rank == rank
    np.testing.assert_allclose(solution.direction, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("S", "P"), [(50, 20), (20, 50)])
def test_one_factorisation_serves_all(S: int, P: int, device: str) -> None:
    matrix = prescribed(S, P, decay(20, 1e-3), device=device)
    J, U = matrix.J, matrix.U.to(device)
    factorisation = factorise(J)
    sigma = factorisation.singular_values
    r = torch.stack([random_r(S).to(device), J[:, 0], J[:, -1]])  # [3, S]
    y = factorisation.project(r)
    assert y.shape == (3, 20)
    assert factorisation.shape == (S, P)
    # U^T U = 1 and V^T V = 1, seen through both operations
    torch.testing.assert_close(y.norm(dim=1), (r @ U).norm(dim=1), rtol=1e-13, atol=0)
    x = factorisation.expand(y)
    torch.testing.assert_close(x.norm(dim=1), y.norm(dim=1), rtol=1e-13, atol=0)
    # J V y = U Sigma y
    image = factorisation.project(x @ J.T)
    torch.testing.assert_close(image, y * sigma, rtol=0, atol=1e-13)
    # batched and single agree
    torch.testing.assert_close(factorisation.project(r[1]), y[1], rtol=0, atol=1e-14)
    torch.testing.assert_close(factorisation.expand(y[1]), x[1], rtol=0, atol=1e-14)
    tikhonov = sigma / (sigma**2 + 1e-4)
    ridge = torch.linalg.solve(J.T @ J + 1e-4 * torch.eye(P).to(J), J.T @ r[0])
    torch.testing.assert_close(factorisation.expand(tikhonov * y[0]), ridge, rtol=0, atol=1e-8)


def test_input_is_not_modified_and_may_be_a_row_slice(device: str) -> None:
    wide = prescribed(30, 12, decay(12, 1e-3), device=device).J.repeat(1, 2)
    J = wide[:, :12]
    before = wide.clone()
    solution = solve(J, random_r(30), 1e-6)
    assert torch.equal(wide, before)
    torch.testing.assert_close(
        solution.direction, solve(J.clone(), random_r(30), 1e-6).direction, rtol=0, atol=0
    )


J = torch.eye(3, 2, dtype=torch.float64)
R = torch.ones(3, dtype=torch.float64)


@pytest.mark.parametrize(
    ("matrix", "r", "cutoff", "error", "text"),
    [
        (J[0], R, 0.1, ValueError, r"J must be float64 or float32 \[S, P\] on cpu or cuda"),
        (J.long(), R, 0.1, ValueError, "got torch.int64"),
        (J[:0], R[:0], 0.1, ValueError, "J must have rows and columns"),
        (J[:, :0], R, 0.1, ValueError, "J must have rows and columns"),
        (J, R[:2], 0.1, ValueError, r"r must be torch.float64 \[3\], got torch.float64 \[2\]"),
        (J, R.float(), 0.1, ValueError, r"r must be torch.float64 \[3\], got torch.float32"),
        (J, R, -1.0, ValueError, "cutoff must be a finite number >= 0, got -1.0"),
        (J, R, math.nan, ValueError, "cutoff must .* got nan"),
        (J * math.inf, R, 0.1, NonFiniteError, r"J: element \[0, 0\] is"),
        (J, R * math.nan, 0.1, NonFiniteError, r"r: element \[0, 0\] is .*nan"),
    ],
)
def test_bad_input(
    *,
    device: str,
    matrix: torch.Tensor,
    r: torch.Tensor,
    cutoff: float,
    error: type[Exception],
    text: str,
) -> None:
    with pytest.raises(error, match=text):
        lstsq(matrix.to(device), r.to(device), cutoff)


def test_a_tensor_on_no_device_is_refused() -> None:
    with pytest.raises(ValueError, match=r"J must be .* on cpu or cuda, got .* on meta"):
        lstsq(J.to("meta"), R, 0.1)
    with pytest.raises(ValueError, match="r must be on cpu like J, got one on meta"):
        lstsq(J, R.to("meta"), 0.1)
    with pytest.raises(ValueError, match="y must be on cpu like J, got one on meta"):
        factorise(J).expand(R.to("meta"))


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.gpu)], indirect=True)
def test_vectors_of_another_device_are_refused(device: str) -> None:
    with pytest.raises(ValueError, match="r must be on cuda:0 like J, got one on cpu"):
        lstsq(J.to(device), R, 0.1)
    with pytest.raises(ValueError, match="r must be on cpu like J, got one on cuda:0"):
        lstsq(J, R.to(device), 0.1)
    factorisation = factorise(J.to(device))
    with pytest.raises(ValueError, match="r must be on cuda:0 like J, got one on cpu"):
        factorisation.project(R)
    with pytest.raises(ValueError, match="y must be on cuda:0 like J, got one on cpu"):
        factorisation.expand(R)


@pytest.mark.usefixtures("no_cuda")
def test_a_gpu_without_its_module_is_refused_with_advice() -> None:
    # A build without the module can still be handed tensors of a torch that has CUDA.
    with pytest.raises(BackendUnavailable, match="use device='cpu'"):
        factorise_tiles(lambda _: J, [3], 2, device=torch.device("cuda"))


def test_one_nan_is_found_and_named(device: str) -> None:
    matrix = torch.ones(50, 40, dtype=torch.float64)
    matrix[37, 11] = math.nan
    matrix = matrix.to(device)
    with pytest.raises(NonFiniteError, match=r"J: element \[37, 11\] is nan"):
        factorise(matrix)


def test_project_refuses_wrong_lengths(device: str) -> None:
    factorisation = factorise(J.to(device))
    with pytest.raises(
        ValueError, match=r"r must be float64 \[\*, 3\] on c.*, got float64 \[1, 2\]"
    ):
        factorisation.project(R[:2].to(device))
    with pytest.raises(ValueError, match=r"y must be float64 \[\*, 2\] on c"):
        factorisation.expand(R.to(device))


def test_a_lazily_negated_tensor_is_read_with_its_sign():
    r = torch._neg_view(torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    identity = torch.eye(3, dtype=torch.float64)
    assert lstsq(identity, r).direction.tolist() == pytest.approx([-1.0, -2.0, -3.0])
    assert lstsq(torch._neg_view(identity), r.clone()).direction.tolist() == pytest.approx(
        [1, 2, 3]
    )
