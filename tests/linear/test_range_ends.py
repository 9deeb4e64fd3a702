"""Solves at the ends of the range of floating-point numbers: right, or refused, never silently off.

Multiplying J and r by powers of two changes nothing but exponents. Below the normal numbers J
itself has fewer digits, of which the tolerance is made.
"""

from __future__ import annotations

import mmap
import sys

import pytest
import torch

from anagram_ext.errors import NonFiniteError
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.linear.solve import factorise, factorise_tiles, lstsq
from spectra import decay, prescribed

SHAPES = [(30, 12), (12, 30), (160, 120)]  # the last by random sketches
CUTOFF = 1e-8


def case(S, P, dtype=torch.float64):
    """A matrix with entries below one, singular values from 1 to 1e-3, and r."""
    J = prescribed(S, P, decay(min(S, P, 10), 1e-3)).J
    r = torch.randn(S, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    return J.to(dtype), r.to(dtype)


def power(dtype, exponent):
    return torch.ldexp(torch.ones((), dtype=torch.float64), torch.tensor(exponent)).to(dtype)


def distance(a, b):
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize(("S", "P"), SHAPES)
@pytest.mark.parametrize("exponent", [-1021, -1000, -300, 300, 1000, 1010])
def test_powers_of_two_go_through(S, P, exponent, device):
    J, r = case(S, P)
    factor = power(torch.float64, exponent)
    plain = lstsq(J.to(device), r.to(device), CUTOFF)
    scaled = lstsq((J * factor).to(device), (r * factor).to(device), CUTOFF)
    assert scaled.rank == plain.rank == 10
    assert distance(scaled.direction, plain.direction) < 1e-9
    assert distance(scaled.singular_values[:10] / factor, plain.singular_values[:10]) < 1e-9
    far = lstsq(J.to(device), (r * factor).to(device), CUTOFF).direction
    assert distance(far / factor, plain.direction) < 1e-9


@pytest.mark.parametrize(("S", "P"), SHAPES)
@pytest.mark.parametrize("exponent", [-120, 100, 110])
def test_powers_of_two_in_single_precision(S, P, exponent):
    J, r = case(S, P, torch.float32)
    factor = power(torch.float32, exponent)
    plain = lstsq(J, r, 1e-4)
    for scaled in (lstsq(J * factor, r * factor, 1e-4), lstsq(J / 4, r * factor, 1e-4)):
        assert scaled.rank == plain.rank == 10
    assert distance(lstsq(J * factor, r * factor, 1e-4).direction, plain.direction) < 1e-2
    assert distance(lstsq(J, r * factor, 1e-4).direction / factor, plain.direction) < 1e-2


@pytest.mark.parametrize(("S", "P"), SHAPES)
def test_subnormal_matrices(S, P):
    J, r = case(S, P)
    tiny = power(torch.float64, -1050)  # entries of J keep about 20 of their 53 bits
    solution = lstsq(J * tiny, r * tiny, 1e-3 / 4)
    assert solution.rank == 10
    assert distance(solution.direction, lstsq(J, r, CUTOFF).direction) < 1e-2


@pytest.mark.parametrize("r_exponent", [-1074, -1022, 1023])
def test_right_hand_sides_at_both_ends(r_exponent):
    # One entry in a row of a permutation: every digit is known.
    J = torch.eye(5, dtype=torch.float64)[torch.tensor([3, 1, 4, 0, 2])]
    r = torch.full((5,), 1.0, dtype=torch.float64) * power(torch.float64, r_exponent)
    assert distance(lstsq(J, r, CUTOFF).direction / r, torch.ones(5, dtype=torch.float64)) < 1e-14


def test_mixed_sizes():
    sizes = torch.tensor([1e300, 1.0, 1e-300, 5e-324], dtype=torch.float64)
    J = torch.diag(sizes)
    ones = torch.ones(4, dtype=torch.float64)
    assert lstsq(J, ones, CUTOFF).rank == 1
    # The scaled matrix still holds 1; what is 1e600 times smaller vanishes in it.
    solution = lstsq(J, ones, 0.0)
    assert solution.rank == 2
    torch.testing.assert_close(solution.direction[:2], 1 / sizes[:2], rtol=1e-14, atol=0)
    assert lstsq(J, ones, Cutoff(0.5, relative=False)).rank == 2


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("S", "P"), [(5, 3), (160, 120)])
def test_singular_values_beyond_the_largest_number_are_refused(S, P, dtype):
    J = torch.full((S, P), torch.finfo(dtype).max, dtype=dtype)  # sigma_1 = sqrt(S P) max
    with pytest.raises(NonFiniteError, match=r"J: its largest singular value exceeds .*scale J"):
        lstsq(J, torch.ones(S, dtype=dtype), CUTOFF)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_directions_beyond_the_largest_number_are_refused(dtype):
    tiny = torch.finfo(dtype).tiny / 8
    J = torch.eye(4, 3, dtype=dtype) * tiny
    with pytest.raises(NonFiniteError, match=r"direction must be below .*e\+.*, got more"):
        lstsq(J, torch.ones(4, dtype=dtype), CUTOFF)
    small = lstsq(J, torch.full((4,), tiny, dtype=dtype), CUTOFF).direction
    torch.testing.assert_close(small, torch.ones(3, dtype=dtype))


@pytest.mark.parametrize("exponent", [-1040, -1000, 0, 1000])
def test_tiles(exponent, device):
    J, r = case(160, 120)
    scaled = (J * power(torch.float64, exponent)).to(device)
    made = factorise_tiles(
        lambda i: scaled[40 * i : 40 * i + 40].contiguous(),
        [40] * 4,
        120,
        device=scaled.device,
    )
    whole = factorise(scaled)
    assert made.rank(1e-3 / 4) == whole.rank(1e-3 / 4) == 10
    torch.testing.assert_close(
        made.singular_values[:10], whole.singular_values[:10], rtol=1e-9, atol=1e-322
    )
    if exponent > -1040:
        direction = made.direction((r * power(torch.float64, exponent)).to(device), CUTOFF)
        assert distance(direction.cpu(), lstsq(J, r, CUTOFF).direction) < 1e-9


def far_apart(J):
    """J with rows further apart than 32 bits count, in pages that exist when touched."""
    (S, P), stride = J.shape, 2**31 + 8
    count = (S - 1) * stride + P  # elements
    no_reserve = 0x4000  # MAP_NORESERVE, which Python < 3.13 does not name
    memory = mmap.mmap(-1, 8 * count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | no_reserve)
    rows = torch.frombuffer(memory, dtype=torch.float64, count=count)
    return rows.as_strided((S, P), (stride, 1)).copy_(J)


@pytest.mark.skipif(sys.platform != "linux", reason="reserves addresses without memory")
@pytest.mark.parametrize(("S", "P"), [(2, 12), (12, 2)])
def test_rows_further_apart_than_32_bits_count(S, P):
    J, r = case(S, P)
    direction = lstsq(far_apart(J), r, CUTOFF).direction
    assert distance(direction, lstsq(J, r, CUTOFF).direction) < 1e-9


@pytest.mark.skipif(sys.platform != "linux", reason="reserves addresses without memory")
def test_products_with_such_rows_are_refused():
    J, r = case(80, 60)  # large enough for products with J itself
    with pytest.raises(ValueError, match="2147483656 does not fit the 32-bit integers of LAPACK"):
        lstsq(far_apart(J), r, CUTOFF)
