"""The problem and the model of one window of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from torch import Tensor

from anagram_ext.checks import check_kind
from anagram_ext.geometry.stretched import Stretch
from anagram_ext.models.mlp import MLP
from anagram_ext.models.model import Model, model_of
from anagram_ext.models.scales import Scales
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.measurements import Data
from anagram_ext.pde.problem import Problem
from anagram_ext.systems.own_scales import own_scales
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.systems.pointwise import PointwiseBlock

if TYPE_CHECKING:
    from anagram_ext.models.protocol import Model as AnyModel
    from anagram_ext.training.result import TrainResult

CONTINUITY: Final = "continuity"


class Windows:
    """An evolution in windows of time: the problem and the model of each.

    Args:
        problem: the whole evolution.
        model: the network of every window; the problem's own by default.
        coordinate: the name of the time.
        device: where to compute; where the model is by default.

    Attributes:
        bounds: the first and the last time.
    """

    def __init__(
        self, problem: Problem, model: AnyModel | None, coordinate: str, device: str | None
    ) -> None:
        check_kind("problem", problem, Problem, "a Problem")
        self._problem = problem
        given = problem.model if model is None else model
        if given is None:
            raise ValueError(f"model must be given: {problem.name!r} has no network, got None")
        if problem.unknowns:
            raise ValueError(
                f"problem must have no unknowns to march, got {tuple(problem.unknowns)}"
            )
        if coordinate not in problem.coordinates:
            raise ValueError(f"coordinate must be one of {problem.coordinates}, got {coordinate!r}")
        self._axis = problem.coordinates.index(coordinate)
        self._coordinate = coordinate
        same = Stretch(self._axis, (0.0, 1.0), (0.0, 1.0))
        for name, condition in problem.conditions.items():
            if not isinstance(condition, Data):
                _in_window(name, condition, same)  # raises where one cannot be said in a window
        bound = model_of(problem, cast("AnyModel", given), device)
        system = PdeSystem(problem, bound)
        columns = {
            name: block.coordinates.points[:, self._axis]
            for name, block in system.blocks.items()
            if isinstance(block, PointwiseBlock)
        }
        self.bounds = bounds = self._ends(columns)
        self._initial = [
            name for name, column in columns.items() if bool((column == bounds[0]).all())
        ]
        if not self._initial:
            raise ValueError(f"problem must have a condition at {coordinate} = {bounds[0]}")
        self._orders = self._orders_in_time(system)
        self._model = bound
        self._scales = own_scales(system)

    def _ends(self, columns: Mapping[str, Tensor]) -> tuple[float, float]:
        """The first and the last time of the regions, or of the points where none is known."""
        ends = []
        for name, column in columns.items():
            region = getattr(self._problem.conditions[name].points, "region", None)
            if region is None:
                ends += [float(column.min()), float(column.max())]
            else:
                ends += region.bounds[self._axis]
        if not min(ends) < max(ends):
            raise ValueError(f"problem must extend in {self._coordinate}, got {ends}")
        return min(ends), max(ends)

    def _orders_in_time(self, system: PdeSystem) -> list[int]:
        """For every field the highest derivative in time that the equations take."""
        fields = self._problem.fields
        mapped = getattr(system.model, "outputs", None) is not None
        orders = [0] * len(fields)
        for name, block in system.blocks.items():
            if name in self._initial or not isinstance(block, PointwiseBlock):
                continue
            for k, j in block.pointwise.uses:
                terms = block.pointwise.operators[k].terms
                order = max(index[self._axis] for index, _ in terms)
                channel = block.pointwise.signature.model_channel(j)
                if channel is None:
                    continue
                for field in range(len(fields)) if mapped else [channel]:
                    orders[field] = max(orders[field], order)
        return orders

    def model(self, window: tuple[float, float]) -> AnyModel:
        """The network, which sees every window as [-1, 1].

        Behind a map of inputs it does so of a feature that is the time itself.
        """
        base = self._model
        if not isinstance(base, (MLP, Model)):
            return base
        if isinstance(base, Model) and base.scales is not None:
            scales = base.scales
        else:
            scales = self._scales or Scales(
                ((0.0, 1.0),) * len(self._problem.coordinates),
                ((0.0, 1.0),) * len(self._problem.fields),
            )
        centre, half = 0.5 * (window[0] + window[1]), 0.5 * (window[1] - window[0])
        coordinates = list(scales.coordinates)
        coordinates[self._axis] = (centre, half)
        own = replace(scales, coordinates=tuple(coordinates))
        if isinstance(base, MLP):
            return Model(base, coordinates=base.coordinates, scales=own)
        return replace(base, scales=own)

    def problem(self, window: tuple[float, float], before: TrainResult | None) -> Problem:
        """The problem in one window, its first values those of the window before."""
        stretch = Stretch(self._axis, self.bounds, window)
        conditions: dict[str, Condition] = {}
        for name, condition in self._problem.conditions.items():
            if isinstance(condition, Data):
                inside = self._measured(condition, window)
                if inside is not None:
                    conditions[name] = inside
            elif name in self._initial and before is not None:
                continue
            else:
                conditions[name] = _in_window(name, condition, stretch)
        if before is not None:
            first = self._problem.conditions[self._initial[0]]
            conditions[CONTINUITY] = Condition(
                _Continuity(before, self._coordinate, self._orders),
                stretch.design(first.points),
                first.weight,
            )
        evaluation = self._problem.evaluation
        if evaluation is not None:
            inside_window = _inside(evaluation[:, self._axis], window)
            evaluation = evaluation[inside_window] if bool(inside_window.any()) else None
        return replace(
            self._problem, conditions=conditions, evaluation=evaluation, model=None, settings={}
        )

    def _measured(self, data: Data, window: tuple[float, float]) -> Data | None:
        """The measurements of one window, if there are any."""
        points = cast("Tensor", data.points).as_subclass(Tensor)
        inside = _inside(points[:, self._axis], window)
        if not bool(inside.any()):
            return None
        sigma = data.sigma[inside] if isinstance(data.sigma, Tensor) else data.sigma
        return Data(
            points[inside], data.values[inside], of=data.of, sigma=sigma, weight=data.weight
        )


def _in_window(name: str, condition: Condition, stretch: Stretch) -> Condition:
    try:
        return condition.in_window(stretch)
    except ValueError as error:
        raise ValueError(f"condition {name!r}: {error}") from error


class _Continuity:
    """The residual of the first values of a window: those of the window before.

    Args:
        before: the run of the window before.
        coordinate: the name of the time.
        orders: for every field how many derivatives in time have to agree, its value included.
    """

    def __init__(self, before: TrainResult, coordinate: str, orders: Sequence[int]) -> None:
        self._before, self._coordinate, self._orders = before, coordinate, orders

    def __call__(self, *arguments: Any) -> tuple[Tensor, ...]:
        fields, x = arguments[:-1], arguments[-1]
        known = x.once(self, lambda: self._values(x.points))
        return tuple(
            field.d(*[self._coordinate] * k) - known[k][:, j]
            for j, (field, order) in enumerate(zip(fields, self._orders, strict=True))
            for k in range(order)
        )

    def _values(self, points: Tensor) -> list[Tensor]:
        """The derivatives in time of all fields, each [n, m], by order."""
        model = cast("Model", self._before.model)
        names = [self._coordinate * k for k in range(max(self._orders))]
        return list(model.jet(self._before.theta, points, names).values())


def _inside(column: Tensor, window: tuple[float, float]) -> Tensor:
    return (column >= window[0]) & (column <= window[1])
