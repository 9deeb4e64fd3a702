"""Output maps: fields that are functions of what the networks give, such as hard constraints.

``u = G(N(x), x)`` with any pointwise line of torch. Derivatives of u follow from those of the
networks N point by point, before anything is differentiated in the parameters; so neither the
engine nor a method knows of it. A map that is affine in N and its derivatives goes by Leibniz' rule
with coefficients computed once a point set, any other by the chain rule at every evaluation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from anagram_ext.pde import operators
from anagram_ext.pde.coordinates import is_marked
from anagram_ext.pde.derivative import Tracker
from anagram_ext.pde.field import Field
from anagram_ext.pde.leaves import leaves

if TYPE_CHECKING:
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.derivative import Lookup
    from anagram_ext.pde.operators import MultiIndex, Operator

Function = Callable[..., Any]
Leaf = tuple[int, "Operator"]  # a derivative of one channel that a map reads

_TRIES: Final = 2  # random values at which a map has to be affine


class OutputMap:
    """Fields as functions of the channels, the outputs of the networks.

    Args:
        function: called with one ``Field`` a channel and the ``Coordinates``; returns one tensor
            [n] a field, alone or in a tuple.
        channels: how many there are.
    """

    def __init__(self, function: Function, channels: int) -> None:
        if not callable(function):
            raise TypeError(f"outputs must be callable, got {function!r}")
        self._function = function
        self._channels = channels

    def lookups(self, channels: Sequence[Lookup], coordinates: Coordinates) -> list[Lookup]:
        """The lookup of every field, from those of the channels."""
        affine: list[_Affine] | None = coordinates.once(self, lambda: self._affine(coordinates))
        if affine is not None:
            return [field.lookup(channels) for field in affine]
        return [self._chain_rule(channels, coordinates, j) for j in range(self._count(coordinates))]

    def _evaluate(self, lookups: Sequence[Lookup], coordinates: Coordinates) -> list[Tensor]:
        """What the function returns, one tensor of the shape of a channel's values a field."""
        fields = [Field(f"N{j}", coordinates.names, lookup) for j, lookup in enumerate(lookups)]
        returned = self._function(*fields, coordinates)
        parts = returned if isinstance(returned, (tuple, list)) else (returned,)
        made = []
        for part in parts:
            values = part.value if isinstance(part, Field) else part
            if not isinstance(values, Tensor):
                raise TypeError(f"outputs must return tensors, got {type(values).__name__}")
            made.append(values)
        return made

    def _chain_rule(
        self, channels: Sequence[Lookup], coordinates: Coordinates, field: int
    ) -> Lookup:
        def lookup(operator: Operator) -> Tensor:
            shape = channels[0](operators.value(len(coordinates.names))).shape
            tracker = Tracker(coordinates, shape)
            with tracker.active():
                values = self._evaluate(
                    [tracker.tracked(channel) for channel in channels], tracker.coordinates
                )[field]
                terms = [
                    coefficient * tracker.derivative(values, _spelled(index, coordinates.names))
                    for index, coefficient in operator.terms
                ]
            return torch.stack(terms).sum(dim=0)

        return lookup

    def _count(self, coordinates: Coordinates) -> int:
        count: int = coordinates.once((self, "count"), lambda: len(self._probe(coordinates)[1]))
        return count

    def _probe(
        self, coordinates: Coordinates, values: Callable[[Leaf], Tensor] | None = None
    ) -> tuple[list[Leaf], list[Tensor]]:
        """Which derivatives of the channels the function reads, and what it makes of values."""
        seen: dict[Leaf, Tensor] = {}
        points = coordinates.points

        def channel(j: int) -> Lookup:
            def lookup(operator: Operator) -> Tensor:
                leaf = (j, operator)
                if leaf not in seen:
                    seen[leaf] = points.new_zeros(len(points)) if values is None else values(leaf)
                return seen[leaf]

            return lookup

        tracker = Tracker(coordinates, (len(points),))
        with tracker.active():
            made = self._evaluate([channel(j) for j in range(self._channels)], tracker.coordinates)
        for values_made in made:
            if values_made.shape != (len(points),):
                raise ValueError(
                    f"outputs must return tensors of shape [{len(points)}], got "
                    f"{list(values_made.shape)}"
                )
            _check_nothing_to_train(values_made)
        return list(seen), made

    def _affine(self, coordinates: Coordinates) -> list[_Affine] | None:
        """The coefficients of the map, if it is affine in the channels; None if it is not."""
        points = coordinates.points
        leaves, zero = self._probe(coordinates)
        if any(
            not part.isfinite().all() for part in zero
        ):  # a logarithm, say, is not affine either
            return None

        def made_of_one(leaf: Leaf) -> list[Tensor]:
            return self._probe(coordinates, lambda other: _unit(points, other == leaf))[1]

        units = {leaf: made_of_one(leaf) for leaf in leaves}
        rng = torch.Generator().manual_seed(0)
        for _ in range(_TRIES):
            tried: dict[Leaf, Tensor] = {
                leaf: torch.randn(len(points), generator=rng, dtype=torch.float64).to(points)
                for leaf in leaves
            }
            read, made = self._probe(coordinates, tried.__getitem__)
            if set(read) != set(leaves):
                return None
            for field, values in enumerate(made):
                terms = [(units[leaf][field] - zero[field]) * tried[leaf] for leaf in leaves]
                expected = torch.stack([zero[field], *terms]).sum(dim=0)
                scale = torch.stack([zero[field], *terms]).abs().sum(dim=0)
                if not bool(((values - expected).abs() <= _tolerance(points) * scale).all()):
                    return None
        return [
            _Affine(
                _Coefficient(self, field, None, coordinates),
                {leaf: _Coefficient(self, field, leaf, coordinates) for leaf in leaves},
            )
            for field in range(len(zero))
        ]


