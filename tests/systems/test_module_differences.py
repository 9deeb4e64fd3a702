"""Residuals of modules that hide derivatives from autograd, and many that only look like it."""

from __future__ import annotations

import warnings
from contextlib import suppress

import numpy as np
import pytest
import torch
from torch import nn

import anagram_ext as ax

DTYPES = [torch.float64, torch.float32]
X = torch.rand(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
X[:8] = 0  # where ReLU has its kink as long as biases are zero


def network(dtype, activation=nn.Tanh, width=20):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(2, width), activation(), nn.Linear(width, 2)).to(dtype)
    nn.init.zeros_(net[0].bias)
    return net


def fit(residual, module):
    return ax.least_squares(residual, module, steps=1, progress=False)


def slope(net, x, **options):
    """The derivative of the first output by the inputs [n, 2]."""
    x = x.clone().requires_grad_()
    return torch.autograd.grad(net(x)[:, 0].sum(), x, **options)[0]


HIDING = {
    "detach": lambda net, x: net(x)[:, 0] - 2 * net(x)[:, 1].detach(),
    "a lagging factor": lambda net, x: net(x)[:, 0] * (1 + net(x)[:, 0].detach()) - 1,
    "NumPy": lambda net, x: (
        net(x)[:, 0] + torch.from_numpy(np.sin(net(x)[:, 0].detach().numpy())) - 1
    ),
    "a list": lambda net, x: net(x) - torch.tensor((0.5 * net(x)).tolist()).to(x),
    "a single number": lambda net, x: net(x)[:1, 0] * 1.0 - net(x)[:1, 1].data,
    "a derivative without its graph": lambda net, x: net(x) + slope(net, x),
    "parameters": lambda net, x: net(x) - sum(float(p.detach().norm()) for p in net.parameters()),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", HIDING)
def test_hiding(name, dtype):
    x = X.to(dtype)
    with pytest.warns(ax.DerivativeWarning, match="residual: the derivatives that") as caught:
        fit(lambda net: HIDING[name](net, x), network(dtype))
    assert [w.filename for w in caught if w.category is ax.DerivativeWarning] == [__file__]


def test_the_tensor_is_named():
    with pytest.warns(ax.DerivativeWarning, match="^tensor 1 of residual: ") as caught:
        fit(lambda net: (net(X), net(X) - 2 * net(X).detach(), 0.1 * net(X)), network(X.dtype))
    assert len([w for w in caught if w.category is ax.DerivativeWarning]) == 1


# Kinks, sorting, rounding errors, constants: autograd is right about all of them.
OPEN = {
    "plain": lambda net, x: net(x) - 1,
    "constants": lambda net, x: net(x) - x.detach().sin(),
    "kinks": lambda net, x: net(x).abs() - torch.relu(net(x)).clamp(max=0.3),
    "sorted": lambda net, x: torch.sort(net(x)[:, 0]).values - net(x).amax(dim=1),
    "the largest": lambda net, x: net(x).amax(dim=0),
    "a derivative": lambda net, x: net(x) + slope(net, x, create_graph=True),
    "of no number": lambda net, x: torch.sqrt(net(x) + 0.2),
    "steep": lambda net, x: torch.tanh(1e4 * net(x)),
    "tiny": lambda net, x: 1e-12 * net(x),
    "a jump": lambda net, x: torch.where(net(x) > 0, 1.0, 2.0) * net(x),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU, nn.Hardtanh])
def test_open(activation, dtype):
    x = X.to(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ax.DerivativeWarning)
        for residual in OPEN.values():
            with suppress(ax.NonFiniteError):  # raised behind the look
                fit(lambda net, r=residual: r(net, x), network(dtype, activation))


class Once(torch.autograd.Function):
    """A square that can be differentiated once."""

    @staticmethod
    def forward(ctx, u):
        ctx.save_for_backward(u)
        return u * u

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope):
        (u,) = ctx.saved_tensors
        return 2 * u * slope


def test_what_cannot_be_differentiated_twice_is_fitted_all_the_same():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ax.DerivativeWarning)
        assert fit(lambda net: Once.apply(net(X)) - 1, network(X.dtype)).steps == 1
