"""The random designs that every region offers, by way of its ``place``."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import check_count, places
from anagram_ext.geometry.designs import (
    Array,
    Mask,
    UnitDesign,
    counts_along,
    jittered_design,
    latin_design,
    sobol_design,
    uniform_design,
)
from anagram_ext.geometry.picture import plot
from anagram_ext.geometry.sampler import Sampler

if TYPE_CHECKING:
    from collections.abc import Callable

    from anagram_ext.geometry.points import Points
    from anagram_ext.geometry.region import Region


class Sampled:
    """Random points of a region: designs of the unit cube, placed."""

    def uniform(self: Region, n: int) -> Sampler:
        """``n`` independent, uniformly distributed points."""
        return _random(self, n, uniform_design)

    def sobol(self: Region, n: int) -> Sampler:
        """``n`` points of a scrambled Sobol sequence."""
        return _random(self, n, sobol_design)

    def latin_hypercube(self: Region, n: int) -> Sampler:
        """``n`` points of a Latin hypercube design."""
        return _random(self, n, latin_design)

    def stratified(self: Region, *counts: int) -> Sampler:
        """One uniform point in every cell of a partition into cells of equal size.

        Args:
            counts: number of cells along each dimension of the set; a single number serves all.
        """
        along = counts_along(((0.0, 1.0),) * self.dimension, counts)
        n = math.prod(along)

        def draw(seed: int) -> Tensor:
            unit = np.zeros((n, len(self.names)))
            if self.dimension:
                unit[:, : self.dimension] = jittered_design(np.random.default_rng(seed), along)
            placed: Tensor = self.place(unit)
            return placed

        return Sampler(n, draw, region=self)

    def plot(self, where: Any) -> None:
        """Draws the region, of one to three coordinates.

        Args:
            where: PNG file to write, or axes of matplotlib.
        """
        plot(self, where)


def _random(region: Region, n: int, design: UnitDesign) -> Sampler:
    check_count("n", n)

    def draw(seed: int) -> Tensor:
        unit = design(np.random.default_rng(seed), n, len(region.names))
        placed: Tensor = region.place(unit)
        return placed

    return Sampler(n, draw, region=region)


def plain(argument: str, points: Tensor, d: int) -> Array:
    """Points [n, d] as an array of float64.

    Raises:
        TypeError: they are no tensor of real numbers.
        ValueError: for another shape.
    """
    return np.asarray(places(argument, points, d).detach().cpu().double())


def follows(
    rule: Callable[[SimpleNamespace], object], points: Points, names: tuple[str, ...]
) -> Mask:
    """Where a rule such as ``lambda x: x.x < 0.5`` holds, [n] of bool.

    Args:
        rule: sees the coordinates by name, tensors [n], and the normals as ``x.normal``.
        points: [n, d].
        names: of the d coordinates.

    Raises:
        TypeError: the rule does not return a tensor of bool [n].
    """
    view = SimpleNamespace(**dict(zip(names, points.unbind(1), strict=True)))
    if points.normals is not None:
        normals = points.normals.unbind(1)
        view.normal = SimpleNamespace(**dict(zip(names, normals, strict=True)))
    holds = rule(view)
    if not isinstance(holds, Tensor) or holds.dtype != torch.bool or len(holds) != len(points):
        raise TypeError(f"rule must return a tensor of bool [{len(points)}], got {holds!r}")
    return np.asarray(holds)
