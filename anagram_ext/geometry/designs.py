"""Designs of points in the unit cube, regular and random, and their way into a box."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch

from anagram_ext.checks import check_count, check_integer

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Bounds = tuple[tuple[float, float], ...]  # (lower, upper) a coordinate; equal where held fixed
UnitDesign = Callable[[np.random.Generator, int, int], Array]  # rng, n, d -> [n, d] in [0, 1)


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


def chebyshev_design(rng: np.random.Generator, counts: Sequence[int]) -> Array:
    """One point in each cell of a partition that is finer towards the faces, [prod(counts), d].

    Cells end at the extrema of Chebyshev polynomials, (1 - cos(pi k / count)) / 2: points have the
    density 1 / sqrt(x (1 - x)) along each coordinate, with which the fewest of them determine a
    polynomial. Source: A. Cohen & G. Migliorati, "Optimal weighted least-squares methods" (SMAI J.
    Comput. Math. 3, 2017); L. N. Trefethen, "Approximation Theory and Approximation Practice"
    (SIAM 2013).
    """
    return np.asarray(np.sin(np.pi / 2 * jittered_design(rng, counts)) ** 2)


def scale(bounds: Bounds, unit: Array) -> Array:
    """Maps points [n, d] of the unit cube to the box; a fixed coordinate gets its exact value."""
    lower, upper = np.asarray(bounds, dtype=np.float64).T
    return np.asarray(lower + (upper - lower) * unit)


def tensor_product(ticks: Sequence[Array]) -> Array:
    """All combinations of the ticks of each coordinate, the last one varying fastest, [n, d]."""
    return np.stack([axis.ravel() for axis in np.meshgrid(*ticks, indexing="ij")], axis=1)


def array_of(argument: str, values: object) -> Array:
    """Numbers in an array of float64, of whatever shape.

    Raises:
        TypeError: they are no numbers; True and False are none.
        ValueError: rows of different lengths, or beyond the largest float.
    """
    if _holds_bool(values):
        raise TypeError(f"{argument} must be an array of numbers, got {values!r}")
    try:
        found = np.asarray(values)
        if found.dtype == object:  # rows of different lengths, integers without end
            found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{argument} must be an array of numbers, got {values!r}") from None
    if found.dtype.kind not in "fiu":
        raise TypeError(f"{argument} must be an array of numbers, got {values!r}")
    return np.asarray(found, dtype=np.float64)


def _holds_bool(values: object) -> bool:
    """Whether True or False is among numbers: NumPy would make numbers of them."""
    if isinstance(values, (list, tuple)):
        return any(map(_holds_bool, values))
    return isinstance(values, bool)


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
    check_count("counts", math.prod(counts))
    remaining = iter(counts)
    return [next(remaining) if is_free else 1 for is_free in free]


def closed_grid(bounds: Bounds, counts: tuple[int, ...]) -> Array:
    """Equispaced points of a box or face including its edges, [n, d]."""
    along = counts_along(bounds, counts)
    return tensor_product(
        [_closed_ticks(*ends, count) for ends, count in zip(bounds, along, strict=True)]
    )


def _closed_ticks(lower: float, upper: float, count: int) -> Array:
    if count == 1:  # a single point sits in the middle (of a fixed coordinate: at its value)
        return np.array([lower / 2 + upper / 2])
    return np.linspace(lower, upper, count)
