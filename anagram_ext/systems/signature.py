"""What a residual is called with: fields, coordinates and, where it takes them, unknowns."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor

from anagram_ext.models.constants import Constants
from anagram_ext.pde import operators
from anagram_ext.pde.field import Field
from anagram_ext.pde.unknown import UnknownValues

if TYPE_CHECKING:
    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.derivative import Lookup, Tracker
    from anagram_ext.pde.problem import Problem


@dataclass(frozen=True, eq=False)
class Signature:
    """How the arguments of residuals come from the channels of a model.

    Attributes:
        fields: names of the fields.
        model: bound to the problem.
    """

    fields: tuple[str, ...]
    model: Model

    @classmethod
    def of(cls, problem: Problem, model: Model) -> Signature:
        """Of the residuals of a problem."""
        return cls(problem.fields, model)

    @property
    def n_channels(self) -> int:
        """How many functions of the points the jets hold, m."""
        return self.model.n_channels

    @property
    def starts(self) -> list[float]:
        """The first guesses of the unknown coefficients, which are the last channels."""
        return [start for unknown in self.model.unknowns.values() for start in unknown.starts]

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
        n_constants = len(self.starts)
        of_networks = channels[: len(channels) - n_constants]
        lookups = self.model.fields(of_networks, coordinates)
        if len(lookups) != len(self.fields):
            raise ValueError(
                f"outputs must return one tensor for each of the fields {self.fields}, got "
                f"{len(lookups)}"
            )
        if tracker is not None:
            lookups = [tracker.tracked(lookup) for lookup in lookups]
        arguments: list[Any] = [
            Field(name, coordinates.names, lookup)
            for name, lookup in zip(self.fields, lookups, strict=True)
        ]
        arguments.append(coordinates if tracker is None else tracker.coordinates)
        if n_constants and _takes(residual, len(arguments) + 1):
            arguments.append(self._unknowns(channels[len(of_networks) :], coordinates))
        return arguments

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


def _takes(function: Callable[..., Any], n: int) -> bool:
    """Whether a function can be called with n positional arguments."""
    try:
        inspect.signature(function).bind(*range(n))
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return False
    return True
