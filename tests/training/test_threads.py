"""The pure functions from many threads at once: each call gets what it would get alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

import anagram_ext as ax

SQUARE = ax.Box(t=(0, 1), x=(0, 1))
MODEL = ax.MLP([2, 32, 32, 1])
PROBLEM = ax.Problem(
    ("t", "x"),
    ("u",),
    {
        "equation": ax.Condition(lambda u, x: u.d("t") - u.d("xx") + u**3, SQUARE.grid(30)),
        "walls": ax.Condition(lambda u, x: u, SQUARE.faces().grid(20)),
    },
)
THETAS = [MODEL.init(seed) for seed in range(4)]


@pytest.fixture(autouse=True)
def _one_thread_of_torch():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def in_eight_threads(function):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(function, [THETAS[i % len(THETAS)] for i in range(200)]))


def test_jacobian():
    expected = [ax.jacobian(PROBLEM, MODEL, theta) for theta in THETAS]

    def same(theta):
        r, J = ax.jacobian(PROBLEM, MODEL, theta)
        expected_r, expected_J = next(
            e for e, known in zip(expected, THETAS, strict=True) if known is theta
        )
        return torch.equal(r, expected_r) and torch.equal(J, expected_J)

    assert in_eight_threads(same) == [True] * 200


def test_step():
    expected = [ax.step(PROBLEM, MODEL, theta, cutoff=1e-2) for theta in THETAS]

    def same(theta):
        found = ax.step(PROBLEM, MODEL, theta, cutoff=1e-2)
        known = next(e for e, t in zip(expected, THETAS, strict=True) if t is theta)
        # BLAS may sum in another order when its buffers lie elsewhere: rounding errors, no more.
        distance = float(torch.linalg.norm(found.theta - known.theta))
        return distance < 1e-12 and found.loss == pytest.approx(known.loss, rel=1e-12)

    assert in_eight_threads(same) == [True] * 200


def test_another_call_needs_no_new_dry_run():
    calls = []

    def counted(u, x):
        calls.append(1)
        return u.d("x") - x.x

    problem = ax.Problem(("t", "x"), ("u",), {"a": ax.Condition(counted, SQUARE.grid(5))})
    ax.jacobian(problem, MODEL, THETAS[0])
    first = len(calls)
    ax.jacobian(problem, MODEL, THETAS[1])
    assert len(calls) - first == 1  # the residual alone


def test_a_call_that_fails_leaves_nothing_behind():
    fence = [1.0]
    problem = ax.Problem(
        ("t", "x"), ("u",), {"a": ax.Condition(lambda u, x: u + fence[0], SQUARE.grid(5))}
    )
    expected, _ = ax.jacobian(problem, MODEL, THETAS[0])
    fence[0] = float("nan")
    with pytest.raises(ax.NonFiniteError):
        ax.jacobian(problem, MODEL, THETAS[0])
    fence[0] = 1.0
    assert torch.equal(ax.jacobian(problem, MODEL, THETAS[0])[0], expected)
