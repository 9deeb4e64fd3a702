"""Named slices of a vector, as places [k] that tensors can be indexed with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from anagram_ext.checks import check_kind

if TYPE_CHECKING:
    from torch import Tensor


def checked_slices(argument: str, slices: Mapping[str, slice], length: int) -> dict[str, Tensor]:
    """The places that each slice of a vector of this length means.

    Raises:
        TypeError: ``slices`` is no mapping to slices.
        ValueError: one is empty.
    """
    check_kind(argument, slices, Mapping, "a mapping from names to slices")
    places = {}
    for name, part in slices.items():
        check_kind(f"{argument}: {name!r}", part, slice, "a slice")
        inside = torch.arange(length)[part]
        if not len(inside):
            raise ValueError(f"{argument}: {name!r} must be a part of 0..{length - 1}, got {part}")
        places[name] = inside
    return places


def check_apart(argument: str, places: Mapping[str, Tensor]) -> None:
    """Raises ValueError if a place belongs to two of them."""
    everything = joined(places)
    if len(set(everything.tolist())) != len(everything):
        raise ValueError(f"{argument} must not overlap, got {tuple(places)}")


def joined(places: Mapping[str, Tensor]) -> Tensor:
    """All places, one group behind another; none of no groups."""
    return torch.cat([torch.empty(0, dtype=torch.int64), *places.values()])


def places_of(groups: Mapping[str, Tensor]) -> dict[str, slice]:
    """Where each group lies when all of them stand one behind another."""
    ends = torch.tensor([len(rows) for rows in groups.values()]).cumsum(0).tolist()
    return {
        name: slice(end - len(rows), end)
        for (name, rows), end in zip(groups.items(), ends, strict=True)
    }
