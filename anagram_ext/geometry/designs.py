"""Points in unions of axis-aligned boxes: regular lattices and seeded random designs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from anagram_ext.checks import check_integer, check_seed
from anagram_ext.geometry.adaptive import choose

Array = npt.NDArray[np.float64]
Bounds = tuple[tuple[float, float], ...]  # (lower, upper) a coordinate; equal where held fixed
UnitDesign = Callable[[np.random.Generator, int, int], Array]  # rng, n, d -> [n, d] in [0, 1)


@dataclass(frozen=True)
class Sampler:
    """Random points drawn on request: ``sampler(seed)`` is a float64 tensor [n_points, d].

    Attributes:
        n_points: number of points of every draw.
        draw: the points for a seed.
        every_step: whether training draws new points before every step.
        candidates: where an adaptive sampler chooses from, None for all others.
    """

    n_points: int
    draw: Callable[[int], Tensor]
    every_step: bool = False
    candidates: Sampler | None = None

    def __call__(self, seed: int) -> Tensor:
        """The points of a seed."""
        check_seed(seed)
        return self.draw(seed)

    def redrawn(self) -> Sampler:
        """The same design, drawn anew before every training step.

        A good optimiser can make the residual vanish at fixed points alone, far from a solution of
        the equation; it cannot at points that keep changing.
        """
        return replace(self, every_step=True)

    def adaptive(self, n: int) -> Sampler:
        """`n` of these points, chosen anew before every training step where residuals are large.

        Fronts and shocks get the points that a smooth region can do without, see
        :func:`anagram_ext.geometry.adaptive.choose`. The first points, and held-out ones, are
        chosen evenly.
        """
        check_integer("n", n, least=1)
        if n > self.n_points:
            raise ValueError(f"n must be at most the {self.n_points} candidates, got {n}")

        def draw(seed: int) -> Tensor:
            candidates = self.draw(seed)
            return choose(candidates, torch.zeros(len(candidates)), n, seed)

        return Sampler(n, draw, every_step=True, candidates=self)


@dataclass(frozen=True)
class Region:
    """A union of axis-aligned pieces: a box, or some of its faces.

    Random points are shared out evenly between the pieces, the remainder to the first ones, and
    come in the order of the pieces.

    Attributes:
        names: the d coordinate names, in column order.
        pieces: the d intervals of each piece; lower == upper for a coordinate held fixed.
    """

    names: tuple[str, ...]
    pieces: tuple[Bounds, ...]

    def uniform(self, n: int) -> Sampler:
        """`n` independent, uniformly distributed points."""
        return self._random(n, uniform_design)

    def sobol(self, n: int) -> Sampler:
        """`n` points of a scrambled Sobol sequence."""
        return self._random(n, sobol_design)

    def latin_hypercube(self, n: int) -> Sampler:
        """`n` points of a Latin hypercube design."""
        return self._random(n, latin_design)

    def stratified(self, *counts: int) -> Sampler:
        """One uniform point in every cell of a regular partition of each piece.

        Args:
            counts: number of cells along each free coordinate; a single number serves all of them.
        """
        cells = [counts_along(piece, counts) for piece in self.pieces]

        def draw(seed: int) -> Tensor:
            rng = np.random.default_rng(seed)
            return _stack(
                [
                    scale(piece, jittered_design(rng, along))
                    for piece, along in zip(self.pieces, cells, strict=True)
                ]
            )

        return Sampler(sum(int(np.prod(along)) for along in cells), draw)

    def _random(self, n: int, design: UnitDesign) -> Sampler:
        check_integer("n", n, least=1)
        share, rest = divmod(n, len(self.pieces))

        def draw(seed: int) -> Tensor:
            rng = np.random.default_rng(seed)
            return _stack(
                [
                    scale(piece, design(rng, share + (k < rest), len(self.names)))
                    for k, piece in enumerate(self.pieces)
                ]
            )

        return Sampler(n, draw)


def uniform_design(rng: np.random.Generator, n: int, d: int) -> Array:
    """Independent points of the unit cube, [n, d]."""
    return rng.random((n, d))


def sobol_design(rng: np.random.Generator, n: int, d: int) -> Array:
    """The first n points of a scrambled Sobol sequence, [n, d]."""
    seed = int(rng.integers(2**31))
    engine = torch.quasirandom.SobolEngine(d, scramble=True, seed=seed)  # type: ignore[no-untyped-call]
    return np.asarray(engine.draw(n, dtype=torch.float64))


def latin_design(rng: np.random.Generator, n: int, d: int) -> Array:
    """A Latin hypercube: in every coordinate one point in each of n equal cells, [n, d]."""
    cells = rng.permuted(np.tile(np.arange(n)[:, None], (1, d)), axis=0)
    return np.asarray((cells + rng.random((n, d))) / max(n, 1))


def jittered_design(rng: np.random.Generator, counts: Sequence[int]) -> Array:
    """One uniform point in each cell of a regular partition of the unit cube, [prod(counts), d]."""
    corners = tensor_product([np.arange(count, dtype=np.float64) for count in counts])
    return (corners + rng.random(corners.shape)) / np.asarray(counts, dtype=np.float64)


def scale(bounds: Bounds, unit: Array) -> Array:
    """Maps points [n, d] of the unit cube to the box; a fixed coordinate gets its exact value."""
    lower, upper = np.asarray(bounds, dtype=np.float64).T
    return np.asarray(lower + (upper - lower) * unit)


def tensor_product(ticks: Sequence[Array]) -> Array:
    """All combinations of the ticks of each coordinate, the last one varying fastest, [n, d]."""
    return np.stack([axis.ravel() for axis in np.meshgrid(*ticks, indexing="ij")], axis=1)


def counts_along(bounds: Bounds, counts: tuple[int, ...]) -> list[int]:
    """Number of points along each coordinate: one where it is fixed, the given ones elsewhere.

    Raises:
        ValueError: if the numbers fit neither the free coordinates nor all of them at once.
        TypeError: if a number is no integer.
    """
    for count in counts:
        check_integer("counts", count, least=1)
    free = [lower < upper for lower, upper in bounds]
    if len(counts) == 1:
        counts = counts * sum(free)
    if len(counts) != sum(free):
        raise ValueError(
            f"counts must be one number or one for each of {sum(free)} free coordinates, "
            f"got {counts}"
        )
    remaining = iter(counts)
    return [next(remaining) if is_free else 1 for is_free in free]


def _stack(pieces: list[Array]) -> Tensor:
    return torch.from_numpy(np.concatenate(pieces))
