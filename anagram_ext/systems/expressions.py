"""The expressions that a residual differentiates by ``ax.d``, and what it takes for derivatives.

A derivative of an expression is the chain rule over what autograd sees of it. A coefficient that
went through NumPy, ``detach()`` or a table of values by point has none there: it would be taken for
a constant, and another equation would be solved as well as the right one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.pde.coordinates import PairCoordinates
from anagram_ext.pde.derivative import Tracker
from anagram_ext.systems.signature import first_guesses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.derivative import Lookup
    from anagram_ext.pde.operators import Operator
    from anagram_ext.systems.jet_residual import PointwiseResidual

_MOST_POINTS: Final = 200  # at which derivatives are compared
# Of the extent of the points, and how far a quotient may be off relative to its size: central
# quotients are off by step^2 or rounding / step, 1e-8 and 1e-12 or 1e-4 and 1e-5.
_STEP: Final = {torch.float64: 1e-4, torch.float32: 1e-2}
_SAME: Final = {torch.float64: 1e-4, torch.float32: 1e-2}
_SETTLED: Final = 0.01  # change of a quotient by half the step, of what it is off by
_SHARE: Final = 0.1  # of the points that have to say so: a coefficient may be hidden in one layer


@dataclass(frozen=True)
class Differentiated:
    """An expression at n points, and what its residual took for its derivative.

    Attributes:
        axis: the coordinate.
        values: the expression [n].
        slopes: the derivative [n].
    """

    axis: int
    values: Tensor
    slopes: Tensor


class _Recording(Tracker):
    """Remembers every expression and its derivative."""

    def __init__(self, coordinates: Coordinates, shape: Sequence[int]) -> None:
        super().__init__(coordinates, shape)
        self.found: list[Differentiated] = []

    def _along(self, values: Tensor, axis: int) -> Tensor:
        slopes = super()._along(values, axis)
        self.found.append(Differentiated(axis, values.detach().clone(), slopes.detach().clone()))
        return slopes


def expressions_at(
    pointwise: PointwiseResidual, coordinates: Coordinates, channels: Sequence[Lookup]
) -> list[Differentiated]:
    """What a residual differentiates at n points, in order, for channels given by their lookups."""
    tracker = _Recording(coordinates, (len(coordinates.points),))
    with tracker.active():
        pointwise.residual(
            *pointwise.signature.arguments(pointwise.residual, channels, coordinates, tracker)
        )
    return tracker.found


def check_expressions(found: PointwiseResidual, coordinates: Coordinates, holds_data: bool) -> None:
    """Compares the derivatives of expressions with difference quotients, for waves as fields.

    Only where the difference quotients have settled, which they do not across a jump, and a little
    aside of the points, which may lie on the kinks of a coefficient.

    Raises:
        ValueError: they are others at a good part of the points, or an expression holds values by
            point.
    """
    if not len(coordinates.points):
        return
    if holds_data:
        _check_no_data(found, coordinates)
    else:
        coordinates = coordinates.taken(torch.arange(min(len(coordinates.points), _MOST_POINTS)))
    waves = _Waves(found, coordinates)
    at = coordinates.moved(_aside(coordinates, waves.extent))
    here = waves.expressions(at)
    for axis in sorted({one.axis for one in here}):
        if _is_off(waves, at, here, axis):
            raise ValueError(
                f"condition {found.condition!r}: ax.d must see all that its expression depends on, "
                f"got one whose difference quotients along {coordinates.names[axis]!r} differ from "
                "its derivative: what goes through NumPy, detach() or item() is a constant to it; "
                "write it in torch"
            )


def _aside(coordinates: Coordinates, extent: Tensor) -> Tensor:
    """Moves [n, d] by some steps, other ones for each point, towards the middle of all points."""
    points = coordinates.points[:, : len(extent)]
    middle = (points.amin(dim=0) + points.amax(dim=0)) / 2
    rng = torch.Generator().manual_seed(3)
    steps = 3 + 4 * torch.rand(points.shape, generator=rng, dtype=points.dtype).to(points.device)
    inwards = torch.where(points <= middle, 1.0, -1.0)
    return _STEP[points.dtype] * extent * steps * inwards


def _check_no_data(found: PointwiseResidual, coordinates: Coordinates) -> None:
    """Raises if an expression has values of its own for each point."""
    waves = _Waves(found, coordinates)
    order = torch.arange(len(coordinates.points)).roll(1)
    here, there = (waves.expressions(at) for at in (coordinates, coordinates.taken(order)))
    for one, other in zip(here, there, strict=True):
        same = torch.isclose(one.values[order], other.values, rtol=1e-5, atol=0.0, equal_nan=True)
        if not bool(same.all()):
            raise ValueError(
                f"condition {found.condition!r}: ax.d must be given an expression of coordinates "
                "and fields, got one with values of its own for each point, whose derivative is "
                "not known: make a function of the coordinates of them"
            )


def _is_off(
    waves: _Waves, coordinates: Coordinates, here: Sequence[Differentiated], axis: int
) -> bool:
    """Whether the derivative of some expression is none at a good part of the points."""
    dtype = coordinates.points.dtype
    wide, narrow = (waves.quotients(coordinates, axis, _STEP[dtype] * h) for h in (1.0, 0.5))
    if not len(wide) == len(narrow) == len(here):
        return False  # another branch of the residual
    for one, a, b in zip(here, wide, narrow, strict=True):
        if one.axis != axis:
            continue
        off = (b - one.slopes).abs()
        settled = (a - b).abs() <= _SETTLED * off
        wrong = settled & (off > _SAME[dtype] * (b.abs() + one.slopes.abs()))
        known = off.isfinite() & (a.isfinite())
        if int(wrong.sum()) > _SHARE * int(known.sum()):
            return True
    return False


class _Waves:
    """Fields of which everything is known: ``1.5 + sin(w x + b)``, other ones for each channel.

    Attributes:
        extent: that of the points [d], 1 along what they do not extend along.
    """

    def __init__(self, found: PointwiseResidual, coordinates: Coordinates) -> None:
        self._found = found
        rng = torch.Generator().manual_seed(2)
        m, d = found.signature.n_channels, len(coordinates.names)
        points = coordinates.points[:, :d]
        extent = points.amax(dim=0) - points.amin(dim=0)
        self.extent = torch.where(extent > 0, extent, torch.ones_like(extent))
        self._w = (1 + 2 * torch.rand((m, d), generator=rng)).to(points) / self.extent
        self._b = torch.rand(m, generator=rng).to(points)
        self._constants = first_guesses(found.signature)

    def expressions(self, coordinates: Coordinates) -> list[Differentiated]:
        """What the residual differentiates there."""
        channels = [
            self._lookup(j, self._points_of(j, coordinates)) for j in range(len(self._constants))
        ]
        return expressions_at(self._found, coordinates, channels)

    def quotients(self, coordinates: Coordinates, axis: int, step: float) -> list[Tensor]:
        """Difference quotients [n] of all expressions, over so much of the extent to both sides."""
        by = torch.zeros_like(self.extent)
        by[axis] = step * self.extent[axis]
        ahead, behind = (self.expressions(coordinates.moved(sign * by)) for sign in (1, -1))
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
