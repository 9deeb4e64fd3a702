"""Activations far out, where they are flat: derivatives vanish and nothing overflows.

The network is s(x) with unit weights. Tolerances: a hundred units in the last place, relative, or
for tanh, whose derivatives come from 1 - tanh^2, absolute; and what numbers too small for the dtype
lose, times the powers of x that they are multiplied by.
"""

from __future__ import annotations

import mpmath
import pytest
import sympy
import torch

import anagram_ext as ax
from anagram_ext.native.loading import core

NAMES = ("", "x", "xx", "xxx", "xxxx")
ARGUMENTS = (3.0, 6.0, 9.5, 13.2, 13.3, 19.0, 40.0, 87.5, 95.0, 710.0, 1e3, 1e7, 1e20, 1e38)


Z = sympy.Symbol("z")
SIGMOID = 1 / (1 + sympy.exp(-Z))
FUNCTIONS = {
    "tanh": 1 - 2 / (1 + sympy.exp(2 * Z)),
    "softplus": sympy.log(1 + sympy.exp(Z)),
    "silu": Z * SIGMOID,
    "gelu": Z * sympy.erfc(-Z / sympy.sqrt(2)) / 2,
}


@pytest.fixture(scope="module")
def truth():
    """By activation: s and four derivatives at x and -x of every argument, [5, 2 n].

    Differentiated by sympy and evaluated in 400 digits: sympy writes tails as differences from one.
    """
    with mpmath.workdps(400):
        return {
            name: [
                [derivative(mpmath.mpf(x)) for x in both_signs(torch.float64)]
                for derivative in (
                    sympy.lambdify(Z, sympy.diff(s, Z, order), "mpmath") for order in range(5)
                )
            ]
            for name, s in FUNCTIONS.items()
        }


def both_signs(dtype):
    return torch.tensor([s * x for x in ARGUMENTS for s in (1, -1)], dtype=dtype).tolist()


@pytest.fixture(params=["base", "avx2", "avx512"])
def _instructions(request):
    before = core.isa()
    if not core.select_isa(request.param):
        pytest.skip(f"this machine has no {request.param}")
    yield
    core.select_isa(before)


def close(found, exact, activation, dtype, x):
    limits = torch.finfo(dtype)
    if abs(exact) < limits.tiny * mpmath.mpf("1e-60"):
        return found == 0
    lost = limits.tiny * max(1.0, abs(x)) ** 5
    scale = 1 if activation == "tanh" else abs(exact)
    return abs(found - exact) <= 100 * limits.eps * scale + lost


@pytest.mark.usefixtures("_instructions")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_derivatives_far_out(activation, dtype, truth):
    model = ax.MLP([1, 1, 1], activation, dtype=dtype, coordinates=("x",))
    theta = torch.tensor([1, 0, 1, 0], dtype=dtype)
    arguments = both_signs(dtype)
    jets = model.jet(theta, torch.tensor(arguments, dtype=dtype)[:, None], NAMES)
    wrong = [
        (x, name, value, float(exact))
        for name, exact_values in zip(NAMES, truth[activation], strict=True)
        for x, value, exact in zip(arguments, jets[name][:, 0].tolist(), exact_values, strict=True)
        if not close(value, exact, activation, dtype, x)
    ]
    assert not wrong


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_the_reverse_sweep_far_out(activation, dtype):
    """d u_xxxx / d theta, which needs a fifth derivative, is exactly zero there."""
    model = ax.MLP([1, 1, 1], activation, dtype=dtype, coordinates=("x",))
    theta = torch.tensor([1e3, 0, 1, 0], dtype=dtype)
    points = torch.tensor([[s * x] for x in (1e4, 1e17, 1e34) for s in (1, -1)], dtype=dtype)
    problem = ax.Problem(("x",), ("u",), {"all": ax.Condition(lambda u, x: u.d("xxxx"), points)})
    r, J = ax.jacobian(problem, model, theta)
    assert bool((r == 0).all())
    assert bool((J == 0).all())
