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
    from collections.abc import Callable, Mapping

    from anagram_ext.pde.problem import Problem

MOST_HELD_OUT: Final = 20_000  # points of one condition, unless it has more itself
POOL: Final = 4  # candidates for each point of an adaptive sampler that is asked for more
_TRAINING, _HELD_OUT = 0, 1  # streams of random points that never meet; later draws follow


class Draws:
    """The points of every condition, each with a random stream of its own, reproducible by seed.

    Attributes:
        redrawn: names of the conditions whose points change during training.
        count: how often they have changed.
        sizes: how many points each of these has now, where not as many as its sampler says.
    """

    def __init__(
        self, problem: Problem, seed: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        check_seed(seed)
        self._problem, self._seed = problem, seed
        self._device, self._dtype = device, dtype
        self.count = 0
        self.sizes: dict[str, int] = {}
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

    def n_points(self, name: str) -> int:
        """How many points a condition has now."""
        points = self._problem.conditions[name].points
        own = points.n_points if isinstance(points, Sampler) else len(points)
        return self.sizes.get(name, own)

    def move_on(self, sizes: Mapping[str, int] | None = None) -> None:
        """Counts one more change of points; ``next`` draws from the stream that belongs to it.

        Args:
            sizes: how many points to draw, by name; as many as the sampler says by default.
        """
        self.count += 1
        self.sizes = dict(sizes or {})

    def next(self, name: str, residual_size: Callable[[Coordinates], Tensor]) -> Coordinates:
        """The points of a redrawn condition after the latest change.

        Args:
            name: of the condition.
            residual_size: the magnitude of its residual at points [n], asked for by an adaptive
                sampler.
        """
        stream = _HELD_OUT + self.count
        sampler = self._problem.conditions[name].points
        n = self.n_points(name)
        seed = self._own_seed(name, self._seed, stream)
        if not isinstance(sampler, Sampler) or sampler.candidates is None:
            drawn = self._drawn(name, self._seed, stream)
            if n == len(drawn):
                return self._placed(drawn)
            pool = self._pool(name, stream, n)
            return self._placed(choose(pool, torch.zeros(len(pool)), n, seed))
        candidates = (  # on the CPU, where points are drawn and chosen
            sampler.candidates(seed)
            if n == sampler.n_points
            else self._pool(name, stream, max(POOL * n, sampler.candidates.n_points))
        )
        size = residual_size(self._placed(candidates)).cpu()
        return self._placed(choose(candidates, size, n, seed))

    def _pool(self, name: str, stream: int, least: int) -> Tensor:
        """At least so many points: as many draws of one design as that takes."""
        sampler = cast("Sampler", self._problem.conditions[name].points)
        design = sampler.candidates or sampler
        draws = -(-least // design.n_points)
        return joined([design(self._own_seed(name, self._seed, stream, k)) for k in range(draws)])

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
