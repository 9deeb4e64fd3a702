"""A differential problem: residuals, each with the points where it has to vanish."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from anagram_ext.checks import check_kind, check_points, strings
from anagram_ext.geometry.designs import Sampler
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.coordinates import Coordinates, check_names

Residual = Callable[..., Any]
Solution = Callable[[Coordinates], Any]

ROW_SCALINGS = ("mean", "none")


@dataclass(frozen=True)
class Condition:
    """A residual that has to vanish at some points: an equation, a boundary value, a measurement.

    Attributes:
        residual: called with one :class:`Field` a network output and then the
            :class:`Coordinates`; returns a tensor [n], or a tuple of several such residuals. Plain
            torch, pointwise: entry i may depend on the fields at point i only.
        points: a tensor [n, d], or a :class:`Sampler` that draws one for a seed.
        weight: factor of this condition in the loss.
    """

    residual: Residual
    points: Tensor | Sampler
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not callable(self.residual):
            raise TypeError(f"Condition: residual must be callable, got {self.residual!r}")
        if not isinstance(self.weight, (int, float)):
            raise TypeError(f"Condition: weight must be a number, got {self.weight!r}")
        if not (self.weight > 0 and math.isfinite(self.weight)):
            raise ValueError(f"Condition: weight must be positive and finite, got {self.weight}")
        if isinstance(self.points, Tensor):
            # A copy: a problem does not change behind the engine's back.
            object.__setattr__(self, "points", self.points.detach().clone())
        elif not isinstance(self.points, Sampler):
            raise TypeError(
                f"Condition: points must be a tensor [n, d] or a Sampler, got {type(self.points)}"
            )

    def points_for(self, seed: int) -> Tensor:
        """The points [n, d]: the given ones, or those that the sampler draws for the seed."""
        return self.points(seed) if isinstance(self.points, Sampler) else self.points


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that defines the nonlinear least-squares problem, apart from the network.

    The loss is ``1/2 sum_b (w_b / n_b) sum_i r_b(x_i)^2`` over the conditions b with weight w_b and
    n_b points; with ``row_scaling="none"`` the division by n_b is left out.

    Attributes:
        coordinates: names of the d coordinates, in the order of the columns of all points.
        fields: names of the network outputs.
        conditions: the conditions by name.
        solution: exact or reference solution, enables L2 errors: called with
            :class:`Coordinates`, returns [n] or a tuple with one such tensor a field.
        evaluation: points [n, d] for the L2 error; by default 10 000 Sobol points in the bounding
            box of all conditions' points.
        row_scaling: ``"mean"`` or ``"none"``.
        name: a short name for tables and files.
        model: the network to use when none is given.
        settings: recommended training options by name.
    """

    coordinates: tuple[str, ...]
    fields: tuple[str, ...]
    conditions: Mapping[str, Condition]
    solution: Solution | None = None
    evaluation: Tensor | None = None
    row_scaling: str = "mean"
    name: str = ""
    model: MLP | None = None
    settings: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "coordinates", check_names(_names("coordinates", self.coordinates))
        )
        object.__setattr__(self, "fields", _names("fields", self.fields))
        check_kind("conditions", self.conditions, Mapping, "a mapping from names to Conditions")
        check_kind("name", self.name, str, "a string")
        object.__setattr__(self, "conditions", dict(self.conditions))
        if not self.fields or len(set(self.fields)) != len(self.fields):
            raise ValueError(f"fields must be one or more different names, got {self.fields}")
        if self.row_scaling not in ROW_SCALINGS:
            raise ValueError(f"row_scaling must be one of {ROW_SCALINGS}, got {self.row_scaling!r}")
        if self.solution is not None and not callable(self.solution):
            raise TypeError(f"solution must be callable, got {self.solution!r}")
        self._check_conditions()
        if self.evaluation is not None:
            check_points("evaluation", self.evaluation, len(self.coordinates))
            if not len(self.evaluation):
                raise ValueError("evaluation must hold at least one point, got none")
        if self.model is not None:
            self.check_model(self.model)

    def check_model(self, model: MLP) -> None:
        """Raises unless the network maps the coordinates to the fields.

        Raises:
            TypeError: if it is no network.
            ValueError: if it has other widths.
        """
        check_kind("model", model, MLP, "an MLP")
        expected = (len(self.coordinates), len(self.fields))
        if (model.widths[0], model.widths[-1]) != expected:
            raise ValueError(
                f"model: widths {list(model.widths)} must start with {expected[0]} coordinates "
                f"{self.coordinates} and end with {expected[1]} fields {self.fields}"
            )

    def _check_conditions(self) -> None:
        if not self.conditions:
            raise ValueError("conditions must hold at least one Condition, got none")
        for name, condition in self.conditions.items():
            if not isinstance(condition, Condition):
                raise TypeError(f"conditions: {name!r} must be a Condition, got {condition!r}")
            if isinstance(condition.points, Tensor):
                check_points(
                    f"points of condition {name!r}", condition.points, len(self.coordinates)
                )


def _names(argument: str, names: Sequence[str]) -> tuple[str, ...]:
    # A bare string is a sequence of letters: almost certainly a forgotten comma.
    example = (names,) if isinstance(names, str) else ("x",)
    return strings(argument, names, f"a sequence of names such as {example}")
