"""A plain, slow reference of the engine, with no line of product code: torch.func on torch.nn.

Derivatives in the coordinates are nested forward-mode products, one a differentiation; derivatives
in the parameters are reverse mode on top; points are handled by vmap.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, jvp, vmap

with warnings.catch_warnings():
    # The first forward-mode product makes torch compile its own rules with a deprecated function.
    warnings.simplefilter("ignore", DeprecationWarning)
    jvp(torch.tanh, (torch.zeros(1),), (torch.ones(1),))

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "tanh": nn.Tanh,
    "softplus": lambda: nn.Softplus(threshold=50.0),
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "identity": nn.Identity,
}


class Sine(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)


ACTIVATIONS["sin"] = Sine


class Network:
    """u(theta, x): [P], [d] -> [m], parameters in the order of Sequential(...).parameters()."""

    def __init__(self, widths: Sequence[int], activation: str, dtype: torch.dtype = torch.float64):
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            layers += [nn.Linear(a, b, dtype=dtype), ACTIVATIONS[activation]()]
        self.net = nn.Sequential(*layers[:-1])
        self.shapes = {name: p.shape for name, p in self.net.named_parameters()}

    def __call__(self, theta: Tensor, x: Tensor) -> Tensor:
        parts = torch.split(theta, [shape.numel() for shape in self.shapes.values()])
        parameters = {
            name: part.reshape(shape)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }
        return functional_call(self.net, parameters, (x,))

    def derivative(self, theta: Tensor, x: Tensor, axes: Sequence[int]) -> Tensor:
        """The partial derivative along the axes, one after the other, of all outputs [m]."""

        def differentiated(f: Callable[[Tensor], Tensor], axis: int) -> Callable[[Tensor], Tensor]:
            direction = torch.eye(len(x), dtype=x.dtype)[axis]
            return lambda at: jvp(f, (at,), (direction,))[1]

        f: Callable[[Tensor], Tensor] = lambda at: self(theta, at)
        for axis in axes:
            f = differentiated(f, axis)
        return f(x)


class Outputs:
    """Derivatives of the outputs at one point, by letters: ``at(0, "xx")``."""

    def __init__(self, network: Network, theta: Tensor, x: Tensor, letters: str):
        self.network, self.theta, self.x, self.letters = network, theta, x, letters

    def __call__(self, output: int, name: str) -> Tensor:
        axes = [self.letters.index(letter) for letter in name]
        return self.network.derivative(self.theta, self.x, axes)[output]


Pointwise = Callable[[Outputs, Tensor], "Tensor | tuple[Tensor, ...]"]


def residual_and_jacobian(
    network: Network, theta: Tensor, points: Tensor, letters: str, pointwise: Pointwise
) -> tuple[Tensor, Tensor]:
    """Unscaled residual [C * n] and Jacobian [C * n, P], component after component."""

    def at(parameters: Tensor, x: Tensor) -> Tensor:
        value = pointwise(Outputs(network, parameters, x, letters), x)
        return torch.stack(value) if isinstance(value, tuple) else value[None]

    r = vmap(at, in_dims=(None, 0))(theta, points)  # [n, C]
    J = vmap(jacrev(at), in_dims=(None, 0))(theta, points)  # [n, C, P]
    return r.T.reshape(-1), J.transpose(0, 1).reshape(-1, len(theta))
