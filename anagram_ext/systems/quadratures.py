"""Where integrands are evaluated: at nodes that all rows share, or at nodes of each row's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.linear.jacobian import new_jacobian
from anagram_ext.pde.coordinates import Coordinates

if TYPE_CHECKING:
    from anagram_ext.geometry.points import Points
    from anagram_ext.models.protocol import JetMap

# Rows of nodes are made in tiles of about this size and summed.
_TILE_BYTES: Final = 1 << 23


@dataclass(frozen=True, eq=False)
class SharedNodes:
    """One quadrature for all rows.

    The derivatives of the jets at the q nodes are computed once, however many the rows.

    Attributes:
        nodes: [q, d].
        weights: [q].
    """

    nodes: Tensor
    weights: Tensor

    @classmethod
    def of(cls, points: Points, like: Tensor) -> SharedNodes:
        """Points with weights, in the dtype and on the device of a tensor."""
        assert points.weights is not None
        nodes = points.as_subclass(Tensor).to(like).contiguous()
        return cls(nodes, points.weights.to(like))

    def opened(self, rows: Tensor, d: int) -> Opened:
        """The nodes of rows [n, d]."""
        n = len(rows)
        nodes = self.nodes.expand(n, *self.nodes.shape)
        return Opened(rows[:, :d], nodes, self.weights.expand(n, -1))

    def jets(self, jet_map: JetMap, thetas: Tensor, opened: Opened) -> Tensor:
        """The jets of the integrand's fields [p, K, m, n * q] of parameter vectors [p, P]."""
        found = jet_map.jets_many(thetas, self.nodes)[..., None, :]  # [p, K, m, 1, q]
        return found.expand(*found.shape[:3], opened.n, -1).flatten(3)

    def add_rows(
        self, jet_map: JetMap, theta: Tensor, opened: Opened, seeds: Tensor, out: Tensor
    ) -> None:
        """Adds rows to ``out`` [C * n, P]: sums over nodes of seeds [C, K, m, n, q] times jets."""
        del opened
        C, K, m, n, q = seeds.shape
        if C * n <= K * m:
            each = seeds.movedim(3, 1).reshape(C * n, 1, K, m, q)
            ones = theta.new_ones(q)
            for row, own in zip(out, each, strict=True):
                jet_map.vjp(theta, self.nodes, own.contiguous(), ones, row)
            return
        by_row = seeds.movedim(3, 1).reshape(C * n, K * m, q)
        for part in _tiles(q, K * m * theta.nbytes):
            factors = by_row[:, :, part].reshape(C * n, -1)  # [C * n, K * m * t]
            out += factors @ self._rows_of_jets(jet_map, theta, self.nodes[part], (K, m))

    def pull(
        self, jet_map: JetMap, theta: Tensor, opened: Opened, seeds: Tensor, out: Tensor
    ) -> None:
        """Adds the sum over rows and nodes of seeds [K, m, n, q] times jets to ``out`` [P]."""
        del opened
        summed = seeds.sum(dim=2)[None].contiguous()  # [1, K, m, q]
        jet_map.vjp(theta, self.nodes, summed, theta.new_ones(len(self.nodes)), out)

    def push(
        self, jet_map: JetMap, theta: Tensor, opened: Opened, seeds: Tensor, v: Tensor
    ) -> Tensor:
        """The rows of seeds [C, K, m, n, q] times v [P], [C, n]."""
        del opened
        K, m, q = seeds.shape[1], seeds.shape[2], len(self.nodes)
        pushed = theta.new_empty(K * m * q)
        jet_map.jvp(theta, self.nodes, _units(theta, (K, m), q), v, pushed)
        return torch.einsum("ckmnq,kmq->cn", seeds, pushed.view(K, m, q))

    def _rows_of_jets(
        self, jet_map: JetMap, theta: Tensor, nodes: Tensor, shape: tuple[int, int]
    ) -> Tensor:
        """The derivatives [K * m * t, P] of all jets at t nodes."""
        rows = new_jacobian(shape[0] * shape[1] * len(nodes), theta)
        jet_map.jacobian(theta, nodes, _units(theta, shape, len(nodes)), rows)
        return rows