@dataclass
class _Affine:
    """One field ``b(x) + sum_l A_l(x) N_l``, the leaves l being derivatives of channels.

    Attributes:
        constant: b.
        coefficients: A_l by leaf.
    """

    constant: _Coefficient
    coefficients: dict[Leaf, _Coefficient]

    def lookup(self, channels: Sequence[Lookup]) -> Lookup:
        """The lookup of the field, by Leibniz' rule."""

        def lookup(operator: Operator) -> Tensor:
            total = self.constant.under(operator)
            for (j, own), coefficient in self.coefficients.items():
                for applied, factor in coefficient.leibniz(operator, own):
                    total = total + factor * channels[j](applied)
            return total

        return lookup


class _Coefficient:
    """b or A_l of one field as a function of x, and its derivatives at the points."""

    def __init__(
        self, owner: OutputMap, field: int, leaf: Leaf | None, coordinates: Coordinates
    ) -> None:
        self._owner, self._field, self._leaf = owner, field, leaf
        self._coordinates = coordinates
        self._known: dict[Operator, Tensor] = {}
        self._rules: dict[tuple[Operator, Operator], list[tuple[Operator, Tensor]]] = {}

    def under(self, operator: Operator) -> Tensor:
        """The operator applied to the coefficient, [n]."""
        if operator not in self._known:
            self._known[operator] = self._differentiated(operator)
        return self._known[operator]

    def leibniz(self, operator: Operator, own: Operator) -> list[tuple[Operator, Tensor]]:
        """The terms of ``operator(A own(N))``: pairs (operator on N, factor [n]).

        The terms in which N takes all derivatives stay together as one operator, however many they
        are: a Laplacian remains one component of the engine.
        """
        key = (operator, own)
        if key not in self._rules:
            self._rules[key] = self._terms(operator, own)
        return self._rules[key]

    def _terms(self, operator: Operator, own: Operator) -> list[tuple[Operator, Tensor]]:
        lower: dict[MultiIndex, Tensor] = {}
        for index, weight in operator.terms:
            for on_n in itertools.product(*(range(times + 1) for times in index)):
                if on_n == index:
                    continue
                left = tuple(a - b for a, b in zip(index, on_n, strict=True))
                times = math.prod(math.comb(a, b) for a, b in zip(index, on_n, strict=True))
                part = weight * times * self.under(operators.Operator(((left, 1.0),)))
                lower[on_n] = lower[on_n] + part if on_n in lower else part
        value = operators.value(len(self._coordinates.names))
        whole = operators.combine(
            (operators.composed(own, index), weight) for index, weight in operator.terms
        )
        terms = [(whole, self.under(value))]
        terms += [
            (operators.composed(own, index), factor)
            for index, factor in lower.items()
            if bool(factor.any())
        ]
        return terms

    def _differentiated(self, operator: Operator) -> Tensor:
        at = self._coordinates
        n = len(at.points)
        tracker = Tracker(at, (n,))
        with tracker.active():
            values = self._values(tracker.coordinates)
            terms = [
                weight * tracker.derivative(values, _spelled(index, at.names))
                for index, weight in operator.terms
            ]
        return torch.stack(terms).sum(dim=0).detach()

    def _values(self, at: Coordinates) -> Tensor:
        """b, or A_l as the difference that a unit of the leaf makes, differentiable in x."""

        def channel(j: int, unit: bool) -> Lookup:
            return lambda operator: _unit(at.points, unit and (j, operator) == self._leaf)

        channels = range(self._owner._channels)
        zero = self._owner._evaluate([channel(j, False) for j in channels], at)[self._field]
        if self._leaf is None:
            return zero
        one = self._owner._evaluate([channel(j, True) for j in channels], at)[self._field]
        return one - zero


def _check_nothing_to_train(values: Tensor) -> None:
    """Raises if what a map returns depends on parameters of its own."""
    for leaf in leaves(values):
        if not is_marked(leaf):
            raise ValueError(
                f"outputs depend on a tensor of shape {list(leaf.shape)} that requires grad and "
                "would not be trained: make it an output of a network, or freeze it by "
                "requires_grad_(False)"
            )


def _unit(points: Tensor, one: bool) -> Tensor:
    return points.new_full((len(points),), float(one))


def _tolerance(points: Tensor) -> float:
    return 1e3 * torch.finfo(points.dtype).eps


def _spelled(index: MultiIndex, names: tuple[str, ...]) -> list[str]:
    """The coordinate names of a multi-index, one by one; none for the value itself."""
    return [name for name, times in zip(names, index, strict=True) for _ in range(times)]
