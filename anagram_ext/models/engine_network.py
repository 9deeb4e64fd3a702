"""The multilayer perceptron inside of a torch module, which the native engine computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from anagram_ext.errors import BackendUnavailable
from anagram_ext.models.mlp import MLP
from anagram_ext.pde import operators

if TYPE_CHECKING:
    from anagram_ext.models.flat_module import FlatModule

UNCUT: Final = 50.0  # a softplus that goes over to the identity there is exact in double precision


class EngineNetwork:
    """The network of linear layers that holds all parameters of a module: inside, or the module.

    Args:
        net: the network.
        mlp: the same for the engine; theta [P] has the order of the module's own.
    """

    def __init__(self, net: nn.Sequential, mlp: MLP) -> None:
        self._net, self._mlp = net, mlp
        self._plan = mlp.jets((operators.value(mlp.n_inputs),))
        self._device = next(net.parameters()).device

    @classmethod
    def of(cls, flat: FlatModule) -> EngineNetwork | None:
        """That of a module; None where there is none, or the engine lacks its layers."""
        net = _inmost(flat.module)
        if not isinstance(net, nn.Sequential) or "forward" in net.__dict__:
            return None
        try:
            mlp, _ = MLP.from_torch(net)
        except (TypeError, ValueError, BackendUnavailable):
            return None
        # As many: some of the layers may be frozen.
        same = mlp.n_parameters == flat.n_parameters and not any(map(_is_cut, net))
        return cls(net, mlp) if same else None

    def takes(self, points: object) -> bool:
        """Whether something is points [n, d] that nobody differentiates in."""
        return (
            isinstance(points, Tensor)
            and points.ndim == 2
            and points.shape[1] == self._mlp.n_inputs
            and points.dtype == self._mlp.dtype
            and not points.requires_grad
            and not is_transformed(points)
            and points.device == self._device
        )

    @contextmanager
    def standing_in(self, theta: Tensor) -> Iterator[None]:
        """The engine computes the values of the network at theta [P], outside of autograd."""
        plain: Any = nn.Sequential.forward

        def forward(points: Tensor) -> Tensor:
            if not self.takes(points):
                found: Tensor = plain(self._net, points)
                return found
            return self._plan.jets(theta, points)[0].T  # [n, m]

        self._net.__dict__["forward"] = forward
        try:
            yield
        finally:
            del self._net.__dict__["forward"]

    def rows(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        """Writes rows of J [n * C, P], sample by sample.

        Args:
            theta: the parameters [P].
            points: the samples [n, d].
            seeds: derivatives [n, C, m] of C residuals of each sample in its outputs.
            out: where to.
        """
        n, C, m = seeds.shape
        by_component = seeds.permute(1, 2, 0).reshape(C, 1, m, n).contiguous()
        if C == 1:
            self._plan.jacobian(theta, points, by_component, out)
            return
        rows = torch.empty_like(out)  # [C * n, P]
        self._plan.jacobian(theta, points, by_component, rows)
        out.view(n, C, -1).copy_(rows.view(C, n, -1).transpose(0, 1))

    def pullback(self, theta: Tensor, points: Tensor, weights: Tensor) -> Tensor:
        """The sum of the derivatives [P] of the outputs times weights [n, m]."""
        seeds = weights.T.reshape(1, 1, -1, len(points)).contiguous()
        out = torch.zeros_like(theta)
        self._plan.vjp(theta, points, seeds, theta.new_ones(len(points)), out)
        return out


def _inmost(module: nn.Module) -> nn.Module:
    """The module, or its only part that has parameters, and so on inwards."""
    while not isinstance(module, nn.Sequential):
        parts = [part for part in module.children() if next(part.parameters(), None) is not None]
        own = next(module.parameters(recurse=False), None) is not None
        if own or len(parts) != 1 or type(module).__module__.startswith("torch."):
            break  # a wrapper of torch, such as a compiled module, has ways of its own
        (module,) = parts
    return module


def _is_cut(layer: nn.Module) -> bool:
    """Whether it is a softplus that torch cuts off with an error that shows, 2e-9 by default."""
    return isinstance(layer, nn.Softplus) and layer.threshold < UNCUT


def is_transformed(tensor: Tensor) -> bool:
    """Whether torch.func or forward mode has wrapped it: no memory for the engine to read."""
    wrapped: bool = torch._C._functorch.is_functorch_wrapped_tensor(tensor)
    return wrapped or forward_ad._current_level >= 0
