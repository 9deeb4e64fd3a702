"""What a residual is called with: fields, coordinates and, where it takes them, unknowns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import torch
from torch import Tensor

from anagram_ext.models.constants import Constants
from anagram_ext.pde import operators
from anagram_ext.pde.coordinates import Coordinates, PairCoordinates
from anagram_ext.pde.field import Field
from anagram_ext.pde.paired import Side
from anagram_ext.pde.unknown import UnknownValues

if TYPE_CHECKING:
    from anagram_ext.models.protocol import JetMap, Model
    from anagram_ext.pde.derivative import Lookup, Tracker
    from anagram_ext.pde.operators import Operator
    from anagram_ext.pde.problem import Problem


class AnySignature(Protocol):
    """What a residual is called with, and where that comes from.

    A row may look at several places: what then stands for its point is as wide as they need, and
    its channels are those of all of them. So every kind of condition is pointwise in its rows.
    """

    @property
    def base(self) -> Signature:
        """That of a plain condition on the same model."""

    @property
    def n_channels(self) -> int:
        """How many functions of the points the jets hold, m; unknown coefficients come last."""

    def model_channel(self, channel: int) -> int | None:
        """Which of the model's channels a channel is; None for an integral."""

    @property
    def asked(self) -> set[int]:
        """The model's channels that integrals ask for."""

    @property
    def hides(self) -> bool:
        """Whether integrals have other derivatives than those of their values."""

    def placed(self, coordinates: Coordinates) -> Coordinates:
        """The rows that belong to the points of the condition."""

    def jets(self, wanted: Sequence[Operator], uses: Sequence[tuple[int, int]]) -> JetMap:
        """The map from parameters to the wanted derivatives of all channels, at the rows."""

    def arguments(
        self,
        residual: Callable[..., Any],
        channels: Sequence[Lookup],
        coordinates: Coordinates,
        tracker: Tracker | None = None,
    ) -> list[Any]:
        """What the residual is called with, see ``Signature.arguments``."""


