"""A residual with the points where it has to vanish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from anagram_ext.checks import check_points, positive_and_finite
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampler import Sampler

if TYPE_CHECKING:
    from anagram_ext.geometry.region import Region
    from anagram_ext.geometry.stretched import Stretch

Residual = Callable[..., Any]

_SLACK: Final = 1e-5  # of the size of a region: points in single precision, and more


@dataclass(frozen=True)
class Condition:
    """A residual that has to vanish at some points: an equation, a boundary value, a measurement.

    Attributes:
        residual: called with one ``Field`` a network output and then the
            ``Coordinates``; returns a tensor [n], or a tuple of several such residuals. Plain
            torch, pointwise: entry i may depend on the fields at point i only.
        points: a tensor [n, d], or a ``Sampler`` that draws one for a seed.
        weight: factor of this condition in the loss.

    Raises:
        TypeError: ``residual`` is not callable, ``points`` neither, ``weight`` no number.
        ValueError: ``weight`` is not positive and finite.
    """

    residual: Residual
    points: Tensor | Sampler
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not callable(self.residual):
            raise TypeError(f"Condition: residual must be callable, got {self.residual!r}")
        positive_and_finite("Condition: weight", self.weight)
        if isinstance(self.points, Tensor):
            # A copy: a problem does not change behind the engine's back. It checks and names them.
            object.__setattr__(self, "points", Points.of(self.points))
        elif not isinstance(self.points, Sampler):
            raise TypeError(
                f"Condition: points must be a tensor [n, d] or a Sampler, got {type(self.points)}"
            )

    @property
    def fixed(self) -> bool:
        """Whether it makes sense at its own points alone, so that none can be held out."""
        return False

    @property
    def n_points(self) -> int:
        """How many points the weight is shared by: rows of each component of the residual."""
        return self.points.n_points if isinstance(self.points, Sampler) else len(self.points)

    def check(self, name: str, coordinates: tuple[str, ...]) -> None:
        """Raises unless the points fit the coordinates of a problem.

        Raises:
            TypeError: points of another dtype.
            ValueError: points of another dimension, not finite, or of a region whose coordinates
                are others or in another order.
        """
        check_region(f"points of condition {name!r}", self.points, coordinates)
        if isinstance(self.points, Tensor):
            n_columns = self.n_columns(len(coordinates))
            check_points(f"points of condition {name!r}", self.points, n_columns)

    def in_window(self, stretch: Stretch) -> Condition:
        """The same condition in a part of the time, with as many points.

        Raises:
            ValueError: it cannot be said in a part of the time.
        """
        return replace(self, points=stretch.design(self.points))

    def n_columns(self, dimension: int) -> int:
        """Columns of the points for so many coordinates."""
        return dimension

    def places_for(self, seed: int) -> Tensor:
        """All places [m, d] that the condition looks at."""
        return self.points_for(seed)

    def points_for(self, seed: int) -> Tensor:
        """The points [n, d]: the given ones, or those that the sampler draws for the seed."""
        return self.points(seed) if isinstance(self.points, Sampler) else self.points


def check_region(argument: str, points: object, coordinates: tuple[str, ...]) -> None:
    """Raises ValueError if points say that they come from a region in other coordinates."""
    region = getattr(points, "region", None)
    if region is None:
        return
    if region.names != coordinates:
        raise ValueError(
            f"{argument} must have the coordinates {coordinates} in this order, got a region in "
            f"{region.names}"
        )
    if isinstance(points, Points) and points.shape[1:] == (len(coordinates),):
        _check_inside(argument, points, region)


def _check_inside(argument: str, points: Points, region: Region) -> None:
    """Raises ValueError for points beyond the bounds of the region that they say they come from.

    Held-out points come from the region: of another one they would judge another condition.
    """
    lower, upper = torch.tensor(region.bounds, dtype=torch.float64).T  # [d] each
    slack = _SLACK * (upper - lower).max().clamp(min=torch.maximum(-lower, upper).max())
    places = points.detach().as_subclass(Tensor).cpu().double()
    beyond = ((places < lower - slack) | (places > upper + slack)).any(dim=1)
    if bool(beyond.any()):
        row = int(beyond.nonzero()[0, 0])
        raise ValueError(
            f"{argument} must lie in their region {region!r}, got {points[row].tolist()} in row "
            f"{row}; leave the region out, or give the right one"
        )
