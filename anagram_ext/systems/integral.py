"""Rows that hold integrals: every integral is one channel more, next to those of the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from anagram_ext.geometry.points import Points
from anagram_ext.pde import operators
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.field import Field
from anagram_ext.systems.dry_run import discover
from anagram_ext.systems.integral_jets import IntegralJets, Integrand
from anagram_ext.systems.quadratures import OwnNodes, SharedNodes
from anagram_ext.systems.signature import Signature

if TYPE_CHECKING:
    from anagram_ext.models.protocol import JetMap
    from anagram_ext.pde.derivative import Lookup, Tracker
    from anagram_ext.pde.integral import Integral, IntegroDifferential
    from anagram_ext.pde.operators import Operator


@dataclass(frozen=True, eq=False)
class IntegrandSignature:
    """The arguments of an integrand, at N nodes: rows [N, d], or [N, 2 d] with the point behind.

    Attributes:
        base: that of a plain condition.
        with_point: whether it is called with the point that an integral belongs to.
    """

    base: Signature
    with_point: bool

    @property
    def n_channels(self) -> int:
        """Those of the model."""
        return self.base.n_channels

    @property
    def asked(self) -> set[int]:
        """There is no integral within it."""
        return set()

    @property
    def hides(self) -> bool:
        """There is no integral within it."""
        return False

    def model_channel(self, channel: int) -> int | None:
        """The same."""
        return channel

    def placed(self, coordinates: Coordinates) -> Coordinates:
        """A node is a row."""
        return coordinates

    def jets(self, wanted: Sequence[Operator], uses: Sequence[tuple[int, int]]) -> JetMap:
        """Those of the model, at the nodes alone."""
        return self.base.jets(wanted, uses)

    def arguments(
        self,
        residual: Callable[..., Any],
        channels: Sequence[Lookup],
        coordinates: Coordinates,
        tracker: Tracker | None = None,
    ) -> list[Any]:
        """Fields and coordinates at the nodes, then the coordinates of the point, if asked for."""
        arguments = self.base.fields_and_coordinates(channels, coordinates, tracker)
        if self.with_point:
            d = len(coordinates.names)
            arguments.append(Coordinates(coordinates.names, coordinates.points[:, d:]))
        return arguments + self.base.unknowns_if_taken(
            residual, len(arguments), channels, coordinates
        )


@dataclass(frozen=True, eq=False)
class _WithIntegrals:
    """The channels of rows that hold integrals: these first, then those of the model.

    Attributes:
        base: that of a plain condition.
        integrand: the integrals, C of them.
    """

    base: Signature
    integrand: Integrand

    @property
    def n_channels(self) -> int:
        """C and those of the model."""
        return self.integrand.n_components + self.base.n_channels

    @property
    def asked(self) -> set[int]:
        """What the integrand asks for."""
        return self.integrand.pointwise.asked

    @property
    def hides(self) -> bool:
        """Whether the integrand does."""
        return self.integrand.pointwise.hides_any

    def model_channel(self, channel: int) -> int | None:
        """None for the first C."""
        C = self.integrand.n_components
        return channel - C if channel >= C else None


@dataclass(frozen=True, eq=False)
class TotalSignature(_WithIntegrals):
    """The arguments of an ``Integral``: the integrals, in a single row that has no point.

    The channels of the model are not looked at.
    """

    @classmethod
    def of(cls, name: str, condition: Integral, base: Signature) -> TotalSignature:
        """After a dry run of the integrand."""
        assert isinstance(condition.points, Points)
        nodes = SharedNodes.of(condition.points, base.like)
        found = discover(
            name,
            condition.integrand,
            IntegrandSignature(base, with_point=False),
            Coordinates(base.names, nodes.nodes),
            argument="integrand",
        )
        return cls(base, Integrand(found, base.names, nodes, with_point=False))

    def placed(self, coordinates: Coordinates) -> Coordinates:
        """A single row."""
        return Coordinates((), coordinates.points.new_empty((1, 0)))

    def jets(self, wanted: Sequence[Operator], uses: Sequence[tuple[int, int]]) -> JetMap:
        """The map from parameters to the integrals."""
        del uses
        return IntegralJets(self.integrand, None, wanted, self.base.n_channels, 0)

    def arguments(
        self,
        residual: Callable[..., Any],
        channels: Sequence[Lookup],
        coordinates: Coordinates,
        tracker: Tracker | None = None,
    ) -> list[Any]:
        """The integrals."""
        del residual, tracker
        return [_integrals(self.integrand, channels, coordinates.names)]


@dataclass(frozen=True, eq=False)
class EquationSignature(_WithIntegrals):
    """The arguments of an ``IntegroDifferential``: those of a condition, then the integrals.

    Attributes:
        condition: knows the nodes of every point.
    """

    condition: IntegroDifferential

    @classmethod
    def of(
        cls, name: str, condition: IntegroDifferential, base: Signature, coordinates: Coordinates
    ) -> EquationSignature:
        """After a dry run of the integrand for the first points."""
        over = condition.over
        nodes: SharedNodes | OwnNodes = OwnNodes()
        if isinstance(over, Points):
            nodes = SharedNodes.of(over, base.like)
        try:
            rows = _with_nodes(condition, coordinates)
        except (TypeError, ValueError) as error:
            raise type(error)(f"condition {name!r}: {error}") from error
        at = nodes.opened(rows.points, len(base.names)).coordinates(base.names, with_point=True)
        signature = IntegrandSignature(base, with_point=True)
        found = discover(name, condition.integrand, signature, at, argument="integrand")
        return cls(base, Integrand(found, base.names, nodes, with_point=True), condition)

    def placed(self, coordinates: Coordinates) -> Coordinates:
        """Each point, with its own nodes and weights behind it if it has some."""
        return _with_nodes(self.condition, coordinates)

    def jets(self, wanted: Sequence[Operator], uses: Sequence[tuple[int, int]]) -> JetMap:
        """The map from parameters to the integrals and the wanted derivatives."""
        C = self.integrand.n_components
        own = [(k, j - C) for k, j in uses if j >= C]
        jets = self.base.jets(wanted, own) if own else None
        d = len(self.base.names)
        return IntegralJets(self.integrand, jets, wanted, self.base.n_channels, d)

    def arguments(
        self,
        residual: Callable[..., Any],
        channels: Sequence[Lookup],
        coordinates: Coordinates,
        tracker: Tracker | None = None,
    ) -> list[Any]:
        """Fields, coordinates, integrals and, if the residual takes one more, the unknowns."""
        own = channels[self.integrand.n_components :]
        arguments = self.base.fields_and_coordinates(own, coordinates, tracker)
        arguments.append(_integrals(self.integrand, channels, coordinates.names, tracker))
        return arguments + self.base.unknowns_if_taken(residual, len(arguments), own, coordinates)


def _with_nodes(condition: IntegroDifferential, coordinates: Coordinates) -> Coordinates:
    """Rows [n, d], or [n, d + q d + q] with the nodes and weights of each point."""
    if isinstance(condition.over, Tensor):
        return coordinates
    points = coordinates.points
    exact = points.detach().cpu().to(torch.float64)
    nodes, weights = (part.to(points) for part in condition.nodes_for(exact))
    rows = torch.cat([points, nodes.flatten(1), weights], dim=1)
    return Coordinates(coordinates.names, rows)


def _integrals(
    integrand: Integrand,
    channels: Sequence[Lookup],
    names: tuple[str, ...],
    tracker: Tracker | None = None,
) -> Field | tuple[Field, ...]:
    """The integrals as a residual sees them: fields that cannot be differentiated."""
    value = operators.value(len(names))

    def valued(channel: Lookup) -> Lookup:
        def lookup(operator: Operator) -> Tensor:
            if operator != value:
                raise ValueError(
                    "an integral must not be differentiated: write the derivative of the integrand "
                    "as an integral of its own"
                )
            return channel(value)

        return lookup if tracker is None else tracker.tracked(lookup)

    found = tuple(
        Field(f"integral {c}", names, valued(channels[c])) for c in range(integrand.n_components)
    )
    return found[0] if len(found) == 1 else found
