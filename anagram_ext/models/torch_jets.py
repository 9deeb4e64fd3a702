"""Derivatives of any torch module in its inputs, and of those in its parameters, by torch.func."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor
from torch.func import jvp, vjp, vmap

from anagram_ext.errors import SlowWarning

if TYPE_CHECKING:
    from anagram_ext.models.flat_module import FlatModule
    from anagram_ext.pde.operators import Operator

Word = tuple[int, ...]  # the axes of a partial derivative, sorted: (0, 1, 1) is d^3 / dx0 dx1 dx1
Function = Callable[[Tensor], Tensor]

ROWS_BYTES: Final = {"cpu": 1 << 25, "cuda": 1 << 28}  # of J, computed at once


class TorchJets:
    """A ``JetMap``: K operators applied to the outputs of a module, by nested forward mode.

    The module maps each point by itself, so that one forward product differentiates it at all
    points at once. Far slower than the engine: order k takes 2^k evaluations in plain torch.

    Args:
        flat: a module from points [n, d] to values [n, m].
        wanted: the operators.
    """

    def __init__(self, flat: FlatModule, wanted: Sequence[Operator]) -> None:
        self._flat = flat
        self._sums = [
            [(_word(index), factor) for index, factor in operator.terms] for operator in wanted
        ]
        self._words = tuple(dict.fromkeys(word for terms in self._sums for word, _ in terms))
        self._vmap_works = True
        load_forward_mode()

    def jets(self, theta: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [K, m, n] at points [n, d]."""
        found = self._jets(theta.detach(), points).detach()
        return found if out is None else out.copy_(found)

    def jets_many(self, thetas: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [q, K, m, n] of parameter vectors [q, P]."""
        found = torch.stack([self.jets(theta, points) for theta in thetas])
        return found if out is None else out.copy_(found)

    def jacobian(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        """Writes the rows [C * n, P] of J into ``out``: point by point, many at once."""
        rows = out.view(len(seeds), len(points), -1).transpose(0, 1)  # [n, C, P]
        by_point = seeds.permute(3, 0, 1, 2)  # [n, C, K, m]
        at_once = max(1, ROWS_BYTES[theta.device.type] // (len(seeds) * theta.nbytes))
        for start in range(0, len(points), at_once):
            some = slice(start, start + at_once)
            rows[some] = self._rows(theta.detach(), points[some], by_point[some])

    def jacobian_with_jets(
        self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor, jets: Tensor
    ) -> None:
        """The same, and the jets [K, m, n]."""
        self.jets(theta, points, jets)
        self.jacobian(theta, points, seeds, out)

    def vjp(self, theta: Tensor, points: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [P], w [C * n]."""
        weights = torch.einsum("ckmn,cn->kmn", seeds, w.view(len(seeds), -1))
        pull = vjp(lambda t: self._jets(t, points), theta.detach())[1]
        out += pull(weights)[0]

    def jvp(self, theta: Tensor, points: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v to ``out`` [C * n], v [P]."""
        slopes = jvp(lambda t: self._jets(t, points), (theta.detach(),), (v,))[1]  # [K, m, n]
        out.copy_(torch.einsum("ckmn,kmn->cn", seeds, slopes).reshape(-1))

    def _jets(self, theta: Tensor, points: Tensor) -> Tensor:
        """The jets [K, m, n], differentiable in theta."""

        def values(at: Tensor) -> Tensor:
            found: Tensor = self._flat.call(theta, lambda module: module(at))
            return found  # [n, m]

        found = derivatives(values, points, self._words)
        sums = [
            torch.stack([factor * found[word] for word, factor in terms]).sum(dim=0)
            for terms in self._sums
        ]
        return torch.stack(sums).transpose(1, 2)

    def _rows(self, theta: Tensor, points: Tensor, seeds: Tensor) -> Tensor:
        """The rows [n, C, P] of some points, seeds [n, C, K, m]."""

        def rows_at(point: Tensor, seeds: Tensor) -> Tensor:
            pull = vjp(lambda t: self._jets(t, point[None])[..., 0], theta)[1]
            rows: Tensor = vmap(lambda seed: pull(seed)[0])(seeds)
            return rows

        if self._vmap_works:
            try:
                found: Tensor = vmap(rows_at)(points, seeds)
                return found
            except torch.cuda.OutOfMemoryError:
                raise
            except RuntimeError as error:
                refused = str(error).splitlines()[0]
        one_by_one = [self._rows_at(theta, *pair) for pair in zip(points, seeds, strict=True)]
        if self._vmap_works:
            self._vmap_works = False
            warnings.warn(
                f"J is computed point by point: the module does not work under vmap ({refused})",
                SlowWarning,
                stacklevel=2,
            )
        return torch.stack(one_by_one)

    def _rows_at(self, theta: Tensor, point: Tensor, seeds: Tensor) -> Tensor:
        """The rows [C, P] of one point, without vmap."""
        pull = vjp(lambda t: self._jets(t, point[None])[..., 0], theta)[1]
        return torch.stack([pull(seed)[0] for seed in seeds])


def derivatives(f: Function, points: Tensor, words: Sequence[Word]) -> dict[Word, Tensor]:
    """Partial derivatives [n, m] of f at points [n, d], f mapping each point by itself.

    Words that begin with the same axis share its forward product, whose primal part gives those
    that are left when this axis is taken off.
    """
    found: dict[Word, Tensor] = {}
    for axis in sorted({word[0] for word in words if word}):
        rests = [word[1:] for word in words if word and word[0] == axis]

        def along(at: Tensor, rests: Sequence[Word] = rests) -> tuple[Tensor, ...]:
            inner = derivatives(f, at, rests)
            return tuple(inner[rest] for rest in rests)

        direction = torch.zeros_like(points)
        direction[:, axis] = 1.0
        primals, slopes = jvp(along, (points,), (direction,))[:2]
        for rest, primal, slope in zip(rests, primals, slopes, strict=True):
            word = (axis, *rest)
            found[word] = slope
            found.setdefault(rest, primal)
    if () in words and () not in found:
        found[()] = f(points)
    return found


@cache
def load_forward_mode() -> None:
    """The first forward-mode product makes torch compile rules with a deprecated function."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        jvp(torch.tanh, (torch.zeros(1),), (torch.ones(1),))


def _word(index: Sequence[int]) -> Word:
    return tuple(axis for axis, count in enumerate(index) for _ in range(count))
