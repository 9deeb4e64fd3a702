"""Residuals that ask for values of fields alone, such as those at a wall, and what they ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anagram_ext.systems.jet_residual import JetResidual
from anagram_ext.systems.paired import PairSignature
from anagram_ext.systems.signature import Signature

if TYPE_CHECKING:
    from anagram_ext.systems.pointwise import PointwiseBlock


@dataclass(frozen=True)
class OfValues:
    """A residual that asks for values of fields alone, without derivatives.

    Attributes:
        constant: the residual where all fields are zero, [n].
        slopes: its derivative in the value of each field there, by number, [n] each.
    """

    constant: Tensor
    slopes: dict[int, Tensor]


def of_values(block: PointwiseBlock) -> list[OfValues]:
    """The residuals of a condition that ask for values of fields alone, each at one place."""
    pointwise = block.pointwise
    if not isinstance(pointwise.signature, (Signature, PairSignature)):
        return []
    jets = JetResidual(pointwise, block.coordinates)  # all jets zero
    n = len(block.coordinates.points)
    seeds = torch.zeros((pointwise.n_components, *jets.jets.shape)).to(jets.jets)
    places = [jets.places(own) for own in seeds]
    residuals = jets.derivatives(torch.ones(n).to(seeds), places)
    found = []
    for residual, slopes in zip(residuals, seeds, strict=True):
        used = [(int(k), int(j)) for k, j in (slopes.abs().amax(dim=-1) > 0).nonzero()]  # of [K, m]
        fields = [pointwise.signature.model_channel(j) for _, j in used]
        plain = all(pointwise.operators[k].order == 0 for k, _ in used)
        if plain and len(set(fields)) == len(used):
            by_field = {
                field: slopes[k, j]
                for field, (k, j) in zip(fields, used, strict=True)
                if field is not None
            }
            found.append(OfValues(residual, by_field))
    return found
