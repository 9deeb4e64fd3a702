"""Every model satisfies the protocol, against torch.func."""

from __future__ import annotations

import pytest
import torch
from torch.func import functional_call, jacrev, vmap

import anagram_ext as ax
from anagram_ext.pde import operators
from conformance import check_jet_map

NAMES = ("t", "x")


@pytest.mark.parametrize("activation", ["tanh", "sin", "softplus", "gelu", "silu"])
def test_mlp(activation):
    model = ax.MLP([2, 6, 5, 2], activation)
    theta = model.init(0)
    net = model.to_torch(theta)
    shapes = {name: parameter.shape for name, parameter in net.named_parameters()}

    def outputs(theta, point):
        parts = theta.split([shape.numel() for shape in shapes.values()])
        parameters = {
            name: part.view(shape)
            for (name, shape), part in zip(shapes.items(), parts, strict=True)
        }
        return functional_call(net, parameters, (point,))

    def jets(theta, point):
        u = lambda p: outputs(theta, p)
        second = jacrev(jacrev(u))(point)  # [m, d, d]
        return torch.stack([u(point), jacrev(u)(point)[:, 1], second[:, 0, 1], second[:, 1, 1]])

    points = torch.rand((7, 2), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    wanted = tuple(operators.derivative((name,), NAMES) for name in ("", "x", "tx", "xx"))
    check_jet_map(
        model,
        theta,
        points,
        wanted,
        lambda theta: vmap(lambda p: jets(theta, p), out_dims=-1)(points),
    )
