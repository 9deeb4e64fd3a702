"""Calls of a residual at jets of choice: what they tell beside what its dry run has seen.

Each compares values of two calls. A residual that breaks the rule of being pointwise is refused;
what else is found out decides how it may be evaluated, and where.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.systems.differences import hides_derivatives, random_numbers
from anagram_ext.systems.expressions import check_expressions, check_outputs
from anagram_ext.systems.jet_residual import JetResidual, components_at

if TYPE_CHECKING:
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.systems.jet_residual import PointwiseResidual

_MASKS: Final = 6  # random choices of points that the check of pointwise residuals changes


def tried(
    found: PointwiseResidual, coordinates: Coordinates, rng: torch.Generator
) -> PointwiseResidual:
    """The residual with what further calls with other jets tell.

    Args:
        found: what the dry run has seen.
        coordinates: its n points.
        rng: of the jets.

    Raises:
        ValueError: it is not pointwise, or hides from ``ax.d`` what an expression depends on, or
            an output map does.
    """
    points = coordinates.points
    jets = _two_jets(found, len(points), rng, points)
    _check_pointwise(found, coordinates, jets)
    check_outputs(found, coordinates)
    holds_data = _holds_data(found, coordinates, jets[0], rng)
    if found.differentiates:
        check_expressions(found, coordinates, holds_data)
    return replace(
        found,
        broadcasts=_broadcasts(found, coordinates, jets),
        holds_data=holds_data,
        looks_around=_looks_around(found, coordinates, jets[0]),
        hides=hides_derivatives(found, coordinates, jets, rng),
    )


def _two_jets(found: PointwiseResidual, n: int, rng: torch.Generator, like: Tensor) -> Tensor:
    """Two sets of jets [2, K, m, n]: random, but near its first guess for an unknown."""
    m = found.signature.n_channels
    jets = random_numbers((2, len(found.operators), m, n), like, rng)
    starts = found.signature.base.starts
    if starts:
        near = 1.0 + 0.1 * torch.linspace(0.0, 1.0, 2, dtype=like.dtype, device=like.device)
        guesses = torch.tensor(starts, dtype=like.dtype, device=like.device)
        jets[:, :, m - len(starts) :] = (near[:, None] * guesses)[:, None, :, None]
    return jets


def _check_pointwise(found: PointwiseResidual, coordinates: Coordinates, jets: Tensor) -> None:
    """New jets at some points must leave the residual at the remaining points alone.

    Random choices of points: a fixed one, such as every other point, is blind to even shifts.
    """
    before = components_at(found, coordinates, jets[0])
    rng = torch.Generator().manual_seed(1)
    for _ in range(_MASKS):
        changed = _some_points(jets.shape[-1], rng).to(jets.device)
        after = components_at(found, coordinates, torch.where(changed, jets[1], jets[0]))
        if not _close(before[:, ~changed], after[:, ~changed]):
            raise ValueError(
                f"condition {found.condition!r}: {found.argument} is not pointwise: its value at "
                "one point depends on the fields at other points, or on chance"
            )


def _looks_around(found: PointwiseResidual, coordinates: Coordinates, jets: Tensor) -> bool:
    """Whether some points changing places changes the residual at the remaining points."""
    before = components_at(found, coordinates, jets)
    rng = torch.Generator().manual_seed(1)
    for _ in range(_MASKS):
        changed = _some_points(jets.shape[-1], rng)
        order = torch.arange(len(changed))
        order[changed] = order[changed].roll(1)
        after = components_at(found, coordinates.taken(order.to(jets.device)), jets)
        if not _close(before[:, ~changed], after[:, ~changed]):
            return True
    return False


def _some_points(n: int, rng: torch.Generator) -> Tensor:
    """About half of n points, at least one and not all of them where there are two; [n] of bool."""
    changed = torch.rand(n, generator=rng) < 0.5
    if n > 1 and (bool(changed.all()) or not bool(changed.any())):
        one = torch.randint(n, (1,), generator=rng)
        changed[one] = ~changed[one]
    return changed


def _broadcasts(found: PointwiseResidual, coordinates: Coordinates, jets: Tensor) -> bool:
    """Whether two parameter vectors at once give the same as one after the other."""
    one_by_one = torch.stack([components_at(found, coordinates, single) for single in jets], dim=1)
    wired = JetResidual(found, coordinates, n_vectors=len(jets))
    wired.jets.copy_(jets)
    try:
        together = wired.values()
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False
    return all(
        part.shape == expected.shape and _close(part, expected)
        for part, expected in zip(together, one_by_one, strict=True)
    )


def _holds_data(
    found: PointwiseResidual, coordinates: Coordinates, jets: Tensor, rng: torch.Generator
) -> bool:
    """Whether points and jets in another order give more than the residuals in that order."""
    values = components_at(found, coordinates, jets)
    n = jets.shape[-1]
    # A random order of few points may be their own; a shift by one never is.
    for order in (torch.arange(n).roll(1), torch.randperm(n, generator=rng)):
        shuffled = coordinates.taken(order)
        if not _close(components_at(found, shuffled, jets[..., order]), values[:, order]):
            return True
    return False


def _close(a: Tensor, b: Tensor) -> bool:
    # Vectorised functions may round a point differently with other neighbours, hence no equality.
    tolerance = 1e3 * torch.finfo(a.dtype).eps
    return torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
