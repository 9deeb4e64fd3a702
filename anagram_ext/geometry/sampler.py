"""Random points drawn on request, by seed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anagram_ext.checks import check_count, check_kind, check_seed, check_switches
from anagram_ext.geometry.adaptive import choose
from anagram_ext.geometry.points import check_region

if TYPE_CHECKING:
    from anagram_ext.geometry.region import Region


@dataclass(frozen=True)
class Sampler:
    """Random points drawn on request: ``sampler(seed)`` is a float64 tensor [n_points, d].

    Attributes:
        n_points: number of points of every draw.
        draw: the points for a seed.
        every_step: whether training draws new points before every step.
        candidates: where an adaptive sampler chooses from, None for all others.
        region: where the points lie, None when it is not known.

    Raises:
        TypeError: an argument of another kind.
        ValueError: fewer points than one.
    """

    n_points: int
    draw: Callable[[int], Tensor]
    every_step: bool = False
    candidates: Sampler | None = None
    region: Region | None = None

    def __post_init__(self) -> None:
        check_count("Sampler: n_points", self.n_points)
        if not callable(self.draw):
            raise TypeError(f"Sampler: draw must be a function of a seed, got {self.draw!r}")
        check_switches(**{"Sampler: every_step": self.every_step})
        if self.candidates is not None:
            check_kind("Sampler: candidates", self.candidates, Sampler, "a Sampler")
        if self.region is not None:
            check_region("Sampler: region", self.region)

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
        """``n`` of these points, chosen anew before every training step where residuals are large.

        Fronts and shocks get the points that a smooth region can do without, see
        ``anagram_ext.geometry.adaptive.choose``. The first points, and held-out ones, are
        chosen evenly.

        Raises:
            TypeError: ``n`` is no integer.
            ValueError: ``n`` is below 1, or above the number of candidates.
        """
        check_count("n", n)
        if n > self.n_points:
            raise ValueError(f"n must be at most the {self.n_points} candidates, got {n}")

        def draw(seed: int) -> Tensor:
            candidates = self.draw(seed)
            return choose(candidates, torch.zeros(len(candidates)), n, seed)

        return Sampler(n, draw, every_step=True, candidates=self, region=self.region)
