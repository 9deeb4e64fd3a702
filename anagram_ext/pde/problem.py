"""A differential problem: residuals, each with the points where it has to vanish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from torch import Tensor

from anagram_ext.checks import check_kind, check_names, check_points, strings
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.unknown import Unknown

Solution = Callable[[Coordinates], Any]

ROW_SCALINGS = ("mean", "none")


@runtime_checkable
class Network(Protocol):
    """As much as a problem has to know of a model; see ``models.protocol`` for all of it."""

    @property
    def n_parameters(self) -> int:
        """Length of the parameter vector."""

    def bound(self, problem: Problem) -> object:
        """The network with the coordinates of a problem; raises ValueError unless it fits."""


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
            ``Coordinates``, returns [n] or a tuple with one such tensor a field.
        evaluation: points [n, d] for the L2 error; by default 10 000 Sobol points of the
            domain that the conditions' points come from.
        row_scaling: ``"mean"`` or ``"none"``.
        unknowns: coefficients that training finds, by name: residuals that take one argument more
            see their values there, as in ``lambda u, x, c: u.d("t") - c.nu * u.d("xx")``.
        name: a short name for tables and files.
        model: the network to use when none is given.
        settings: options of a published run by name, for those who repeat it; ``train`` does not
            read them.

    Raises:
        TypeError: an argument of another kind than said here.
        ValueError: names that are no names, equal or missing; points of another dimension, not
            finite, or of a region whose coordinates are others or in another order; a model of
            other widths.
    """

    coordinates: tuple[str, ...]
    fields: tuple[str, ...]
    conditions: Mapping[str, Condition]
    solution: Solution | None = None
    evaluation: Tensor | None = None
    row_scaling: str = "mean"
    name: str = ""
    model: Network | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    unknowns: Mapping[str, Unknown] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "coordinates", check_names(_names("coordinates", self.coordinates))
        )
        object.__setattr__(self, "fields", _names("fields", self.fields))
        check_kind("conditions", self.conditions, Mapping, "a mapping from names to Conditions")
        check_kind("name", self.name, str, "a string")
        check_kind("settings", self.settings, Mapping, "a mapping from names to values")
        object.__setattr__(self, "conditions", dict(self.conditions))
        if not self.fields or len(set(self.fields)) != len(self.fields):
            raise ValueError(f"fields must be one or more different names, got {self.fields}")
        if self.row_scaling not in ROW_SCALINGS:
            raise ValueError(f"row_scaling must be one of {ROW_SCALINGS}, got {self.row_scaling!r}")
        if self.solution is not None and not callable(self.solution):
            raise TypeError(f"solution must be callable, got {self.solution!r}")
        self._check_unknowns()
        self._check_conditions()
        if self.evaluation is not None:
            check_points("evaluation", self.evaluation, len(self.coordinates))
            if not len(self.evaluation):
                raise ValueError("evaluation must hold at least one point, got none")
        if self.model is not None:
            self.check_model(self.model)

    def check_model(self, model: object) -> None:
        """Raises unless the model maps the coordinates to the fields.

        Raises:
            TypeError: if it is no model.
            ValueError: if it has other inputs or outputs.
        """
        if not isinstance(model, Network):
            raise TypeError(f"model must be a network such as an MLP, got {model!r}")
        model.bound(self)

    def _check_unknowns(self) -> None:
        check_kind("unknowns", self.unknowns, Mapping, "a mapping from names to Unknowns")
        object.__setattr__(self, "unknowns", dict(self.unknowns))
        for name, unknown in self.unknowns.items():
            check_kind("each name in unknowns", name, str, "a string")
            check_kind(f"unknowns: {name!r}", unknown, Unknown, "an Unknown")
            if not name.isidentifier() or name.startswith("_"):
                raise ValueError(f"unknowns must be named by identifiers, got {name!r}")
            if name in self.fields or name in self.coordinates or name == "network":
                raise ValueError(
                    f"unknowns must have names of their own, got {name!r} beside fields "
                    f"{self.fields} and coordinates {self.coordinates}"
                )

    def _check_conditions(self) -> None:
        if not self.conditions:
            raise ValueError("conditions must hold at least one Condition, got none")
        for name, condition in self.conditions.items():
            check_kind("each name in conditions", name, str, "a string")
            if not isinstance(condition, Condition):
                raise TypeError(f"conditions: {name!r} must be a Condition, got {condition!r}")
            condition.check(name, self.coordinates)


def _names(argument: str, names: Sequence[str]) -> tuple[str, ...]:
    # A bare string is a sequence of letters: almost certainly a forgotten comma.
    example = (names,) if isinstance(names, str) else ("x",)
    return strings(argument, names, f"a sequence of names such as {example}")
