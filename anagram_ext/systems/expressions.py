"""The expressions that a residual differentiates by ``ax.d``, and what it takes for derivatives.

A derivative of an expression is the chain rule over what autograd sees of it. A coefficient that
went through NumPy, ``detach()`` or a table of values by point has none there: it would be taken for
a constant, and another equation would be solved as well as the right one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.pde.coordinates import PairCoordinates
from anagram_ext.pde.derivative import Tracker
from anagram_ext.systems.waves import Differentiated, Waves

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.derivative import Lookup
    from anagram_ext.systems.jet_residual import PointwiseResidual

_MOST_POINTS: Final = 200  # at which derivatives are compared


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

    Raises:
        ValueError: they are others at a good part of the points, or an expression holds values by
            point.
    """
    if not len(coordinates.points):
        return
    if holds_data:
        _check_no_data(found, coordinates)
    else:
        coordinates = _some(coordinates)
    waves = Waves(found.signature, coordinates)
    axis = waves.axis_off(lambda at: expressions_at(found, at, waves.at(at)), coordinates)
    if axis is not None:
        raise ValueError(
            f"condition {found.condition!r}: ax.d must see all that its expression depends on, "
            f"got one whose difference quotients along {coordinates.names[axis]!r} differ from "
            "its derivative: what goes through NumPy, detach() or item() is a constant to it; "
            "write it in torch"
        )


def check_outputs(found: PointwiseResidual, coordinates: Coordinates) -> None:
    """Compares the derivatives of fields that an output map makes with difference quotients.

    Raises:
        ValueError: they are others at a good part of the points.
    """
    signature = found.signature.base
    asked = any(sum(index) for operator in found.operators for index, _ in operator.terms)
    if not len(coordinates.points) or not asked or not signature.model.describe().get("outputs"):
        return
    at = coordinates.sides[0] if isinstance(coordinates, PairCoordinates) else coordinates
    at = _some(at)
    waves = Waves(signature, at)

    def derivatives(at: Coordinates) -> list[Differentiated]:
        return [
            Differentiated(axis, field.value.detach(), field.d(name).detach())
            for field in signature.fields_at(waves.at(at), at)
            for axis, name in enumerate(at.names)
        ]

    try:
        axis = waves.axis_off(derivatives, at)
    except ValueError:  # a map of fourth derivatives, whose own are never asked for
        return
    if axis is not None:
        raise ValueError(
            f"condition {found.condition!r}: outputs must be written in torch, got a map whose "
            f"difference quotients along {at.names[axis]!r} differ from its derivative: what goes "
            "through NumPy, detach() or item() is a constant to it"
        )


def _some(coordinates: Coordinates) -> Coordinates:
    return coordinates.taken(torch.arange(min(len(coordinates.points), _MOST_POINTS)))


def _check_no_data(found: PointwiseResidual, coordinates: Coordinates) -> None:
    """Raises if an expression has values of its own for each point."""
    waves = Waves(found.signature, coordinates)
    order = torch.arange(len(coordinates.points)).roll(1)
    here, there = (
        expressions_at(found, at, waves.at(at)) for at in (coordinates, coordinates.taken(order))
    )
    for one, other in zip(here, there, strict=True):
        same = torch.isclose(one.values[order], other.values, rtol=1e-5, atol=0.0, equal_nan=True)
        if not bool(same.all()):
            raise ValueError(
                f"condition {found.condition!r}: ax.d must be given an expression of coordinates "
                "and fields, got one with values of its own for each point, whose derivative is "
                "not known: make a function of the coordinates of them"
            )
