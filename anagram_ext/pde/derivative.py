"""Derivatives of expressions: ``ax.d(k * u.d("x"), "x")`` by the chain rule, point by point.

An expression depends on the coordinates directly and through fields. Autograd gives its partial
derivatives with respect to both, on n numbers each; what a field contributes is that times the
field's own derivative of one order more, which the engine computes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anagram_ext.pde import operators
from anagram_ext.pde.coordinates import Coordinates, columns, marked

if TYPE_CHECKING:
    from anagram_ext.pde.operators import Operator

Lookup = Callable[["Operator"], Tensor]

_active: ContextVar[Tracker | Watch | None] = ContextVar("expressions", default=None)


def d(expression: object, *names: str) -> Tensor:
    """A partial derivative of an expression of fields and coordinates, within a residual.

    Conservative forms are written as they stand: ``ax.d(k * u.d("x"), "x")``.

    Args:
        expression: a pointwise torch expression, [n], or a field.
        names: as for ``Field.d``: a word of one-letter coordinates, or coordinate names.

    Returns:
        The derivative, as long as the expression.

    Raises:
        ValueError: outside of a residual, for an unknown coordinate, or where a field would be
            differentiated more than four times.
        TypeError: ``expression`` is neither a tensor nor a field.
    """
    tracker = _active.get()
    if tracker is None:
        raise ValueError("ax.d must be called within a residual or an output map, got no fields")
    value = getattr(expression, "value", expression)
    if not isinstance(value, Tensor) or not value.is_floating_point():
        given = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"expression must be a tensor or a field, got {given}")
    operators.check_named(names)
    return tracker.derivative(value, names)


@contextmanager
def _asked(tracker: Tracker | Watch) -> Iterator[None]:
    """``d`` asks the tracker within the block; gradients are enabled."""
    token = _active.set(tracker)
    try:
        with torch.enable_grad():
            yield
    finally:
        _active.reset(token)


class NeedsTracker(Exception):
    """An expression is to be differentiated, and nobody remembers what it was made of."""


class Watch:
    """Finds out whether a residual differentiates expressions, at no cost if it does not."""

    @contextmanager
    def active(self) -> Iterator[None]:
        """``d`` raises ``NeedsTracker`` within the block; gradients are enabled."""
        with _asked(self):
            yield

    def derivative(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """Raises NeedsTracker."""
        del values, names
        raise NeedsTracker


class Tracker:
    """Remembers what fields handed out, so that expressions of it can be differentiated.

    Args:
        coordinates: the n points.
        shape: of a field's values, [n] or [q, n].

    Attributes:
        coordinates: the same points, whose columns autograd can differentiate by.
    """

    def __init__(self, coordinates: Coordinates, shape: Sequence[int]) -> None:
        self.coordinates = coordinates.differentiable(shape)
        self._shape = tuple(shape)
        self._handed_out: list[tuple[Tensor, Lookup, Operator]] = []

    def tracked(self, lookup: Lookup) -> Lookup:
        """The same lookup; what it hands out is remembered."""

        def remembering(operator: Operator) -> Tensor:
            values = lookup(operator)
            if not torch.is_grad_enabled():
                return values
            # A node of its own in the graph.
            values = values.view_as(values) if values.requires_grad else marked(values.clone())
            self._handed_out.append((values, remembering, operator))
            return values

        return remembering

    @contextmanager
    def active(self) -> Iterator[None]:
        """Makes ``d`` work within the block, gradients enabled; forgets everything behind it."""
        try:
            with _asked(self):
                yield
        finally:
            self._handed_out.clear()

    def derivative(self, values: Tensor, names: Sequence[str]) -> Tensor:
        """The partial derivative of an expression, [n] or [q, n]."""
        coordinates = self.coordinates.names
        ((index, _),) = operators.derivative(tuple(names), coordinates).terms
        for axis, times in enumerate(index):
            for _ in range(times):
                values = self._along(values, axis)
        return values

    def _along(self, values: Tensor, axis: int) -> Tensor:
        if values.ndim > len(self._shape):
            raise ValueError(
                "ax.d must be given an expression with one number a point, got shape "
                f"{list(values.shape)} at {self._shape[-1]} points; differentiate part by part"
            )
        if not values.requires_grad:
            return torch.zeros_like(values)
        name = self.coordinates.names[axis]
        handed_out = list(self._handed_out)  # grows below
        direct = columns(self.coordinates, name)
        inputs = [*direct, *(tensor for tensor, _, _ in handed_out)]
        gradients = torch.autograd.grad(values.sum(), inputs, create_graph=True, allow_unused=True)
        total = torch.zeros_like(values)
        for gradient in gradients[: len(direct)]:
            if gradient is not None:
                total = total + gradient
        through = gradients[len(direct) :]
        for gradient, (_, lookup, operator) in zip(through, handed_out, strict=True):
            if gradient is not None:
                total = total + gradient * lookup(operators.differentiated(operator, axis))
        return total
