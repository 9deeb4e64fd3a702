"""Which points the conditions of a problem look at: now, at the next draw, and held out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import numpy as np
import torch
from torch import Tensor

from anagram_ext.checks import check_points, check_seed
from anagram_ext.geometry.adaptive import choose
from anagram_ext.geometry.held_out import held_out_points
from anagram_ext.geometry.points import joined
from anagram_ext.geometry.sampler import Sampler
from anagram_ext.pde.coordinates import Coordinates

if TYPE_CHECKING:
    from collections.abc import Callable

    from anagram_ext.pde.problem import Problem

MOST_HELD_OUT: Final = 20_000  # points of one condition, unless it has more itself
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

    def held_out(self, name: str, times: int = 1) -> Coordinates | None:
        """Points of the same region that no training step sees; None where none is known.

        They do not depend on the seed: runs with different seeds are judged on the same points.

        Args:
            name: of the condition.
            times: how many times as many points as the condition has; fewer where that would be
                more than ``MOST_HELD_OUT``.
        """
        points = self._problem.conditions[name].points
        n_points = points.n_points if isinstance(points, Sampler) else len(points)
        times = max(1, min(times, MOST_HELD_OUT // max(n_points, 1)))
        if isinstance(points, Sampler):
            draws = [self._drawn(name, 0, _HELD_OUT, part) for part in range(times)]
            return self._placed(joined(draws))
        if not len(points):
            return self._placed(points)
        fresh = held_out_points(points, self._own_seed(name, 0, _HELD_OUT), times)
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

    def _drawn(self, name: str, seed: int, stream: int, part: int = 0) -> Tensor:
        condition = self._problem.conditions[name]
        points = condition.points_for(self._own_seed(name, seed, stream, part))
        if isinstance(condition.points, Sampler):
            what = f"points drawn for condition {name!r}"
            n_columns = condition.n_columns(len(self._problem.coordinates))
            check_points(what, points, n_columns)
            if len(points) != condition.points.n_points:
                raise ValueError(
                    f"{what} must be {condition.points.n_points} as announced, got {len(points)}"
                )
        return points

    def _placed(self, points: Tensor) -> Coordinates:
        def moved(values: Tensor | None) -> Tensor | None:
            if values is None:
                return None
            # A copy: residuals see these tensors, and the problem's own must not change.
            return values.as_subclass(Tensor).clone().to(self._device, self._dtype).contiguous()

        return Coordinates(
            self._problem.coordinates,
            cast("Tensor", moved(points)),
            moved(getattr(points, "normals", None)),
            moved(getattr(points, "weights", None)),
        )

    def _own_seed(self, name: str, seed: int, stream: int, part: int = 0) -> int:
        index = list(self._problem.conditions).index(name)
        words = [seed, index, stream, part] if part else [seed, index, stream]
        return int(np.random.SeedSequence(words).generate_state(1)[0])