@dataclass(frozen=True, eq=False)
class Signature:
    """How the arguments of residuals come from the channels of a model.

    Attributes:
        fields: names of the fields.
        model: bound to the problem.
        names: of the coordinates.
    """

    fields: tuple[str, ...]
    model: Model
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, problem: Problem, model: Model) -> Signature:
        """Of the residuals of a problem."""
        return cls(problem.fields, model, problem.coordinates)

    @property
    def base(self) -> Signature:
        """The same."""
        return self

    @property
    def n_channels(self) -> int:
        """How many functions of the points the jets hold, m."""
        return self.model.n_channels

    @property
    def like(self) -> Tensor:
        """A tensor of the model's dtype, where the model is."""
        return torch.empty(0, dtype=self.model.dtype, device=self.model.device)

    @property
    def starts(self) -> list[float]:
        """The first guesses of the unknown coefficients, which are the last channels."""
        return [start for unknown in self.model.unknowns.values() for start in unknown.starts]

    def model_channel(self, channel: int) -> int | None:
        """The same."""
        return channel

    @property
    def asked(self) -> set[int]:
        """There is no integral."""
        return set()

    @property
    def hides(self) -> bool:
        """There is no integral."""
        return False

    def placed(self, coordinates: Coordinates) -> Coordinates:
        """A point is a row."""
        return coordinates

    def jets(self, wanted: Sequence[Operator], uses: Sequence[tuple[int, int]]) -> JetMap:
        """Those of the model."""
        return self.model.jets(wanted, uses)

    def arguments(
        self,
        residual: Callable[..., Any],
        channels: Sequence[Lookup],
        coordinates: Coordinates,
        tracker: Tracker | None = None,
    ) -> list[Any]:
        """Fields, coordinates and, if the residual takes one argument more, the unknowns.

        Args:
            residual: what will be called.
            channels: their m lookups.
            coordinates: the n points.
            tracker: remembers what the fields hand out, where expressions are differentiated.

        Raises:
            ValueError: the model makes another number of fields.
        """
        arguments = self.fields_and_coordinates(channels, coordinates, tracker)
        return arguments + self.unknowns_if_taken(residual, len(arguments), channels, coordinates)

    def fields_and_coordinates(
        self, channels: Sequence[Lookup], coordinates: Coordinates, tracker: Tracker | None
    ) -> list[Any]:
        """What the arguments of most residuals begin with."""
        fields = self.fields_at(channels, coordinates, tracker)
        return [*fields, coordinates if tracker is None else tracker.coordinates]

    def fields_at(
        self, channels: Sequence[Lookup], coordinates: Coordinates, tracker: Tracker | None = None
    ) -> list[Field]:
        """The fields at the n points, from the m channels there."""
        of_networks = channels[: len(channels) - len(self.starts)]
        lookups = self.model.fields(of_networks, coordinates)
        if len(lookups) != len(self.fields):
            raise ValueError(
                f"outputs must return one tensor for each of the fields {self.fields}, got "
                f"{len(lookups)}"
            )
        if tracker is not None:
            lookups = [tracker.tracked(lookup) for lookup in lookups]
        return [
            Field(name, coordinates.names, lookup, coordinates.normals)
            for name, lookup in zip(self.fields, lookups, strict=True)
        ]

    def unknowns_if_taken(
        self,
        residual: Callable[..., Any],
        n_arguments: int,
        channels: Sequence[Lookup],
        coordinates: Coordinates,
    ) -> list[UnknownValues]:
        """The unknowns, where there are some and the residual takes one argument more."""
        n_constants = len(self.starts)
        if not n_constants or not takes(residual, n_arguments + 1):
            return []
        return [self._unknowns(channels[len(channels) - n_constants :], coordinates)]

    def _unknowns(self, channels: Sequence[Lookup], coordinates: Coordinates) -> UnknownValues:
        value = operators.value(len(coordinates.names))

        def lookup(part: slice, single: bool) -> Callable[[], Tensor | tuple[Tensor, ...]]:
            if single:
                return lambda: channels[part.start](value)
            return lambda: tuple(channel(value) for channel in channels[part])

        parts = Constants(self.model.unknowns).parts
        return UnknownValues(
            {
                name: lookup(part, self.model.unknowns[name].size is None)
                for name, part in parts.items()
            }
        )


def first_guesses(signature: AnySignature) -> list[float | None]:
    """By channel the first guess of an unknown coefficient; None for what a network makes."""
    starts = signature.base.starts
    of_networks: list[float | None] = [None] * (signature.n_channels - len(starts))
    return of_networks + starts


def refusal(argument: str, function: Callable[..., Any], given: Sequence[object]) -> str | None:
    """Why a function of a condition cannot be called with what it is given; None if it can.

    Args:
        argument: what the function is to the condition, such as ``"residual"``.
        function: any callable.
        given: what it is called with.
    """
    try:
        parameters = inspect.signature(function)
    except ValueError:  # a builtin without a signature
        return None
    if takes(function, len(given)):
        return None
    kinds = ", ".join(_kind(one) for one in given)
    return (
        f"{argument} must take {len(given)} arguments ({kinds}), got one that takes {parameters}; "
        "unknowns come last, where Problem(unknowns={'name': ax.Unknown(...)}) declares some"
    )


def _kind(given: object) -> str:
    """A word for what a residual is called with."""
    if isinstance(given, Field):
        return f"field {given.name}"
    return _KINDS.get(type(given), "integral")


_KINDS: Final[dict[type, str]] = {
    Coordinates: "coordinates",
    PairCoordinates: "coordinates",
    Side: "side of a pair",
    UnknownValues: "unknowns",
}


def takes(function: Callable[..., Any], n: int) -> bool:
    """Whether a function can be called with n positional arguments."""
    try:
        inspect.signature(function).bind(*range(n))
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return False
    return True
