"""The native engine as seen from Python: one plan for a network shape and a set of operators."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import torch

from anagram_ext.checks import device_name
from anagram_ext.errors import BackendUnavailable
from anagram_ext.native.cuda import cuda_module
from anagram_ext.native.loading import core

if TYPE_CHECKING:
    from torch import Tensor


class Operator(Protocol):
    """What a plan needs to know of a differential operator."""

    @property
    def terms(self) -> tuple[tuple[tuple[int, ...], float], ...]:
        """Pairs (multi-index of d differentiation counts, coefficient)."""


def require_device(device: str) -> None:
    """Raises unless the engine can run there.

    Raises:
        BackendUnavailable: for a GPU, when it or something that it needs is missing.
        ValueError: for a device that is neither the CPU nor a GPU.
    """
    native_module(device)


def native_module(device: str) -> Any:
    """The compiled module whose classes compute on ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Both modules have the same classes; the methods of the CUDA ones take a stream as their last
    argument, see ``stream_of``, and with it the GPU. For ``"cpu"`` no library of CUDA is
    touched.

    Raises:
        BackendUnavailable: for a GPU, when it or something that it needs is missing.
        ValueError: for a device that is neither the CPU nor a GPU.
    """
    name = device_name(device)
    kind, _, index = name.partition(":")
    if kind == "cpu":
        return core
    module = cuda_module(name)
    count, _ = module.device_count()
    if int(index or 0) >= count:
        raise BackendUnavailable(f"device must be one of the GPUs 0 to {count - 1}, got {name!r}")
    return module


class Plan:
    """Jets and Jacobian rows of an MLP for K operators applied to each of its m outputs.

    All tensors are contiguous, of one dtype and on one device. Rows are component-major: of C
    residual components at n points, row c * n + i belongs to component c at point i. Seeds
    [C, K, m, n] are the derivatives of each component with respect to the jets [K, m, n].

    A mapped plan is that of a network whose first layer reads features of the coordinates, f =
    ``widths[0]`` of them. In the place of points [n, d] its methods take the jets of the features
    [n, slots, f]: every one of ``slots`` applied to every feature. That costs a product in the
    first layer which a plan for points does without, because coordinates have constant derivatives.

    Args:
        widths: inputs, hidden widths, outputs.
        activation: as in ``MLP``.
        wanted: the K operators.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
        mapped: whether the first layer reads features. The number d of coordinates is then that
            of the operators.

    Raises:
        ValueError: for widths, activation or operators that the engine cannot use.
        BackendUnavailable: for a GPU that cannot be used.
    """

    def __init__(
        self,
        widths: Sequence[int],
        activation: str,
        wanted: Sequence[Operator],
        device: str = "cpu",
        mapped: bool = False,
    ) -> None:
        self.n_operators = len(wanted)
        self.n_outputs = widths[-1]
        self._native = native_module(device).Plan(
            list(widths),
            activation,
            [[(list(index), c) for index, c in operator.terms] for operator in wanted],
            mapped,
        )

    @staticmethod
    @lru_cache(maxsize=256)
    def cached(
        widths: tuple[int, ...],
        activation: str,
        wanted: tuple[Operator, ...],
        device: str,
        mapped: bool = False,
    ) -> Plan:
        """The plan for these arguments, made once."""
        return Plan(widths, activation, wanted, device, mapped)

    @property
    def slots(self) -> tuple[tuple[tuple[tuple[int, ...], float], ...], ...]:
        """The operators that sweeps carry through the layers, the wanted ones among them.

        Each is a sum of pairs (multi-index of d differentiation counts, coefficient); the first is
        the value.
        """
        return tuple(
            tuple((tuple(index), coefficient) for index, coefficient in terms)
            for terms in self._native.slots
        )

    def jets(self, theta: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The operators applied to the network, [K, m, n], at points [n, d]."""
        if out is None:
            out = theta.new_empty((self.n_operators, self.n_outputs, len(points)))
        if len(points):
            self._native.jets(_plain(theta), _plain(points), out, *stream_of(theta.device))
        return out

    def jets_many(self, thetas: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [q, K, m, n] of several parameter vectors [q, P]."""
        if out is None:
            out = thetas.new_empty((len(thetas), self.n_operators, self.n_outputs, len(points)))
        if out.numel():
            self._native.jets_many(_plain(thetas), _plain(points), out, *stream_of(thetas.device))
        return out

    def jacobian(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        """Writes the rows [C * n, P] of the seeded Jacobian into ``out``."""
        if len(points):
            self._native.jacobian(
                _plain(theta), _plain(points), seeds, out, *stream_of(theta.device)
            )

    def jacobian_with_jets(
        self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor, jets: Tensor
    ) -> None:
        """The same, with the jets [K, m, n] from the same forward sweep; on the CPU only."""
        if len(points):
            self._native.jacobian(_plain(theta), _plain(points), seeds, out, jets)

    def vjp(self, theta: Tensor, points: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [P] without storing J; w [C * n]."""
        if len(points):
            self._native.vjp(_plain(theta), _plain(points), seeds, w, out, *stream_of(theta.device))

    def jvp(self, theta: Tensor, points: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v to ``out`` [C * n] without storing J; v [P]."""
        if len(points):
            self._native.jvp(_plain(theta), _plain(points), seeds, v, out, *stream_of(theta.device))


def stream_of(device: torch.device) -> tuple[int, ...]:
    """What native calls take as last argument: on a GPU torch's stream, elsewhere nothing.

    The work then goes behind torch's own, and nobody has to wait.
    """
    if device.type == "cuda":
        return (torch.cuda.current_stream(device).cuda_stream,)
    return ()


def _plain(tensor: Tensor) -> Tensor:
    # The native side reads memory and knows nothing of autograd, strides or lazy signs.
    return tensor.detach().resolve_neg().contiguous()
