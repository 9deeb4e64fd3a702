"""Two conditions that prescribe different values of a field at one place.

A wall of 100 degrees beside a start of 20 is usual, and no smooth function has both: in the corner
no network comes near, and what is missed there spoils the rest. Whether two conditions agree can be
told without training: their residuals are asked for the values they prescribe where their regions
meet.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Final, cast

import torch

from anagram_ext.errors import NonFiniteError
from anagram_ext.pde.coordinates import Coordinates, values_at
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.systems.signature import Signature
from anagram_ext.systems.values import of_values
from anagram_ext.verdicts.validation import extends

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from torch import Tensor

    from anagram_ext.geometry.designs import Bounds
    from anagram_ext.geometry.region import Region
    from anagram_ext.systems.pde_system import PdeSystem

DIFFERENT: Final = 1e-3  # difference of two values, relative to the range of all of the field
MOST_COORDINATES: Final = 4  # 3^d places are looked at in each intersection


def clash(system: PdeSystem) -> str:
    """Which two conditions prescribe different values, where, and which; empty if none do.

    Conditions are looked at whose points belong to a part of a boundary, at the ends and in the
    middle of the intersection of their bounds, where both parts contain that. (What a condition
    asks for throughout a domain may be meant as a prior.) Behind an output map nothing is known of
    the values of fields.
    """
    if len(system.problem.coordinates) > MOST_COORDINATES or system.model.describe().get("outputs"):
        return ""
    regions = {name: region for name in system.blocks if (region := _region(system, name))}
    sizes = _sizes(system, regions)
    for (one, here), (other, there) in itertools.combinations(regions.items(), 2):
        shared = _shared(here, there, system)
        if len(shared) and (found := _difference(system, (one, other), shared, sizes)):
            return found
    return ""


def _region(system: PdeSystem, name: str) -> Region | None:
    """That of a condition which prescribes values of a field at single points of a boundary."""
    block, condition = system.blocks[name], system.problem.conditions[name]
    if extends(condition, system.problem.coordinates):
        return None
    if not isinstance(block, PointwiseBlock) or not block.n_rows or system.holds_data(name):
        return None
    if not isinstance(block.pointwise.signature, Signature):
        return None
    if not any(len(of.slopes) == 1 for of in of_values(block)):
        return None
    region: Region | None = getattr(condition.points, "region", None)
    return region


def _shared(one: Region, other: Region, system: PdeSystem) -> Tensor:
    """Places [n, d] that both regions contain."""
    found = torch.tensor(
        [place for box in _overlaps(one, other) for place in itertools.product(*map(_three, box))],
        dtype=torch.float64,
    ).reshape(-1, len(system.problem.coordinates))
    return found[one.contains(found) & other.contains(found)] if len(found) else found


def _overlaps(one: Region, other: Region) -> Iterator[Bounds]:
    """The intersections of the bounds of their pieces."""
    for these, those in itertools.product(
        *(getattr(r, "pieces", (r.bounds,)) for r in (one, other))
    ):
        both = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in zip(these, those, strict=True))
        if all(lower <= upper for lower, upper in both):
            yield both


def _three(interval: tuple[float, float]) -> tuple[float, ...]:
    lower, upper = interval
    return (lower, 0.5 * (lower + upper), upper)


def _sizes(system: PdeSystem, names: Iterable[str]) -> dict[int, float]:
    """For each field the difference of its values that is none of rounding."""
    rounding = math.sqrt(torch.finfo(system.model.dtype).eps)
    found: dict[int, list[Tensor]] = {}
    for name in names:
        for field, values in _values(system, cast("PointwiseBlock", system.blocks[name])).items():
            found.setdefault(field, []).append(values)
    sizes = {}
    for field, several in found.items():
        values = torch.cat(several)
        extent, largest = values.amax() - values.amin(), values.abs().amax()
        sizes[field] = float(torch.maximum(DIFFERENT * extent, rounding * largest))
    return sizes


def _difference(
    system: PdeSystem, pair: tuple[str, str], shared: Tensor, sizes: Mapping[int, float]
) -> str:
    """Where two conditions ask for different values of one field, in words; empty if nowhere."""
    one, other = pair
    names = system.problem.coordinates
    at = Coordinates(
        names, shared.to(cast("PointwiseBlock", system.blocks[one]).coordinates.points)
    )
    try:
        asked, beside = (_values(system, system.block_at(name, at)) for name in pair)
    except (NonFiniteError, RuntimeError, ValueError, TypeError, IndexError, ArithmeticError):
        return ""  # one of them cannot be asked at other points
    for field in asked.keys() & beside.keys():
        apart = (asked[field] - beside[field]).abs()
        worst = int(apart.argmax())
        if apart[worst] > sizes[field]:  # nan: not known
            place = ", ".join(
                f"{name} = {value:.3g}" for name, value in values_at(at, worst).items()
            )
            return (
                f"{one!r} asks for {system.problem.fields[field]} = {asked[field][worst]:.6g} and "
                f"{other!r} for {beside[field][worst]:.6g} at {place}"
            )
    return ""


def _values(system: PdeSystem, block: PointwiseBlock) -> dict[int, Tensor]:
    """The values [n] of each field, by number, that a condition prescribes at its points."""
    scales = getattr(system.model, "scales", None)  # of its own units
    found = {}
    for of in of_values(block):
        if len(of.slopes) == 1:
            ((field, slopes),) = of.slopes.items()
            if field < len(system.problem.fields):  # else an unknown coefficient
                centre, half = (0.0, 1.0) if scales is None else scales.fields[field]
                inside = (-of.constant / slopes).to("cpu", torch.float64)
                found[field] = centre + half * inside + 0.0  # no -0
    return found
