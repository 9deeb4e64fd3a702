"""Residuals that are tables by a slip of shapes: said where they are, not where they are meant."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import nn
from torch.func import vmap

import anagram_ext as ax
from anagram_ext.systems.torch_system import TorchSystem

N = 12
X = torch.linspace(-1, 1, N, dtype=torch.float64)[:, None]
Y = torch.sin(3 * X[:, 0])
WEIGHTS = torch.linspace(1, 2, N, dtype=torch.float64)
TABLE = torch.outer(Y, WEIGHTS)


class Numbers(nn.Module):
    """N of them, and N places of anchors."""

    def __init__(self):
        super().__init__()
        self.v = nn.Parameter(torch.linspace(0, 1, N, dtype=torch.float64))
        self.register_buffer("anchors", torch.linspace(2, 3, N, dtype=torch.float64))


class Kernels(nn.Module):
    """As many radial functions as samples: a table inside of the module, and a sum over it."""

    def __init__(self):
        super().__init__()
        self.centres = nn.Parameter(torch.linspace(-1, 1, N, dtype=torch.float64))
        self.heights = nn.Parameter(torch.ones(N, dtype=torch.float64))

    def forward(self, x):
        return torch.exp(-((x - self.centres) ** 2)) @ self.heights


def network(outputs=1):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(1, 5), nn.Tanh(), nn.Linear(5, outputs)).double()


SLIPS = {
    "difference": (network, lambda net: net(X) - Y),
    "the other way": (network, lambda net: Y - net(X)),
    "weighted": (network, lambda net: WEIGHTS * (net(X) - Y)),
    "by weights": (network, lambda net: (net(X) - Y[:, None]) / WEIGHTS),
    "flattened": (network, lambda net: (net(X) - Y).flatten() / N),
    "in functions": (network, lambda net: torch.sqrt(1 + torch.sub(net(X), Y).square())),
    "one of several": (network, lambda net: (net(X)[:, 0] - Y, net(X) - Y, net[0].weight)),
    "chosen": (network, lambda net: torch.where(Y > 0, net(X) - Y, 0 * net(X))),
}

MEANT = {
    "columns": (network, lambda net: net(X) - Y[:, None]),
    "vectors": (network, lambda net: net(X)[:, 0] - Y),
    "one sample": (network, lambda net: net(X[:1]) - Y[:1]),
    "a table of data": (Numbers, lambda net: net.v[:, None] * WEIGHTS - TABLE),
    "distances": (Numbers, lambda net: (net.v[:, None] - net.anchors).abs() - TABLE),
    "orthogonal": (Numbers, lambda net: net.v[:, None] * WEIGHTS - torch.eye(N).double()),
    "every pair": (Numbers, lambda net: net.v[:, None] - net.v[None, :]),
    "kernels": (Kernels, lambda net: net(X) - Y),
    "as many outputs as samples": (lambda: nn.Linear(1, N).double(), lambda net: net(X)),
    "square outputs": (lambda: network(N), lambda net: net(X) - Y),
    "vmap": (network, lambda net: vmap(lambda x, y: net(x) - y)(X, Y)),
    "sums": (network, lambda net: (net(X) - Y).sum(dim=1)),
}


@pytest.mark.parametrize("case", SLIPS)
def test_a_slip_is_said_with_its_shapes(case):
    make, residual = SLIPS[case]
    with pytest.warns(ax.BroadcastWarning, match=r"144 numbers.*\[12, 1\] with \[12\]"):
        TorchSystem(residual, make())


@pytest.mark.parametrize("case", MEANT)
def test_what_is_meant_is_left_alone(case):
    make, residual = MEANT[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        TorchSystem(residual, make())


def test_a_fit_says_it_once():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit = ax.least_squares(lambda net: net(X) - Y, network(), steps=3, progress=False)
    assert [w.category for w in caught] == [ax.BroadcastWarning]
    assert len(fit.residual) == N * N


def test_of_a_pde_it_is_an_error():
    points = ax.Interval(x=(0, 1)).grid(N)
    values = torch.sin(points)  # [n, 1]
    problem = ax.Problem(
        ("x",), ("u",), {"data": ax.Condition(lambda u, x: u.d("x") - values, points)}
    )
    model = ax.MLP([1, 4, 1])
    with pytest.raises(ValueError, match=r"must have shape \[12\], got \[12, 12\]: values of sh"):
        ax.jacobian(problem, model, model.init(0))
