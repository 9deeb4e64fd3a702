"""Unions of axis-aligned boxes, some of their coordinates held fixed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import check_count, finite_number, places
from anagram_ext.geometry.designs import (
    Array,
    Bounds,
    UnitDesign,
    chebyshev_design,
    counts_along,
    jittered_design,
    latin_design,
    scale,
    sobol_design,
    tensor_product,
    uniform_design,
)
from anagram_ext.geometry.picture import plot
from anagram_ext.geometry.points import Points
from anagram_ext.geometry.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Pieces:
    """A union of axis-aligned pieces: a box, or some of its faces.

    Random points are shared out evenly between the pieces, the remainder to the first ones, and
    come in the order of the pieces.

    Attributes:
        names: the d coordinate names, in column order.
        pieces: the d intervals of each piece; lower == upper for a coordinate held fixed.
        outward: the outward unit normal [d] of each piece of a boundary; empty for anything else.
    """

    names: tuple[str, ...]
    pieces: tuple[Bounds, ...]
    outward: tuple[tuple[float, ...], ...] = ()

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate, over all pieces."""
        return tuple(
            (min(lower for lower, _ in along), max(upper for _, upper in along))
            for along in zip(*self.pieces, strict=True)
        )

    @property
    def dimension(self) -> int:
        """Number of coordinates that are free in a piece."""
        return max(sum(lower < upper for lower, upper in piece) for piece in self.pieces)

    @property
    def measure(self) -> float:
        """Length, area or volume of all pieces."""
        return sum(
            math.prod(upper - lower for lower, upper in piece if lower < upper)
            for piece in self.pieces
        )

    def boundary(self, part: Any = None) -> Any:
        """The boundary of a domain.

        Raises:
            ValueError: for pieces that are faces already.
        """
        del part
        raise ValueError(f"boundary must be that of a Box, got {self!r}")

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies in a piece, edges included, [n] of bool."""
        points = places("points", points, len(self.names))
        lower, upper = torch.tensor(self.pieces, dtype=points.dtype).unbind(dim=2)  # [pieces, d]
        inside = (lower <= points[:, None]) & (points[:, None] <= upper)  # [n, pieces, d]
        return inside.all(dim=2).any(dim=1)

    def distance(self, points: Tensor) -> Tensor:
        """Distance of points [n, d] from the boundary, negative inside of a box, [n]."""
        points = places("points", points, len(self.names))
        lower, upper = torch.tensor(self.pieces, dtype=points.dtype).unbind(dim=2)  # [pieces, d]
        beyond = torch.maximum(lower - points[:, None], points[:, None] - upper)  # [n, pieces, d]
        outside = torch.linalg.vector_norm(beyond.clamp(min=0), dim=2)
        apart: Tensor = outside + beyond.amax(dim=2).clamp(max=0)
        return apart.amin(dim=1)

    def nearest(self, points: Tensor) -> Points:
        """The points next to points [n, d], with the normals of a boundary."""
        points = places("points", points, len(self.names))
        lower, upper = torch.tensor(self.pieces, dtype=points.dtype).unbind(dim=2)
        feet = torch.maximum(torch.minimum(points[:, None], upper), lower)  # [n, pieces, d]
        piece = torch.linalg.vector_norm(feet - points[:, None], dim=2).argmin(dim=1)
        normals = torch.tensor(self.outward, dtype=points.dtype)[piece] if self.outward else None
        return Points(feet[torch.arange(len(points)), piece], region=self, normals=normals)

    def separate(self) -> list[Pieces]:
        """Each piece as a region of its own."""
        return [
            Pieces(self.names, (piece,), self.outward[k : k + 1])
            for k, piece in enumerate(self.pieces)
        ]

    def clip(self, **intervals: tuple[float, float]) -> Any:
        """The part where coordinates lie in the given intervals: ``clip(t=(0, 0.1))``.

        Raises:
            ValueError: nothing is left, or an unknown coordinate.
        """
        kept = list(zip(self.pieces, self.outward or [()] * len(self.pieces), strict=True))
        for name, interval in intervals.items():
            axis = self._axis(name)
            low, high = checked_interval("clip", name, interval)
            kept = [
                ((*piece[:axis], (max(low, a), min(high, b)), *piece[axis + 1 :]), normal)
                for piece, normal in kept
                for a, b in (piece[axis],)
                if (max(a, low) < min(b, high) if a < b else low <= a <= high)
            ]
            if not kept:
                raise ValueError(f"clip: {name}={interval} leaves nothing of {self!r}")
        pieces, normals = zip(*kept, strict=True)
        return self._clipped(pieces, normals if self.outward else ())

    def quadrature(self, *counts: int) -> Points:
        """Gauss points with weights, [n, d]: exact for polynomials up to degree 2 count - 1.

        Args:
            counts: points along each free coordinate; a single number serves all of them.
        """
        rules = [
            [
                _gauss(lower, upper, count)
                for (lower, upper), count in zip(piece, counts_along(piece, counts), strict=True)
            ]
            for piece in self.pieces
        ]
        points = self._joined([tensor_product([x for x, _ in along]) for along in rules])
        weights = [tensor_product([w for _, w in along]).prod(axis=1) for along in rules]
        return Points(points, self, points.normals, torch.from_numpy(np.concatenate(weights)))

    def place(self, unit: Array) -> Points:
        """Points [n, d] of the unit cube in the pieces, shared out in their order."""
        share, rest = divmod(len(unit), len(self.pieces))
        shares = np.split(unit, np.cumsum([share + (k < rest) for k in range(len(self.pieces))]))
        return self._joined(
            [scale(piece, part) for piece, part in zip(self.pieces, shares, strict=False)]
        )

    def grid(self, *counts: int) -> Points:
        """Equispaced points of every piece including its edges, [n, d] float64.

        Args:
            counts: points along each free coordinate of a piece; a single number serves them all.
        """
        ticks = [
            [
                _closed_ticks(lower, upper, count)
                for (lower, upper), count in zip(piece, counts_along(piece, counts), strict=True)
            ]
            for piece in self.pieces
        ]
        return self._joined([tensor_product(along) for along in ticks])

    def uniform(self, n: int) -> Sampler:
        """``n`` independent, uniformly distributed points."""
        return self._random(n, uniform_design)

    def sobol(self, n: int) -> Sampler:
        """``n`` points of a scrambled Sobol sequence."""
        return self._random(n, sobol_design)

    def latin_hypercube(self, n: int) -> Sampler:
        """``n`` points of a Latin hypercube design."""
        return self._random(n, latin_design)

    def stratified(self, *counts: int) -> Sampler:
        """One uniform point in every cell of a regular partition of each piece.

        Args:
            counts: number of cells along each free coordinate; a single number serves all of them.
        """
        return self._in_cells(counts, jittered_design)

    def chebyshev(self, *counts: int) -> Sampler:
        """The same with cells that are narrower towards the faces of each piece.

        A smooth function that is small at evenly spread points can be large at the boundary; at as
        many of these points it cannot. See ``anagram_ext.geometry.designs.chebyshev_design``.

        Args:
            counts: number of cells along each free coordinate; a single number serves all of them.
        """
        return self._in_cells(counts, chebyshev_design)

    def _in_cells(
        self, counts: tuple[int, ...], design: Callable[[np.random.Generator, Sequence[int]], Array]
    ) -> Sampler:
        cells = [counts_along(piece, counts) for piece in self.pieces]

        def draw(seed: int) -> Tensor:
            rng = np.random.default_rng(seed)
            return self._joined(
                [
                    scale(piece, design(rng, along))
                    for piece, along in zip(self.pieces, cells, strict=True)
                ]
            )

        return Sampler(sum(int(np.prod(along)) for along in cells), draw, region=self)

    def plot(self, where: Any) -> None:
        """Draws the region, of one to three coordinates.

        Args:
            where: PNG file to write, or axes of matplotlib.
        """
        plot(self, where)

    def _axis(self, name: str) -> int:
        if name not in self.names:
            raise ValueError(f"unknown coordinate {name!r}: there are {self.names}")
        return self.names.index(name)

    def _clipped(
        self, pieces: tuple[Bounds, ...], outward: tuple[tuple[float, ...], ...]
    ) -> Pieces:
        return replace(self, pieces=pieces, outward=outward)

    def _random(self, n: int, design: UnitDesign) -> Sampler:
        check_count("n", n)
        share, rest = divmod(n, len(self.pieces))

        def draw(seed: int) -> Tensor:
            rng = np.random.default_rng(seed)
            return self._joined(
                [
                    scale(piece, design(rng, share + (k < rest), len(self.names)))
                    for k, piece in enumerate(self.pieces)
                ]
            )

        return Sampler(n, draw, region=self)

    def _joined(self, parts: list[Array]) -> Points:
        """The points of all pieces in their order, with the normals of a boundary."""
        normals = None
        if self.outward:
            repeats = [len(part) for part in parts]
            normals = torch.from_numpy(np.repeat(np.asarray(self.outward), repeats, axis=0))
        return Points(torch.from_numpy(np.concatenate(parts)), region=self, normals=normals)


def checked_interval(
    argument: str, name: str, interval: tuple[float, float]
) -> tuple[float, float]:
    """A finite, non-empty (lower, upper).

    Raises:
        TypeError: if it does not hold numbers; True and False are none.
        ValueError: for anything else.
    """
    ends = tuple(interval) if hasattr(interval, "__iter__") else ()
    if len(ends) != 2 or isinstance(interval, (str, dict, set)):
        raise ValueError(f"{argument}: {name} must be (lower, upper), got {interval!r}")
    try:
        lower, upper = (finite_number(f"{argument}: {name}", _plain_number(end)) for end in ends)
    except ValueError:
        lower = upper = math.inf
    if not (lower < upper and math.isfinite(upper - lower)):
        raise ValueError(
            f"{argument}: {name} must satisfy lower < upper, both finite, got {interval!r}"
        )
    return lower, upper


def _plain_number(end: object) -> object:
    """The number in a tensor or array without dimensions, anything else as it is."""
    if isinstance(end, (Tensor, np.ndarray)) and end.ndim == 0:
        return end.item()
    return end


def _closed_ticks(lower: float, upper: float, count: int) -> Array:
    if count == 1:  # a single point sits in the middle (of a fixed coordinate: at its value)
        return np.array([lower / 2 + upper / 2])
    return np.linspace(lower, upper, count)


def _gauss(lower: float, upper: float, n: int) -> tuple[Array, Array]:
    """Gauss points [n] of an interval and weights; a fixed coordinate has one of weight 1."""
    if lower == upper:
        return np.array([lower]), np.ones(1)
    nodes, weights = np.polynomial.legendre.leggauss(n)
    return lower + (upper - lower) * (1 + nodes) / 2, (upper - lower) / 2 * weights
