"""Which points the conditions of a problem look at: now, at the next draw, and held out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import check_points, check_seed
from anagram_ext.geometry.adaptive import choose
from anagram_ext.geometry.held_out import held_out_points
from anagram_ext.geometry.sampler import Sampler
from anagram_ext.pde.coordinates import Coordinates

if TYPE_CHECKING:
    from collections.abc import Callable

    from anagram_ext.pde.problem import Problem

_TRAINING, _HELD_OUT = 0, 1  # streams of random points that never meet; later draws follow


class Draws:
    """The points of every condition, each with a random stream of its own, reproducible by seed.

    Attributes:
        redrawn: names of the conditions whose points change before every training step.
        count: how often they have changed.
    """

    def __init__(
        self, problem: Problem, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        check_seed(seed)
        self._problem, self._seed = problem, seed
        self._device, self._dtype = device, dtype
        self.count = 0
        self.redrawn = tuple(
            name
            for name, condition in problem.conditions.items()
            if isinstance(condition.points, Sampler) and condition.points.every_step
        )

    def first(self, name: str) -> Coordinates:
        """The points that training begins with."""
        return self._placed(self._drawn(name, self._seed, _TRAINING))

    def held_out(self, name: str) -> Coordinates | None:
        """As many points of the same region that no training step sees; None where none is known.

        They do not depend on the seed: runs with different seeds are judged on the same points.
        """
        points = self._problem.conditions[name].points
        if isinstance(points, Sampler):
            return self._placed(self._drawn(name, 0, _HELD_OUT))
        if not len(points):
            return self._placed(points)
        fresh = held_out_points(points, self._own_seed(name, 0, _HELD_OUT))
        return None if fresh is None else self._placed(fresh)

    def move_on(self) -> None:
        """Counts one more change of points; ``next`` draws from the stream that belongs to it."""
        self.count += 1

    def next(self, name: str, residual_size: Callable[[Coordinates], Tensor]) -> Coordinates:
        """The points of a redrawn condition after the latest change.

        Args:
            name: of the condition.
            residual_size: the magnitude of its residual at points [n], asked for by an adaptive
                sampler.
        """
        stream = _HELD_OUT + self.count
        sampler = self._problem.conditions[name].points
        if not isinstance(sampler, Sampler) or sampler.candidates is None:
            return self._placed(self._drawn(name, self._seed, stream))
        seed = self._own_seed(name, self._seed, stream)
        candidates = sampler.candidates(seed)  # on the CPU, where points are drawn and chosen
        size = residual_size(self._placed(candidates)).cpu()
        return self._placed(choose(candidates, size, sampler.n_points, seed))

    def _drawn(self, name: str, seed: int, stream: int) -> Tensor:
        condition = self._problem.conditions[name]
        points = condition.points_for(self._own_seed(name, seed, stream))
        if isinstance(condition.points, Sampler):
            what = f"points drawn for condition {name!r}"
            check_points(what, points, len(self._problem.coordinates))
            if len(points) != condition.points.n_points:
                raise ValueError(
                    f"{what} must be {condition.points.n_points} as announced, got {len(points)}"
                )
        return points

    def _placed(self, points: Tensor) -> Coordinates:
        def moved(values: Tensor | None) -> Tensor | None:
            return None if values is None else values.to(self._device, self._dtype).contiguous()

        return Coordinates(
            self._problem.coordinates,
            points.to(self._device, self._dtype).contiguous(),
            moved(getattr(points, "normals", None)),
            moved(getattr(points, "weights", None)),
        )

    def _own_seed(self, name: str, seed: int, stream: int) -> int:
        index = list(self._problem.conditions).index(name)
        return int(np.random.SeedSequence([seed, index, stream]).generate_state(1)[0])
