"""Points that remember where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from anagram_ext.checks import check_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anagram_ext.geometry.region import Region


class Points(Tensor):
    """Points [n, d] with the region that they fill.

    A tensor in all other respects: slices and results of computations are plain tensors and know
    nothing of a region, as those of a ``torch.nn.Parameter`` are no parameters.

    Attributes:
        region: the set that the points stand for; None when it is not known.
        normals: the outward unit normal at each point of a boundary, [n, d], or None.
        weights: quadrature weights [n], or None.

    Raises:
        TypeError: ``points`` is no tensor, ``region`` none.
        ValueError: ``points`` of another shape or dtype, ``normals`` or ``weights`` of another
            shape or not of numbers.
    """

    region: Region | None
    normals: Tensor | None
    weights: Tensor | None

    # As torch.nn.Parameter does: what is computed from points are no points.
    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    def __new__(
        cls,
        points: Tensor,
        region: Region | None = None,
        normals: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> Points:
        """The same memory as a tensor, with what is known about it."""
        check_kind("points", points, Tensor, "a tensor [n, d]")
        if points.ndim != 2 or not points.is_floating_point():
            raise ValueError(
                f"points must be a tensor [n, d] of floating-point numbers, got "
                f"{list(points.shape)} of {points.dtype}"
            )
        if region is not None:
            check_region("region", region)
        _check_shape("normals", normals, points.shape)
        _check_shape("weights", weights, points.shape[:1])
        return _made(points, region, normals, weights)

    @staticmethod
    def of(points: Tensor) -> Points:
        """A copy that knows the same; of a plain tensor, which may be anything, nothing."""
        known = points if isinstance(points, Points) else _made(points, None, None, None)
        return known.copied()

    def copied(self) -> Points:
        """Points of their own that know the same."""
        return _made(self.clone(), self.region, self.normals, self.weights)

    def taken(self, rows: Tensor) -> Points:
        """The points of some rows, by index or by a mask, with what is known of them."""
        return Points(
            self.as_subclass(Tensor)[rows],
            self.region,
            None if self.normals is None else self.normals[rows],
            None if self.weights is None else self.weights[rows],
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Points:
        del memo  # nothing here refers back to the points
        return self.copied()

    def __repr__(self) -> str:  # type: ignore[override] # torch's takes a keyword of its own use
        where = "" if self.region is None else f" in {type(self.region).__name__}"
        return f"Points({list(self.shape)}{where})"


def _made(
    points: Tensor, region: Region | None, normals: Tensor | None, weights: Tensor | None
) -> Points:
    made: Points = torch.Tensor._make_subclass(Points, points.detach())
    made.region, made.normals, made.weights = region, normals, weights
    return made


def check_region(argument: str, region: object) -> None:
    """Raises TypeError unless something is a region, or pairs or a part of one."""
    if isinstance(region, Tensor) or not all(
        hasattr(region, wanted) for wanted in ("names", "place")
    ):
        raise TypeError(f"{argument} must be a region such as a Box, got {region!r}")


def joined(parts: Sequence[Tensor]) -> Points:
    """Point sets one after the other; with normals and weights where all of them have them."""
    known: dict[str, Tensor] = {}
    for what in ("normals", "weights"):
        values = [getattr(part, what, None) for part in parts]
        if all(value is not None for value in values):
            known[what] = torch.cat([value for value in values if value is not None])
    points = torch.cat([part.as_subclass(Tensor) for part in parts])
    return Points(points, getattr(parts[0], "region", None), **known)


def _check_shape(argument: str, values: Tensor | None, shape: torch.Size) -> None:
    if values is None:
        return
    check_kind(argument, values, Tensor, "a tensor")
    if not values.is_floating_point():
        raise ValueError(f"{argument} must be floating-point numbers, got {values.dtype}")
    if values.shape != shape:
        raise ValueError(f"{argument} must have shape {list(shape)}, got {list(values.shape)}")
