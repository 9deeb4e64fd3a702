"""Fields at points: the jets of a model's networks, and what its maps make of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from anagram_ext.models.protocol import JetMap
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.derivative import Lookup
    from anagram_ext.pde.operators import Operator

Fields = Callable[[Sequence["Lookup"], "Coordinates"], Sequence["Lookup"]]
Jets = Callable[[Sequence["Operator"], Sequence[tuple[int, int]]], "JetMap"]


def evaluated(
    wanted: Sequence[Operator],
    theta: Tensor,
    at: Coordinates,
    *,
    fields: Fields,
    jets: Jets,
    n_outputs: int,
) -> list[Tensor]:
    """The operators applied to all fields, each [n, number of fields].

    A dry run finds out which operators of the networks' outputs the fields are made of, and no
    others are computed.

    Args:
        wanted: the operators.
        theta: parameters [P].
        at: the points.
        fields: makes the lookups of the fields from those of the networks' outputs.
        jets: makes the jets of operators with the (operator, output) that are used.
        n_outputs: of the networks.
    """
    read = _read(wanted, at, fields, n_outputs)
    distinct = tuple(dict.fromkeys(operator for _, operator in read))
    uses = [(distinct.index(operator), j) for j, operator in read]
    found = jets(distinct, uses).jets(theta.detach(), at.points)  # [K, m, n]

    def channel(j: int) -> Lookup:
        return lambda operator: found[distinct.index(operator), j]

    lookups = fields([channel(j) for j in range(n_outputs)], at)
    return [
        torch.stack([lookup(operator).detach() for lookup in lookups], dim=1) for operator in wanted
    ]


def _read(
    wanted: Sequence[Operator], at: Coordinates, fields: Fields, n_outputs: int
) -> list[tuple[int, Operator]]:
    """The operators of the networks' outputs that the fields are made of, in order."""
    zeros = torch.zeros_like(at.points[:, 0])
    read: dict[tuple[int, Operator], Tensor] = {}

    def reading(j: int) -> Lookup:
        # The same zeros again: what the output map makes of them is thrown away.
        return lambda operator: read.setdefault((j, operator), zeros)

    for lookup in fields([reading(j) for j in range(n_outputs)], at):
        for operator in wanted:
            lookup(operator)
    return list(read)
