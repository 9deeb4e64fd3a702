"""A torch module whose trainable parameters are one vector theta [P]."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from anagram_ext.checks import DTYPES, check_kind, device_name

if TYPE_CHECKING:
    from anagram_ext.models.protocol import Layout

T = TypeVar("T")


class FlatModule:
    """A ``torch.nn.Module`` as a function of theta [P]; only ``write`` changes its parameters.

    theta holds the parameters that ask for gradients, row-major, in the order of
    ``module.named_parameters()``: tied weights once, frozen parameters and buffers not at all. The
    latter are read where they are at every call.

    Attributes:
        module: the module.
        layout: which part of theta belongs to which parameter, by its name.
        shapes: the shape of each parameter.
        n_parameters: P.
        dtype: of theta, ``torch.float64`` or ``torch.float32``.
        device: where theta is: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Raises:
        TypeError: ``module`` is no module, is a scripted one, or its parameters have another dtype.
        ValueError: no parameter is trainable, or they have several dtypes or devices, or no shape
            yet.
    """

    def __init__(self, module: nn.Module) -> None:
        check_kind("module", module, nn.Module, "a torch.nn.Module")
        if isinstance(module, torch.jit.ScriptModule):
            raise TypeError(f"module must not be scripted, got {type(module).__name__}")
        named = {name: p for name, p in module.named_parameters() if p.requires_grad}
        _check_parameters(module, named)
        self.module = module
        self.shapes = {name: parameter.shape for name, parameter in named.items()}
        self.layout: Layout = _layout(self.shapes)
        self._sizes = [shape.numel() for shape in self.shapes.values()]
        self._places = _places(module, named)
        self.n_parameters = sum(self._sizes)
        first = next(iter(named.values()))
        self.dtype = first.dtype
        self.device = device_name(first.device)

    def theta(self) -> Tensor:
        """The parameters of now [P], a copy."""
        named = dict(self.module.named_parameters())
        return torch.cat([named[name].detach().reshape(-1) for name in self.shapes])

    def write(self, theta: Tensor) -> None:
        """Sets the parameters of the module."""
        named = dict(self.module.named_parameters())
        with torch.no_grad():
            for name, value in self.split(theta).items():
                named[name].copy_(value)

    def split(self, theta: Tensor) -> dict[str, Tensor]:
        """The parameters by name, views of theta [P]."""
        # One split, not one slice a parameter: its derivative is one concatenation.
        parts = torch.split(theta, self._sizes)
        return {
            name: part.view(shape)
            for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def call(self, theta: Tensor, function: Callable[[nn.Module], T]) -> T:
        """``function(module)`` while theta stands for the parameters; differentiable in theta.

        One thread at a time: for the length of the call the module itself is changed.
        """
        values = self.split(theta)
        with _any_derivative(), self._standing_in(values):
            return function(self.module)

    @contextmanager
    def _standing_in(self, values: dict[str, Tensor]) -> Iterator[None]:
        """Tensors in the places of the parameters.

        What ``torch.func.functional_call`` does, without looking for the places each time: that
        takes longer than to evaluate a small network.
        """
        places = [(part._parameters, own) for every in self._places.values() for part, own in every]
        kept = [parameters[own] for parameters, own in places]
        try:
            for name, value in values.items():
                for part, own in self._places[name]:
                    part._parameters[own] = cast("nn.Parameter", value)
            yield
        finally:
            for (parameters, own), parameter in zip(places, kept, strict=True):
                parameters[own] = parameter

    def first_call(self, theta: Tensor, function: Callable[[nn.Module], T]) -> T:
        """The same, making sure that buffers stay what they are.

        Raises:
            ValueError: a buffer changes; it is set back.
        """
        before = {name: buffer.clone() for name, buffer in self.module.named_buffers()}
        result = self.call(theta, function)
        now = dict(self.module.named_buffers())
        changed = [name for name in before if not torch.equal(now[name], before[name])]
        with torch.no_grad():
            for name in changed:
                now[name].copy_(before[name])
        if changed:
            raise ValueError(
                f"buffers of module must stay what they are, got a change of {changed[0]!r} in a "
                "call (batch normalisation in training mode? Call module.eval() first)"
            )
        return result


@contextmanager
def differentiating() -> Iterator[None]:
    """Derivatives work, whatever the caller has switched off."""
    with torch.inference_mode(False), torch.enable_grad():
        yield


def _any_derivative() -> AbstractContextManager[None]:
    """Attention in plain operations: the fused kernels lack derivatives that are needed here."""
    return cast("AbstractContextManager[None]", sdpa_kernel(SDPBackend.MATH))


def _places(
    module: nn.Module, named: dict[str, nn.Parameter]
) -> dict[str, list[tuple[nn.Module, str]]]:
    """Which modules hold each parameter, and by which name: several where it is tied."""
    names = {id(parameter): name for name, parameter in named.items()}
    found: dict[str, list[tuple[nn.Module, str]]] = {name: [] for name in named}
    for part in module.modules():
        for own, parameter in part._parameters.items():
            if id(parameter) in names:
                found[names[id(parameter)]].append((part, own))
    return found


def _layout(shapes: dict[str, torch.Size]) -> Layout:
    places: dict[str, slice] = {}
    end = 0
    for name, shape in shapes.items():
        places[name] = slice(end, end + shape.numel())
        end += shape.numel()
    return places


def _check_parameters(module: nn.Module, named: dict[str, nn.Parameter]) -> None:
    if not named:
        raise ValueError(
            f"module must have a parameter that requires grad, got {type(module).__name__}"
        )
    for name, parameter in named.items():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise ValueError(f"module must have been called once: {name!r} has no shape yet")
        if parameter.dtype not in DTYPES:
            raise TypeError(
                f"parameters of module must be float64 or float32, got {parameter.dtype} in "
                f"{name!r}"
            )
    dtypes = {parameter.dtype for parameter in named.values()}
    devices = {parameter.device for parameter in named.values()}
    if len(dtypes) > 1:
        raise ValueError(f"parameters of module must have one dtype, got {_listed(dtypes)}")
    if not any(parameter.numel() for parameter in named.values()):
        raise ValueError(
            f"module must have a parameter with at least one number, got none in {_listed(named)}"
        )
    if len(devices) > 1:
        raise ValueError(f"parameters of module must be on one device, got {_listed(devices)}")


def _listed(values: Collection[object]) -> str:
    return " and ".join(sorted(map(str, values)))
