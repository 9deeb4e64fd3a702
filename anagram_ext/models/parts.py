"""Jets of several models side by side, each with parameters and channels of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from anagram_ext.models.protocol import JetMap


@dataclass(frozen=True)
class Part:
    """One of the models side by side.

    Attributes:
        jets: its jets.
        parameters: its part of theta [P].
        channels: its part of the m channels.
        operators: which of the K operators it computes.
    """

    jets: JetMap
    parameters: slice
    channels: slice
    operators: Sequence[int]


class PartedJets:
    """The jets of all parts as one ``JetMap``; what nobody uses stays zero.

    Args:
        parts: with parameters and channels that follow each other without gaps.
        n_operators: K.
        n_channels: m.
    """

    def __init__(self, parts: Sequence[Part], n_operators: int, n_channels: int) -> None:
        self._parts = parts
        self._shape = (n_operators, n_channels)

    def jets(self, theta: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [K, m, n] at points [n, d]."""
        if out is None:
            out = theta.new_zeros((*self._shape, len(points)))
        for part in self._used():
            jets = part.jets.jets(theta[part.parameters], points)
            _place(jets, part, out)
        return out

    def jets_many(self, thetas: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [q, K, m, n] of parameter vectors [q, P]."""
        if out is None:
            out = thetas.new_zeros((len(thetas), *self._shape, len(points)))
        for part in self._used():
            own = thetas[:, part.parameters].contiguous()
            _place(part.jets.jets_many(own, points), part, out)
        return out

    def jacobian(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        """Writes the rows [C * n, P] of J into ``out``, each part into its own columns."""
        for part in self._parts:
            columns = out[:, part.parameters]
            if part.operators:
                own = _picked(seeds, part)
                part.jets.jacobian(theta[part.parameters], points, own, columns)
            else:
                columns.zero_()

    def jacobian_with_jets(
        self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor, jets: Tensor
    ) -> None:
        """The same, and the jets [K, m, n] from the same forward sweeps; on the CPU only."""
        for part in self._parts:
            columns = out[:, part.parameters]
            if not part.operators:
                columns.zero_()
                continue
            n_channels = part.channels.stop - part.channels.start
            found = jets.new_empty((len(part.operators), n_channels, jets.shape[-1]))
            own = _picked(seeds, part)
            part.jets.jacobian_with_jets(theta[part.parameters], points, own, columns, found)
            _place(found, part, jets)

    def vjp(self, theta: Tensor, points: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [P], w [C * n]."""
        for part in self._used():
            own = theta[part.parameters]
            part.jets.vjp(own, points, _picked(seeds, part), w, out[part.parameters])

    def jvp(self, theta: Tensor, points: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v to ``out`` [C * n], v [P]."""
        out.zero_()
        for part in self._used():
            product = out.new_empty(out.shape)
            own = theta[part.parameters]
            part.jets.jvp(own, points, _picked(seeds, part), v[part.parameters], product)
            out += product

    def _used(self) -> list[Part]:
        return [part for part in self._parts if part.operators]


def _place(jets: Tensor, part: Part, out: Tensor) -> None:
    """Jets [..., K', m', n] of one part into their place among all, [..., K, m, n]."""
    for k, place in enumerate(part.operators):
        out[..., place, part.channels, :] = jets[..., k, :, :]


def _picked(seeds: Tensor, part: Part) -> Tensor:
    """The seeds [C, K', m', n] of one part."""
    return seeds[:, list(part.operators), part.channels].contiguous()
