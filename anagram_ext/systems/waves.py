"""Fields of which everything is known, to compare derivatives with difference quotients.

What went through NumPy, ``detach()`` or a table is a constant to autograd; the quotients know
better. They count where they have settled, which they do not across a jump, and are taken a little
aside of the points, which may lie on the kinks of a coefficient.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.pde.coordinates import PairCoordinates
from anagram_ext.systems.signature import first_guesses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.derivative import Lookup
    from anagram_ext.pde.operators import Operator
    from anagram_ext.systems.signature import AnySignature

# Of the extent of the points, and how far a quotient may be off relative to its size: central
# quotients are off by step^2 or rounding / step, 1e-8 and 1e-12 or 1e-4 and 1e-5.
_STEP: Final = {torch.float64: 1e-4, torch.float32: 1e-2}
_SAME: Final = {torch.float64: 1e-4, torch.float32: 1e-2}
_SETTLED: Final = 0.01  # change of a quotient by half the step, of what it is off by
_SHARE: Final = 0.1  # of the points that have to say so: a coefficient may be hidden in one layer


@dataclass(frozen=True)
class Differentiated:
    """An expression at n points, and what was taken for its derivative.

    Attributes:
        axis: the coordinate.
        values: the expression [n].
        slopes: the derivative [n].
    """

    axis: int
    values: Tensor
    slopes: Tensor


class Waves:
    """Channels ``1.5 + sin(w x + b)``, each with its own w and b; unknowns have their first guess.

    Args:
        signature: whose channels they are.
        coordinates: the n points that they extend over.
    """

    def __init__(self, signature: AnySignature, coordinates: Coordinates) -> None:
        rng = torch.Generator().manual_seed(2)
        m, d = signature.n_channels, len(coordinates.names)
        points = coordinates.points[:, :d]
        extent = points.amax(dim=0) - points.amin(dim=0)
        self._extent = torch.where(extent > 0, extent, torch.ones_like(extent))  # [d]
        self._middle = (points.amin(dim=0) + points.amax(dim=0)) / 2
        self._w = (1 + 2 * torch.rand((m, d), generator=rng)).to(points) / self._extent
        self._b = torch.rand(m, generator=rng).to(points)
        self._constants = first_guesses(signature)

    def at(self, coordinates: Coordinates) -> list[Lookup]:
        """The lookups of all channels at some points."""
        return [
            self._lookup(j, self._points_of(j, coordinates)) for j in range(len(self._constants))
        ]

    def axis_off(
        self, differentiated: Callable[[Coordinates], list[Differentiated]], at: Coordinates
    ) -> int | None:
        """An axis along which derivatives are none at a good part of the points; None if all are.

        Args:
            differentiated: what is differentiated at points, in order, and its derivatives.
            at: the points.
        """
        at = at.moved(self._aside(at))
        here = differentiated(at)
        for axis in sorted({one.axis for one in here}):
            wide, narrow = (self._quotients(differentiated, at, axis, h) for h in (1.0, 0.5))
            if not len(wide) == len(narrow) == len(here):
                continue  # another branch of the residual
            along = [k for k, one in enumerate(here) if one.axis == axis]
            if any(_is_off(here[k].slopes, wide[k], narrow[k]) for k in along):
                return axis
        return None

    def _aside(self, at: Coordinates) -> Tensor:
        """Moves [n, d] by some steps, other ones for each point, towards the middle of all."""
        points = at.points[:, : len(self._extent)]
        rng = torch.Generator().manual_seed(3)
        steps = 3 + 4 * torch.rand(points.shape, generator=rng, dtype=points.dtype)
        inwards = torch.where(points <= self._middle, 1.0, -1.0)
        return _STEP[points.dtype] * self._extent * steps.to(points.device) * inwards

    def _quotients(
        self,
        differentiated: Callable[[Coordinates], list[Differentiated]],
        at: Coordinates,
        axis: int,
        steps: float,
    ) -> Sequence[Tensor]:
        """Central quotients [n] of all that is differentiated."""
        by = torch.zeros_like(self._extent)
        by[axis] = steps * _STEP[by.dtype] * self._extent[axis]
        ahead, behind = (differentiated(at.moved(sign * by)) for sign in (1, -1))
        if len(ahead) != len(behind):
            return []
        return [(a.values - b.values) / (2 * by[axis]) for a, b in zip(ahead, behind, strict=True)]

    def _points_of(self, channel: int, coordinates: Coordinates) -> Tensor:
        """Where a channel is looked at [n, d]: the second half of a pair's at its second point."""
        if isinstance(coordinates, PairCoordinates):
            side = coordinates.sides[2 * channel // len(self._constants)]
            return side.points
        return coordinates.points[:, : len(coordinates.names)]

    def _lookup(self, channel: int, points: Tensor) -> Lookup:
        constant = self._constants[channel]
        phase = points @ self._w[channel] + self._b[channel]

        def lookup(operator: Operator) -> Tensor:
            if constant is not None:
                return points.new_full((len(points),), constant)
            total = torch.zeros_like(phase)
            for index, coefficient in operator.terms:
                order = sum(index)
                factor = coefficient * math.prod(
                    float(w) ** k for w, k in zip(self._w[channel], index, strict=True)
                )
                total += factor * torch.sin(phase + order * math.pi / 2) + 1.5 * (order == 0)
            return total

        return lookup


def _is_off(slopes: Tensor, wide: Tensor, narrow: Tensor) -> bool:
    """Whether slopes [n] differ from quotients at a good part of the points."""
    off = (narrow - slopes).abs()
    settled = (wide - narrow).abs() <= _SETTLED * off
    wrong = settled & (off > _SAME[slopes.dtype] * (narrow.abs() + slopes.abs()))
    known = off.isfinite() & wide.isfinite()
    return int(wrong.sum()) > _SHARE * int(known.sum())
