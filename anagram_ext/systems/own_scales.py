"""The units that a problem's own points, values and equations suggest.

Whatever is within a factor of a few of one is left alone: only units such as metres for molecules,
dollars or seconds for nanoseconds are changed.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final, cast

import torch
from torch import Tensor

from anagram_ext.models.mlp import MLP
from anagram_ext.models.model import Model
from anagram_ext.models.scales import Scales
from anagram_ext.pde.coordinates import columns
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.systems.values import OfValues, of_values

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anagram_ext.models.scales import Interval
    from anagram_ext.systems.pde_system import PdeSystem

# Wide bounds: a problem that is fine as it stands is left alone, to the last bit.
LEAST_HALF_WIDTH: Final = 0.2  # of a coordinate or of a field that is left as it is
MOST_HALF_WIDTH: Final = 5.0
MOST_OFFSET: Final = 4.0  # of its centre, in half widths
MOST_FIELD: Final = 20.0  # size of a field that is left as it is
LEAST_FIELD: Final = 0.05
ROUNDING: Final = 1e-13  # values that small are zeros with a rounding error, such as sin(2 pi)
MOST_SPREAD: Final = 1e3  # of the sizes of residuals that are left as they are
CANCELLED: Final = 1e-10  # length of a sum of rows, relative to the longest, that is no number
ROWS: Final = 64  # of J that are looked at for the size of a residual


def in_own_units(system: PdeSystem, given: Tensor | None, first: Tensor, seed: int) -> PdeSystem:
    """The system in the units that fit it; the same one where nothing has to change.

    Args:
        system: as the problem states it.
        given: the first iterate [P] if a user gave it: then coordinates and fields stay, since its
            numbers mean nothing in other units.
        first: the first iterate [P].
        seed: of the first iterate where none is given.
    """
    scales = own_scales(system) if given is None else None
    if scales is not None:
        system = system.rebuilt(with_scales(cast("MLP | Model", system.model), scales), {})
        first = system.model.init(seed)
    balance = own_balance(system, first)
    return system.rebuilt(system.model, balance) if balance else system


def own_scales(system: PdeSystem) -> Scales | None:
    """The units that fit the points and the prescribed values; None where nothing has to change.

    A coordinate goes by the range of all points. A field goes by the values that conditions on the
    field alone prescribe, such as initial, boundary and measured values; where these are none or
    zero, by those of a field whose values it is tied to, as at an interface. Behind an output map,
    or where nothing is prescribed, it stays as it is.
    """
    model = system.model
    if not isinstance(model, (MLP, Model)) or getattr(model, "scales", None) is not None:
        return None
    names = system.problem.coordinates
    blocks = [
        block
        for block in system.blocks.values()
        if isinstance(block, PointwiseBlock) and block.n_rows and block.coordinates.names == names
    ]
    if not blocks:
        return None
    coordinates: tuple[Interval, ...] = ((0.0, 1.0),) * len(names)
    if getattr(model, "inputs", None) is None:
        coordinates = tuple(_coordinate_interval(*_ends(blocks, name)) for name in names)
    fields: tuple[Interval, ...] = ((0.0, 1.0),) * len(system.problem.fields)
    if getattr(model, "outputs", None) is None:
        asked = [of for block in blocks for of in of_values(block)]
        prescribed = _prescribed(len(fields), asked)
        fields = tuple(map(_field_interval, _with_tied(prescribed, asked)))
    scales = Scales(coordinates, fields)
    return None if scales.trivial else scales


def with_scales(model: MLP | Model, scales: Scales) -> Model:
    """The model in these units."""
    if isinstance(model, MLP):
        return Model(model, coordinates=model.coordinates, scales=scales)
    return replace(model, scales=scales)


def own_balance(system: PdeSystem, theta: Tensor) -> dict[str, tuple[float, ...]]:
    """Factors of the residuals that bring those of very different size to one size.

    A condition may return residuals of different units, such as a temperature and a flux: each has
    a factor of its own. The size of a residual is the root mean square length of its rows of J at
    the first iterate: that of its derivative in the parameters. Empty where the sizes are within
    ``MOST_SPREAD``.
    """
    sizes = {}
    for name, block in system.blocks.items():
        if isinstance(block, PointwiseBlock) and block.n_rows and block.scale > 0:
            for c, size in enumerate(_sizes(block, theta)):
                if size > 0 and math.isfinite(size):
                    sizes[name, c] = size
    if not _differ(sizes):
        return {}
    sizes = {at: size for at, size in sizes.items() if not _cancels(system, *at, theta)}
    if not _differ(sizes):
        return {}
    least = min(sizes.values())
    return {
        name: tuple(least / sizes.get((name, c), least) for c in range(block.n_components))
        for name, block in system.blocks.items()
        if isinstance(block, PointwiseBlock)
    }


def _differ(sizes: Mapping[tuple[str, int], float]) -> bool:
    """Whether sizes of residuals lie further apart than is left as it is."""
    return bool(sizes) and max(sizes.values()) > MOST_SPREAD * min(sizes.values())


def _cancels(system: PdeSystem, name: str, component: int, theta: Tensor) -> bool:
    """Whether the rows of a residual are but what rounding leaves of terms that cancel.

    The sides of a pair behind a periodic input map do; such rows say nothing of any size.
    """
    block = cast("PointwiseBlock", system.blocks[name])
    seeds = block.prepare(theta, theta.new_empty(block.n_rows))[component, None]  # [1, K, m, n]
    whole = _length(block, theta, seeds)
    for k, j in block.pointwise.uses:
        term = torch.zeros_like(seeds)
        term[:, k, j] = seeds[:, k, j]
        if whole < CANCELLED * _length(block, theta, term):
            return True
    return False


def _ends(blocks: list[PointwiseBlock], name: str) -> tuple[float, float]:
    """The least and the largest value of a coordinate."""
    found = torch.cat([c for block in blocks for c in columns(block.coordinates, name)])
    return float(found.min()), float(found.max())


def _coordinate_interval(lower: float, upper: float) -> Interval:
    centre, half = 0.5 * (lower + upper), 0.5 * (upper - lower)
    if not half > 0:  # all points on one face: nothing to go by
        return 0.0, 1.0
    usual = LEAST_HALF_WIDTH <= half <= MOST_HALF_WIDTH and abs(centre) <= MOST_OFFSET * half
    return (0.0, 1.0) if usual else (centre, half)


def _field_interval(values: Tensor) -> Interval:
    if not len(values):
        return 0.0, 1.0
    lower, upper = float(values.min()), float(values.max())
    largest = max(abs(lower), abs(upper))
    if largest < ROUNDING or LEAST_FIELD <= largest <= MOST_FIELD:
        return 0.0, 1.0
    centre, half = 0.5 * (lower + upper), 0.5 * (upper - lower)
    # One value everywhere says how large the field is, not how much it varies.
    return (centre, half) if half > 1e-3 * largest else (0.0, largest)


def _prescribed(n_fields: int, asked: list[OfValues]) -> list[Tensor]:
    """For every field the values that conditions on it alone ask for, in one tensor each."""
    found: list[list[Tensor]] = [[torch.empty(0, dtype=torch.float64)] for _ in range(n_fields)]
    for of in asked:
        if len(of.slopes) == 1:
            ((field, slopes),) = of.slopes.items()
            if field < n_fields:  # else an unknown coefficient
                values = (-of.constant / slopes).to("cpu", torch.float64)
                found[field].append(values[values.isfinite()])
    return [torch.cat(values) for values in found]


def _with_tied(prescribed: list[Tensor], asked: list[OfValues]) -> list[Tensor]:
    """The same, and for fields of which no size is known that of one they are tied to.

    Of two materials the temperature or the pressure is often prescribed in one of them alone.
    """
    sizes = [float(values.abs().max()) if len(values) else 0.0 for values in prescribed]
    ties = [tuple(of.slopes.items()) for of in asked if len(of.slopes) == 2]
    found = list(prescribed)
    for _ in found:  # from field to field
        for tie in ties:
            for (known, factor), (other, own) in (tie, tie[::-1]):
                of_fields = max(known, other) < len(sizes)  # no unknown coefficient
                if not of_fields or sizes[other] > ROUNDING or sizes[known] <= ROUNDING:
                    continue
                ratio = float(factor.square().mean().sqrt() / own.square().mean().sqrt())
                if not math.isfinite(ratio):
                    continue
                sizes[other] = ratio * sizes[known]
                found[other] = torch.tensor([-sizes[other], sizes[other]], dtype=torch.float64)
    return found


def _sizes(block: PointwiseBlock, theta: Tensor) -> list[float]:
    """The root mean square length of some rows of J of each residual, without the weight."""
    seeds = block.prepare(theta, theta.new_empty(block.n_rows))  # [C, K, m, n]
    return [_length(block, theta, own[None]) / block.scale for own in seeds]


def _length(block: PointwiseBlock, theta: Tensor, seeds: Tensor) -> float:
    """The root mean square length of some rows of J for seeds [C, K, m, n]."""
    step = max(1, len(block.coordinates.points) // ROWS)
    some = block.some_rows(theta, seeds, slice(None, None, step))
    return float(some.square().sum(dim=1).mean().sqrt())