class OwnNodes:
    """A quadrature for every row, whose nodes and weights lie behind its point [n, d + q d + q]."""

    @staticmethod
    def opened(rows: Tensor, d: int) -> Opened:
        """The nodes of rows [n, d + q d + q]."""
        n, q = len(rows), (rows.shape[1] - d) // (d + 1)
        nodes = rows[:, d : d + q * d].reshape(n, q, d)
        return Opened(rows[:, :d], nodes, rows[:, d + q * d :].contiguous())

    @staticmethod
    def jets(jet_map: JetMap, thetas: Tensor, opened: Opened) -> Tensor:
        """The jets of the integrand's fields [p, K, m, n * q] of parameter vectors [p, P]."""
        return jet_map.jets_many(thetas, opened.flat)

    @staticmethod
    def add_rows(
        jet_map: JetMap, theta: Tensor, opened: Opened, seeds: Tensor, out: Tensor
    ) -> None:
        """Adds rows to ``out`` [C * n, P]: sums over nodes of seeds [C, K, m, n, q] times jets."""
        C, n, q = len(seeds), opened.n, opened.q
        by_component = out.view(C, n, -1)
        for part in _tiles(n, C * q * theta.nbytes):
            nodes = opened.nodes[part].flatten(0, 1).contiguous()
            rows = new_jacobian(C * len(nodes), theta)
            jet_map.jacobian(theta, nodes, seeds[:, :, :, part].flatten(3).contiguous(), rows)
            by_component[:, part] += rows.view(C, -1, q, len(theta)).sum(dim=2)

    @staticmethod
    def pull(jet_map: JetMap, theta: Tensor, opened: Opened, seeds: Tensor, out: Tensor) -> None:
        """Adds the sum over rows and nodes of seeds [K, m, n, q] times jets to ``out`` [P]."""
        flat = seeds.flatten(2)[None].contiguous()
        jet_map.vjp(theta, opened.flat, flat, theta.new_ones(len(opened.flat)), out)

    @staticmethod
    def push(jet_map: JetMap, theta: Tensor, opened: Opened, seeds: Tensor, v: Tensor) -> Tensor:
        """The rows of seeds [C, K, m, n, q] times v [P], [C, n]."""
        C, n, q = len(seeds), opened.n, opened.q
        pushed = theta.new_empty(C * n * q)
        jet_map.jvp(theta, opened.flat, seeds.flatten(3).contiguous(), v, pushed)
        return pushed.view(C, n, q).sum(dim=2)


class Opened:
    """The q nodes of each of n rows.

    Args:
        points: those that the rows belong to, [n, d], or [n, 0].
        nodes: [n, q, d].
        weights: [n, q].
    """

    def __init__(self, points: Tensor, nodes: Tensor, weights: Tensor) -> None:
        self.points = points.contiguous()
        self.nodes, self.weights = nodes, weights
        self.n, self.q = weights.shape
        self._flat: Tensor | None = None

    @property
    def flat(self) -> Tensor:
        """All nodes, [n * q, d]."""
        if self._flat is None:
            self._flat = self.nodes.flatten(0, 1).contiguous()
        return self._flat

    def coordinates(self, names: tuple[str, ...], with_point: bool) -> Coordinates:
        """The nodes [n * q, d] by name; with the point of each behind it, [n * q, 2 d]."""
        if not with_point:
            return Coordinates(names, self.flat)
        repeated = self.points.repeat_interleave(self.q, dim=0)
        return Coordinates(names, torch.cat([self.flat, repeated], dim=1))


def _units(like: Tensor, shape: tuple[int, int], n: int) -> Tensor:
    """Seeds [K * m, K, m, n] that pick one jet each."""
    K, m = shape
    unit = torch.eye(K * m, dtype=like.dtype, device=like.device)
    return unit.view(K * m, K, m, 1).expand(-1, -1, -1, n).contiguous()


def _tiles(n: int, bytes_each: int) -> Iterator[slice]:
    length = max(1, _TILE_BYTES // max(1, bytes_each))
    for start in range(0, n, length):
        yield slice(start, min(start + length, n))
