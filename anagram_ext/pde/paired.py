"""Conditions between two points at a time: periodic walls, interfaces, Floquet phases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anagram_ext.checks import check_kind
from anagram_ext.geometry.opposite import Opposite
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampler import Sampler
from anagram_ext.geometry.stretched import Stretch, Stretched
from anagram_ext.pde.condition import Condition, Residual

if TYPE_CHECKING:
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.field import Field

Pairs = Tensor | Sampler | Sequence[Tensor]


@dataclass(frozen=True, init=False)
class Paired(Condition):
    """A residual between the fields at two points, for each of n pairs of points.

    Attributes:
        residual: called with the two sides of a pair, ``lambda a, b: (a.u - b.u, a.u.d("x") -
            b.u.d("x"))``: fields by name, and the coordinates of the side as ``a.at.x``. A third
            argument is the ``Coordinates`` of a, a fourth one the unknowns. Returns a tensor [n] or
            a tuple of several; plain torch, pointwise in the pairs.
        points: two tensors [n, d], whose rows are the pairs; or what ``box.opposite("x")`` gives:
            one tensor [n, 2 d], or a ``Sampler`` of such.
        weight: factor of this condition in the loss.

    Raises:
        TypeError: an argument of another kind.
        ValueError: point sets of different shapes, or points that are no pairs.
    """

    def __init__(self, residual: Residual, points: Pairs, weight: float = 1.0) -> None:
        object.__setattr__(self, "residual", residual)
        object.__setattr__(self, "points", _joined(points))
        object.__setattr__(self, "weight", weight)
        self.__post_init__()

    @property
    def fixed(self) -> bool:
        """Whether nobody knows how to make further pairs."""
        return isinstance(self.points, Tensor) and getattr(self.points, "region", None) is None

    def n_columns(self, dimension: int) -> int:
        """Both points of a pair in one row."""
        return 2 * dimension

    def check(self, name: str, coordinates: tuple[str, ...]) -> None:
        """Raises ValueError or TypeError unless the points are pairs in these coordinates."""
        d, points = len(coordinates), self.points
        if isinstance(points, Tensor) and points.ndim == 2 and points.shape[1] != 2 * d:
            raise ValueError(
                f"points of condition {name!r} must be pairs of points [n, {d}], of shape "
                f"[n, {2 * d}], got {list(points.shape)}"
            )
        super().check(name, coordinates)

    def in_window(self, stretch: Stretch) -> Paired:
        """The same pairs in a part of the time."""
        points = replace(stretch, places=2).design(self.points)
        return Paired(self.residual, points, self.weight)

    def places_for(self, seed: int) -> Tensor:
        """The points of all pairs, [2 n, d]."""
        pairs = self.points_for(seed).as_subclass(Tensor)
        return torch.cat(pairs.chunk(2, dim=1))


class Side:
    """One of the two points of each pair: its fields by name, its coordinates as ``at``."""

    def __init__(self, fields: Mapping[str, Field], at: Coordinates) -> None:
        self.at = at
        self._fields = dict(fields)

    def __getitem__(self, name: str) -> Field:
        if name not in self._fields:
            raise ValueError(f"unknown field {name!r}: there are {tuple(self._fields)}")
        return self._fields[name]

    def __getattr__(self, name: str) -> Field:
        # Reached only for names that are no real attribute.
        if name.startswith("_") or name not in self._fields:
            raise AttributeError(f"unknown field {name!r}: there are {tuple(self._fields)}")
        return self._fields[name]

    def __repr__(self) -> str:
        return f"Side({', '.join(self._fields)}; {self.at!r})"


def _joined(points: Pairs) -> Tensor | Sampler:
    """Pairs as one tensor [n, 2 d], or a sampler of such."""
    if isinstance(points, (Tensor, Sampler)):
        region = getattr(points, "region", None)
        while isinstance(region, Stretched):
            region = region.region
        if region is not None and not isinstance(region, Opposite):
            raise ValueError(
                "Paired: points must be pairs, such as box.opposite('x').grid(40) or two tensors, "
                f"got points of {region!r}"
            )
        return points
    wanted = "two tensors [n, d], or pairs such as box.opposite('x').grid(40)"
    check_kind("Paired: points", points, Sequence, wanted)
    if len(points) != 2 or not all(isinstance(part, Tensor) for part in points):
        raise TypeError(f"Paired: points must be {wanted}, got {points!r}")
    first, second = (part.detach().as_subclass(Tensor) for part in points)
    if first.ndim != 2 or first.shape != second.shape:
        raise ValueError(
            "Paired: points must be two tensors of one shape [n, d], got "
            f"{list(first.shape)} and {list(second.shape)}"
        )
    if first.dtype != second.dtype:
        raise TypeError(
            f"Paired: points must be of one dtype, got {first.dtype} and {second.dtype}"
        )
    return Points(torch.cat([first, second], dim=1))
