"""Rows of J where every residual depends on one sample of the module's input.

``net(inputs) - targets`` is of this kind: row (i, c) of J is a derivative of the output for sample
i. One small sweep for each sample, all of them at once under vmap, replaces a sweep through all
samples for each row: O(n) instead of O(n^2). Where the module is a multilayer perceptron that the
native engine knows, the engine does it in a fraction of the time.

Whether a residual is of this kind is guessed from one call, in which the outputs of the module are
cut off from the parameters, and checked at every linearisation: ``J^T w`` for a random w must be
what autograd says, which knows nothing of samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor
from torch.func import vjp, vmap

from anagram_ext.models.engine_network import is_transformed
from anagram_ext.systems.module_residual import as_tensors
from anagram_ext.systems.module_rows import Tile, agree, parts_of

if TYPE_CHECKING:
    from torch import nn

    from anagram_ext.models.engine_network import EngineNetwork
    from anagram_ext.systems.module_residual import ModuleResidual, Point

TILE_BYTES: Final = {"cpu": 1 << 25, "cuda": 1 << 28}  # of J, computed at once


@dataclass(frozen=True)
class Call:
    """One call of the module.

    Attributes:
        inputs: what it was given, tensors [n, ...].
        output: what it gave, a leaf [n, ...].
    """

    inputs: tuple[Tensor, ...]
    output: Tensor


class SampleRows:
    """The parts of a residual that are functions of one sample at a time.

    Args:
        residual: the residual.
        probe: random numbers [S], to check with.

    Attributes:
        parts: which of its tensors they are, and of which call of the module; empty when the guess
            has turned out to be wrong, or the module does not work under vmap.
    """

    def __init__(self, residual: ModuleResidual, probe: Tensor) -> None:
        self._residual = residual
        self._flat = residual.flat
        self._probe = probe
        self._engine = residual.engine  # a guess: the module may do more than to call it
        theta = self._flat.theta().requires_grad_()
        calls, tensors = self._recorded(theta)
        self.parts: dict[int, int] = {}
        for k, tensor in enumerate(tensors):
            call = _its_call(tensor, theta, calls)
            if call is not None and _per_sample(tensor, calls[call]) <= self._flat.n_parameters:
                self.parts[k] = call

    def tiles(self, point: Point, most_rows: int) -> list[Tile]:
        """The rows of these parts, in tiles of at most ``most_rows`` where a sample has no more."""
        theta = point.theta.detach()
        most_rows = min(most_rows, TILE_BYTES[theta.device.type] // theta.nbytes)
        tiles: list[Tile] = []
        for rows, call, seeds in self._seeded(point.theta):
            n, C = seeds.shape[:2]
            for some in parts_of(slice(0, n), most_rows // max(C, 1)):
                place = slice(rows.start + some.start * C, rows.start + some.stop * C)
                tiles.append(self._tile(place, theta, call, seeds, some))
        return tiles

    def are_right(self, point: Point) -> bool:
        """Whether the samples and autograd agree in J^T w, w zero elsewhere than in these rows."""
        theta = point.theta.detach()
        for rows, call, seeds in self._seeded(point.theta):
            w = torch.zeros_like(self._probe)
            w[rows] = self._probe[rows]
            weights = torch.einsum("nc,nc...->n...", w[rows].view(seeds.shape[:2]), seeds)
            try:
                self._tile(slice(0, seeds.shape[1]), theta, call, seeds, slice(0, 1)).make()
                found = self._pulled(theta, call, weights)
            except torch.cuda.OutOfMemoryError:
                raise
            except Exception:  # no vmap, or a module that refuses one sample, whatever it raises
                return False
            if not agree(found, point.pullback(w)):
                return False
        return True

    def refuse(self) -> None:
        """They do not: the engine goes first, which was a guess of its own, then all parts."""
        if self._engine is None:
            self.parts = {}
        self._engine = None

    def _seeded(self, theta: Tensor) -> list[tuple[slice, Call, Tensor]]:
        """For each part its rows, its call of the module, and the seeds [n, C, ...]."""
        if not self.parts:
            return []
        calls, tensors = self._recorded(theta)
        return [
            (self._residual.slices[k], calls[number], _seeds(tensors[k], calls[number].output))
            for k, number in self.parts.items()
        ]

    def _pulled(self, theta: Tensor, call: Call, weights: Tensor) -> Tensor:
        """The sum of the derivatives [P] of the outputs times weights [n, ...]."""
        engine = self._engine_for(call)
        if engine is not None:
            return engine.pullback(theta, call.inputs[0], weights)
        outputs, pull = vjp(lambda t: self._outputs(t, *call.inputs), theta)[:2]
        found: Tensor = pull(weights.view_as(outputs))[0]
        return found

    def _engine_for(self, call: Call) -> EngineNetwork | None:
        """The engine, where it takes the inputs of a call."""
        engine = self._engine
        fits = engine is not None and len(call.inputs) == 1 and engine.takes(call.inputs[0])
        return engine if fits else None

    def _outputs(self, theta: Tensor, *inputs: Tensor) -> Tensor:
        """The outputs [n, ...] of the module for samples that do not know of each other."""

        def single(*sample: Tensor) -> Tensor:
            alone = [tensor[None] for tensor in sample]
            output: Tensor = self._flat.call(theta, lambda module: module(*alone)[0])
            return output

        outputs: Tensor = vmap(single)(*inputs)
        return outputs

    def _tile(self, place: slice, theta: Tensor, call: Call, seeds: Tensor, some: slice) -> Tile:
        """The rows of some samples."""
        engine = self._engine_for(call)
        if engine is not None:
            return _engine_tile(engine, place, theta, call.inputs[0][some], seeds[some])
        inputs = tuple(tensor[some] for tensor in call.inputs)

        def rows_of(seeds: Tensor, *sample: Tensor) -> Tensor:
            """The rows [C, P] of one sample."""
            alone = [tensor[None] for tensor in sample]
            pull = vjp(lambda t: self._flat.call(t, lambda module: module(*alone)[0]), theta)[1]
            rows: Tensor = vmap(lambda seed: pull(seed)[0])(seeds)
            return rows

        return Tile(place, lambda: vmap(rows_of)(seeds[some], *inputs).reshape(-1, len(theta)))

    def _recorded(self, theta: Tensor) -> tuple[list[Call], list[Tensor]]:
        """The calls of the module in one call of the residual, and its tensors."""
        calls: list[Call] = []

        def cut(_: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any], output: Any) -> Any:
            if not _is_of_samples(inputs, options, output):
                return output
            leaf = output.detach().requires_grad_()
            calls.append(Call(tuple(tensor.detach() for tensor in inputs), leaf))
            return leaf

        hook = self._flat.module.register_forward_hook(cut, with_kwargs=True)
        try:
            return calls, as_tensors(self._residual.parts(theta))
        finally:
            hook.remove()


def _engine_tile(
    engine: EngineNetwork, place: slice, theta: Tensor, points: Tensor, seeds: Tensor
) -> Tile:
    """The same by the engine."""

    def write(out: Tensor) -> None:
        engine.rows(theta, points, seeds, out)

    def make() -> Tensor:
        out = theta.new_empty((place.stop - place.start, len(theta)))
        write(out)
        return out

    return Tile(place, make, write)


def _is_of_samples(inputs: tuple[Any, ...], options: dict[str, Any], output: Any) -> bool:
    tensors = (*inputs, output)
    if options or not inputs or not all(isinstance(tensor, Tensor) for tensor in tensors):
        return False
    # An input that asks for gradients is differentiated in: its output must stay whole.
    if any(tensor.requires_grad or is_transformed(tensor) for tensor in inputs):
        return False
    if not output.is_floating_point():
        return False
    return all(tensor.ndim > 0 for tensor in tensors) and len({len(t) for t in tensors}) == 1


def _its_call(tensor: Tensor, theta: Tensor, calls: list[Call]) -> int | None:
    """The only call that a tensor depends on; None where there are several, or other ways."""
    if not tensor.requires_grad or not tensor.numel():
        return None
    leaves = [theta, *(call.output for call in calls)]
    slopes: Sequence[Tensor | None] = torch.autograd.grad(
        tensor.sum(), leaves, retain_graph=True, allow_unused=True
    )
    used = [i for i, slope in enumerate(slopes) if slope is not None]
    if len(used) != 1 or used[0] == 0:
        return None
    call = used[0] - 1
    fits = tensor.ndim > 0 and len(tensor) == len(calls[call].output)
    return call if fits else None


def _per_sample(tensor: Tensor, call: Call) -> int:
    """Rows of a sample."""
    return tensor.numel() // len(call.output)


def _seeds(tensor: Tensor, output: Tensor) -> Tensor:
    """Derivatives [n, C, ...] of the C residuals of each sample in its output [n, ...]."""
    columns = tensor.reshape(len(output), -1)
    seeds = [
        torch.autograd.grad(column.sum(), output, retain_graph=True)[0]
        for column in columns.unbind(1)
    ]
    return torch.stack(seeds, dim=1)
