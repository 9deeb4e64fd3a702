"""Rows that look at two points each: pairs are points with twice as many channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from torch import Tensor

from anagram_ext.linear.jacobian import new_jacobian
from anagram_ext.pde.coordinates import Coordinates, PairCoordinates
from anagram_ext.pde.paired import Side
from anagram_ext.systems.signature import Signature, takes

if TYPE_CHECKING:
    from anagram_ext.models.protocol import JetMap
    from anagram_ext.pde.derivative import Lookup, Tracker
    from anagram_ext.pde.operators import Operator

# Rows of the second points are made in tiles of about this size and added.
_TILE_BYTES: Final = 1 << 23


@dataclass(frozen=True, eq=False)
class PairSignature:
    """The arguments of a ``Paired`` residual; rows [n, 2 d], channels of one side, then the other.

    Attributes:
        base: that of a plain condition, with m channels.
    """

    base: Signature

    @property
    def n_channels(self) -> int:
        """2 m; the unknown coefficients among the first m are not looked at."""
        return 2 * self.base.n_channels

    @property
    def asked(self) -> set[int]:
        """There is no integral."""
        return set()

    @property
    def hides(self) -> bool:
        """There is no integral."""
        return False

    def model_channel(self, channel: int) -> int | None:
        """The same at either point."""
        return channel % self.base.n_channels

    def placed(self, coordinates: Coordinates) -> Coordinates:
        """Pairs [n, 2 d]."""
        return PairCoordinates(coordinates.names, coordinates.points)

    def jets(self, wanted: Sequence[Operator], uses: Sequence[tuple[int, int]]) -> JetMap:
        """The map from parameters to the wanted derivatives at both points."""
        m = self.base.n_channels
        of_one = sorted({(k, j % m) for k, j in uses})
        return PairJets(self.base.jets(wanted, of_one), len(wanted), m)

    def arguments(
        self,
        residual: Callable[..., Any],
        channels: Sequence[Lookup],
        coordinates: Coordinates,
        tracker: Tracker | None = None,
    ) -> list[Any]:
        """Both sides; to those who take more, coordinates of the first one, and the unknowns."""
        tracked = coordinates if tracker is None else tracker.coordinates
        assert isinstance(coordinates, PairCoordinates)
        assert isinstance(tracked, PairCoordinates)
        m = self.base.n_channels
        sides = []
        for own, at, seen in zip(
            (channels[:m], channels[m:]), coordinates.sides, tracked.sides, strict=True
        ):
            fields = self.base.fields_at(own, at, tracker)
            sides.append(Side(dict(zip(self.base.fields, fields, strict=True)), seen))
        if takes(residual, 2) or not (takes(residual, 3) or takes(residual, 4)):
            return sides
        arguments: list[Any] = [*sides, tracked.sides[0]]
        return arguments + self.base.unknowns_if_taken(residual, 3, channels[m:], coordinates)


class PairJets:
    """The jets of a model at two points as those of twice as many channels at a pair.

    Args:
        jets: of the model, with m channels.
        n_operators: K.
        n_channels: m.
    """

    def __init__(self, jets: JetMap, n_operators: int, n_channels: int) -> None:
        self._jets = jets
        self._n_operators, self._n_channels = n_operators, n_channels

    def jets(self, theta: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [K, 2 m, n] at pairs [n, 2 d]."""
        return self.jets_many(theta[None], points, None if out is None else out[None])[0]

    def jets_many(self, thetas: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [q, K, 2 m, n] of parameter vectors [q, P]."""
        if out is None:
            shape = (len(thetas), self._n_operators, 2 * self._n_channels, len(points))
            out = thetas.new_empty(shape)
        for channels, at in self._sides(points):
            own = thetas.new_zeros((*out.shape[:2], self._n_channels, len(points)))
            out[:, :, channels] = self._jets.jets_many(thetas, at, own)
        return out

    def jacobian(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        """Writes the rows [C * n, P] of J: those of the first points plus those of the second."""
        (first, at), _ = self._sides(points)
        self._jets.jacobian(theta, at, seeds[:, :, first].contiguous(), out)
        self._add_second(theta, points, seeds, out)

    def jacobian_with_jets(
        self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor, jets: Tensor
    ) -> None:
        """The same, and the jets [K, 2 m, n]."""
        self.jets(theta, points, jets)
        self.jacobian(theta, points, seeds, out)

    def vjp(self, theta: Tensor, points: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [P], w [C * n]."""
        for channels, at in self._sides(points):
            self._jets.vjp(theta, at, seeds[:, :, channels].contiguous(), w, out)

    def jvp(self, theta: Tensor, points: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v to ``out`` [C * n], v [P]."""
        products = []
        for channels, at in self._sides(points):
            products.append(out.new_empty(out.shape))
            self._jets.jvp(theta, at, seeds[:, :, channels].contiguous(), v, products[-1])
        out.copy_(products[0] + products[1])

    def _sides(self, points: Tensor) -> list[tuple[slice, Tensor]]:
        """Channels and points [n, d] of either side."""
        first, second = (part.contiguous() for part in points.chunk(2, dim=1))
        m = self._n_channels
        return [(slice(0, m), first), (slice(m, 2 * m), second)]

    def _add_second(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        _, (second, at) = self._sides(points)
        n_components, n = len(seeds), len(points)
        by_component = out.view(n_components, n, -1)  # [C, n, P]
        for part in _tiles(n, n_components * theta.nbytes):
            own = seeds[:, :, second, part].contiguous()
            rows = new_jacobian(n_components * own.shape[-1], theta)
            self._jets.jacobian(theta, at[part], own, rows)
            by_component[:, part] += rows.view(n_components, own.shape[-1], -1)


def _tiles(n: int, bytes_each: int) -> Iterator[slice]:
    length = max(1, _TILE_BYTES // max(1, bytes_each))
    for start in range(0, n, length):
        yield slice(start, min(start + length, n))
