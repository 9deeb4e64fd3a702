"""Models one after the other along a coordinate, evaluated as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from anagram_ext.checks import check_points, check_theta
from anagram_ext.models.mlp import checked_names

if TYPE_CHECKING:
    from anagram_ext.models.model import Model
    from anagram_ext.models.protocol import Model as AnyModel


@dataclass(frozen=True)
class Piecewise:
    """A model in pieces, each on an interval of one coordinate and with parameters of its own.

    It is evaluated, never trained: it has no Jacobian.

    Attributes:
        models: in order, k of them.
        ends: the ends of their intervals, k + 1. The first and the last model go on beyond them.
        coordinates: names of the d coordinates.
        along: the one that has the intervals.
        reach: where the last model ends after all: values beyond are nan. Infinite by default.
    """

    models: tuple[AnyModel, ...]
    ends: tuple[float, ...]
    coordinates: tuple[str, ...]
    along: str
    reach: float = math.inf

    @property
    def n_parameters(self) -> int:
        """P, of all pieces."""
        return sum(model.n_parameters for model in self.models)

    def __call__(self, theta: Tensor, points: Tensor) -> Tensor:
        """The fields [n, m] at points [n, d], with the parameters [P] of all pieces in a row."""
        return self._gathered(theta, points, lambda model, own, some: model(own, some))

    def jet(self, theta: Tensor, points: Tensor, names: Iterable[str]) -> dict[str, Tensor]:
        """Fields and derivatives by name, each [n, m]; see ``MLP.jet``."""
        wanted = tuple(dict.fromkeys(checked_names(names)))

        def jets(model: AnyModel, own: Tensor, some: Tensor) -> Tensor:
            return torch.cat([*cast("Model", model).jet(own, some, wanted).values()], dim=1)

        found = self._gathered(theta, points, jets)
        return dict(zip(wanted, found.chunk(len(wanted), dim=1), strict=True))

    def _gathered(
        self,
        theta: Tensor,
        points: Tensor,
        evaluate: Callable[[AnyModel, Tensor, Tensor], Tensor],
    ) -> Tensor:
        """What ``evaluate`` gives [n, k], each point by the piece that it lies in."""
        first = self.models[0]
        check_theta(theta, (self.n_parameters,), first.dtype, first.device)
        check_points("points", points, len(self.coordinates), first.device)
        own = torch.split(theta, [model.n_parameters for model in self.models])
        column = points[:, self.coordinates.index(self.along)].to("cpu", torch.float64).contiguous()
        which = torch.bucketize(column, torch.tensor(self.ends[1:-1], dtype=torch.float64))
        which[column > self.reach] = -1
        parts = [evaluate(model, own[k], points[which == k]) for k, model in enumerate(self.models)]
        out = parts[0].new_full((len(points), parts[0].shape[1]), math.nan)
        for k, part in enumerate(parts):
            out[which == k] = part
        return out
