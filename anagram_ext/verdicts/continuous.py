"""What has to be continuous for a residual to say anything of the points between.

What is differentiated: the expressions of ``ax.d``, and the derivatives of fields below those that
the residual uses, where a map of the user or a torch module may have kinks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from anagram_ext.models.evaluation import evaluated
from anagram_ext.pde import operators
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.operators import Operator
from anagram_ext.systems.expressions import expressions_at

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.derivative import Lookup
    from anagram_ext.systems.jet_residual import PointwiseResidual
    from anagram_ext.systems.pointwise import PointwiseBlock

Function = Callable[[Coordinates], "tuple[Tensor, Tensor]"]  # values and slopes, each [F, n]


def continuous_functions(
    model: Model, block: PointwiseBlock, theta: Tensor, axis: int
) -> tuple[str, Function] | None:
    """What has to be continuous along a coordinate, and its name in words; None if it is.

    Where a residual differentiates expressions these have to be; fields below them may have kinks
    that make up for those of a coefficient.
    """
    found = block.pointwise
    if found.differentiates:
        return "what ax.d differentiates", _expressions(found, theta, axis)
    if is_smooth(model):
        return None
    below = _below(found, block, theta, axis)
    if not below:
        return None
    return "a field or derivative that it differentiates", _operated(model, theta, axis, below)


def is_smooth(model: Model) -> bool:
    """Whether the fields have derivatives of all orders, whatever the parameters."""
    described = model.describe()
    if "activation" in described:  # a network alone
        return True
    maps = described.get("outputs"), described.get("inputs") == "a function"
    return "networks" in described and not any(maps)


def values_of_fields(model: Model, theta: Tensor, axis: int) -> Function:
    """The fields and their derivatives along a coordinate."""
    return _operated(model, theta, axis, None)


def _operated(
    model: Model, theta: Tensor, axis: int, wanted: Sequence[tuple[int, Operator]] | None
) -> Function:
    """Operators of fields, by number of the field, and their derivatives; all values if None."""
    n_constants = sum(len(unknown.starts) for unknown in model.unknowns.values())

    def function(at: Coordinates) -> tuple[Tensor, Tensor]:
        each = list(dict.fromkeys(op for _, op in wanted or [(0, operators.value(len(at.names)))]))
        further = [operators.differentiated(op, axis) for op in each]
        found = evaluated(
            [*each, *further],
            theta,
            at,
            fields=model.fields,
            jets=model.jets,
            n_outputs=model.n_channels - n_constants,
        )  # each [n, fields]
        values = torch.stack(found[: len(each)])  # [K, n, fields]
        slopes = torch.stack(found[len(each) :])
        if wanted is None:
            return values[0].T, slopes[0].T
        rows = [(each.index(op), j) for j, op in wanted]
        return (
            torch.stack([values[k, :, j] for k, j in rows]),
            torch.stack([slopes[k, :, j] for k, j in rows]),
        )

    return function


def _expressions(found: PointwiseResidual, theta: Tensor, axis: int) -> Function:
    """What the residual differentiates along the coordinate."""

    def function(at: Coordinates) -> tuple[Tensor, Tensor]:
        recorded = expressions_at(found, at, _lookups(found, theta, at))
        along = [one for one in recorded if one.axis == axis]
        if not along:
            return theta.new_zeros((0, len(at.points))), theta.new_zeros((0, len(at.points)))
        return (
            torch.stack([one.values for one in along]),
            torch.stack([one.slopes for one in along]),
        )

    return function


def _lookups(found: PointwiseResidual, theta: Tensor, at: Coordinates) -> list[Lookup]:
    """The channels at n points."""
    jets = found.signature.jets(found.operators, found.uses).jets(theta, at.points)  # [K, m, n]

    def lookup(j: int) -> Lookup:
        return lambda operator: jets[found.operators.index(operator), j]

    return [lookup(j) for j in range(found.signature.n_channels)]


def _below(
    found: PointwiseResidual, block: PointwiseBlock, theta: Tensor, axis: int
) -> list[tuple[int, Operator]]:
    """The derivatives of fields that have to be continuous for those that the residual uses."""
    watched = _Watched(found.signature.model)  # type: ignore[attr-defined] # of points: it has one
    signature = replace(found.signature, model=watched)  # type: ignore[type-var]
    at = block.coordinates
    with torch.no_grad():
        found.residual(*signature.arguments(found.residual, _lookups(found, theta, at), at))
    below = [
        (j, Operator(((tuple(k - (i == axis) for i, k in enumerate(index)), 1.0),)))
        for j, operator in watched.asked
        for index, _ in operator.terms
        if index[axis]
    ]
    return list(dict.fromkeys(below))


class _Watched:
    """A model that remembers which derivatives of its fields are asked for."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.asked: list[tuple[int, Operator]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def fields(self, channels: Sequence[Lookup], coordinates: Coordinates) -> list[Lookup]:
        """Those of the model."""

        def remembering(j: int, lookup: Lookup) -> Lookup:
            def remembered(operator: Operator) -> Tensor:
                self.asked.append((j, operator))
                return lookup(operator)

            return remembered

        lookups = self._model.fields(channels, coordinates)
        return [remembering(j, lookup) for j, lookup in enumerate(lookups)]
