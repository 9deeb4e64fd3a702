"""Gradient, divergence, curl and material derivative against torch.func, point by point."""

from __future__ import annotations

import pytest
import torch
from torch.func import jacfwd, jacrev, vmap

import anagram_ext as ax
from reference import Network

NET = Network([4, 6, 3], "tanh")
POINTS = torch.rand((7, 4), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def rows(residual):
    """r and J of the residual of fields u, v, w of (t, x, y, z), the mean not divided out."""
    condition = ax.Condition(residual, POINTS, weight=len(POINTS))
    problem = ax.Problem(("t", "x", "y", "z"), ("u", "v", "w"), {"here": condition})
    model = ax.MLP([4, 6, 3])
    theta = model.init(1)
    return theta, *ax.jacobian(problem, model, theta)


def check(residual, row):
    """``row(fields, slopes, at)`` -> [C] from fields [3] and their slopes [3, 4] at one point."""
    theta, r, J = rows(residual)

    def expected(theta):
        def one(at):
            return row(lambda q: NET(theta, q), at)

        return vmap(one, out_dims=1)(POINTS).reshape(-1)

    right, dense = expected(theta), jacrev(expected)(theta)
    torch.testing.assert_close(r, right, rtol=0.0, atol=1e-12 * float(right.abs().max()))
    torch.testing.assert_close(J, dense, rtol=0.0, atol=1e-12 * float(dense.abs().max()))


def test_gradient():
    check(
        lambda u, v, w, x: (*ax.gradient(u, "xy"), *ax.gradient(u * v, ("z", "t"))),
        lambda f, at: torch.cat(
            [jacfwd(f)(at)[0, 1:3], jacfwd(lambda q: f(q)[0] * f(q)[1])(at)[[3, 0]]]
        ),
    )


def test_divergence_of_a_flux():
    def flux(f):
        return lambda q: (1 + q[2] ** 2) * jacfwd(f)(q)[0, 1:]

    check(
        lambda u, v, w, x: (
            ax.divergence([(1 + x.y**2) * g for g in ax.gradient(u, "xyz")], "xyz")
            + ax.divergence((u, v), ("x", "y"))
        ),
        lambda f, at: (
            jacfwd(flux(f))(at)[:, 1:].trace() + jacfwd(f)(at)[0, 1] + jacfwd(f)(at)[1, 2]
        )[None],
    )


def test_curls():
    def row(f, at):
        J = jacfwd(f)(at)[:, 1:]  # of u, v, w along x, y, z
        space = [J[2, 1] - J[1, 2], J[0, 2] - J[2, 0], J[1, 0] - J[0, 1]]
        return torch.stack([*space, J[1, 0] - J[0, 1]])

    check(lambda u, v, w, x: (*ax.curl((u, v, w), "xyz"), ax.curl((u, v), "xy")), row)


def test_material_derivatives():
    def row(f, at):
        values, J = f(at), jacfwd(f)(at)
        steady = values[0] * J[2, 1] + values[1] * J[2, 2]
        return torch.stack([J[2, 0] + steady, steady])

    check(
        lambda u, v, w, x: (
            ax.material(w, (u, v), "xy"),
            ax.material(w, (u.value, v), ("x", "y"), time=None),
        ),
        row,
    )


def test_the_curl_of_a_gradient_and_the_divergence_of_a_curl_vanish():
    _, r, _ = rows(
        lambda u, v, w, x: (
            ax.divergence(ax.curl((u, v, w), "xyz"), "xyz") + 1e-3 * u,
            *(part + 1e-3 * u for part in ax.curl(ax.gradient(v, "xyz"), "xyz")),
        )
    )
    _, u, _ = rows(lambda u, v, w, x: 1e-3 * u)
    torch.testing.assert_close(r, u.repeat(4), rtol=0.0, atol=1e-14)


@pytest.mark.parametrize(
    ("residual", "error", "message"),
    [
        (lambda u, v, w, x: ax.divergence((u, v), "xyz"), ValueError, "parts must be as many as"),
        (lambda u, v, w, x: ax.material(u, (v,), "xy"), ValueError, "velocity must be as many as"),
        (lambda u, v, w, x: ax.curl((u,), "x"), ValueError, "names must be two or three"),
        (lambda u, v, w, x: ax.gradient(u, ()), ValueError, "names must hold at least one"),
        (lambda u, v, w, x: ax.gradient(u, "xq"), ValueError, "'q' is none of the coordinates"),
        (lambda u, v, w, x: ax.gradient(3.0, "x"), TypeError, "expression must be a tensor or"),
        (lambda u, v, w, x: ax.gradient(u, (1,)), TypeError, "names"),
    ],
)
def test_misuse(residual, error, message):
    with pytest.raises(error, match=f"condition 'here': .*{message}"):
        rows(residual)
