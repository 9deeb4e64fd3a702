"""The network as a torch.nn.Sequential, and back."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Sin(nn.Module):
    """The sine as a torch module, which torch.nn lacks."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise sine."""
        return torch.sin(x)


_MODULES: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "sin": Sin,
    "softplus": nn.Softplus,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "identity": nn.Identity,
}

ACTIVATIONS = tuple(_MODULES)


def to_sequential(widths: Sequence[int], activation: str, theta: Tensor) -> nn.Sequential:
    """``Sequential(Linear, activation, Linear, ...)`` with a copy of the parameters theta [P]."""
    layers: list[nn.Module] = []
    for fan_in, fan_out in itertools.pairwise(widths):
        layer = nn.Linear(fan_in, fan_out, dtype=theta.dtype, device=theta.device)
        layers += [layer, _activation_module(activation)]
    net = nn.Sequential(*layers[:-1])
    nn.utils.vector_to_parameters(theta.detach().clone(), net.parameters())
    return net


def from_sequential(net: nn.Sequential) -> tuple[list[int], str, Tensor]:
    """Widths, activation and parameters [P] (a copy) of ``Sequential(Linear, activation, ...)``.

    Raises:
        TypeError: if the module is no such sequence, or mixes dtypes or devices.
        ValueError: for an activation that the engine lacks, or several different ones.
    """
    if getattr(type(net), "forward", None) is not nn.Sequential.forward:
        raise TypeError(f"net must be a torch.nn.Sequential, got {type(net).__name__}")
    layers = list(net)
    linears = [layer for layer in layers[0::2] if type(layer) is nn.Linear]
    if len(layers) % 2 == 0 or len(linears) != len(layers[0::2]):
        raise TypeError(
            "net must alternate Linear and activation, Linear at both ends and no subclass of it, "
            f"got {net}"
        )
    if len({id(layer) for layer in linears}) != len(linears):
        raise TypeError(f"net must not use one Linear twice, got {net}")
    if any(module._forward_hooks or module._forward_pre_hooks for module in net.modules()):
        raise TypeError(
            f"net must have no forward hooks, which its parameters do not show, got {net}"
        )
    if any(layer.bias is None for layer in linears):
        raise TypeError(f"net: every Linear needs a bias, got {net}")
    names = {_activation_name(module) for module in layers[1::2]} or {"identity"}
    if len(names) != 1:
        raise ValueError(f"net must have one activation throughout, got {sorted(names)}")
    if any(a.out_features != b.in_features for a, b in itertools.pairwise(linears)):
        raise ValueError(f"net: each Linear must take what the one before gives, got {net}")
    if len({(parameter.dtype, parameter.device) for parameter in net.parameters()}) != 1:
        raise TypeError("net must have one dtype and one device throughout")
    widths = [linears[0].in_features] + [layer.out_features for layer in linears]
    theta = torch.cat([parameter.detach().reshape(-1) for parameter in net.parameters()])
    return widths, names.pop(), theta


def _activation_module(name: str) -> nn.Module:
    if name == "softplus":
        # torch switches to the identity above a threshold, with an error of exp(-threshold): 2e-9
        # at its default of 20, nothing in double precision at 50.
        return nn.Softplus(threshold=50.0)
    return _MODULES[name]()


def _activation_name(module: nn.Module) -> str:
    names = {kind: name for name, kind in _MODULES.items()}
    if type(module) not in names:
        raise ValueError(f"net: activation {module} is none of {ACTIVATIONS}")
    if isinstance(module, nn.GELU) and module.approximate != "none":
        raise ValueError(f"net: only the exact GELU is supported, got {module}")
    if isinstance(module, nn.Softplus) and module.beta != 1.0:
        raise ValueError(f"net: only softplus with beta=1 is supported, got {module}")
    return names[type(module)]
