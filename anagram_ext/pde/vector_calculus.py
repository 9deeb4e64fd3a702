"""Gradient, divergence, curl and material derivative of fields and expressions of them.

Each is a line of first derivatives: those of a field as the engine makes them, those of an
expression by ``ax.d``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import torch
from torch import Tensor

from anagram_ext.checks import check_kind, strings
from anagram_ext.pde.derivative import d
from anagram_ext.pde.field import Field

Expression = Field | Tensor


def gradient(expression: Expression, names: Sequence[str]) -> tuple[Tensor, ...]:
    """The derivatives along some coordinates, ``ax.gradient(u, ("x", "y"))``.

    Args:
        expression: a field, or a pointwise torch expression [n], within a residual.
        names: of the k coordinates.

    Returns:
        k tensors [n].

    Raises:
        TypeError: ``expression`` is neither a tensor nor a field; names that are no strings.
        ValueError: an unknown coordinate, or what ``ax.d`` refuses.
    """
    return tuple(_slope(expression, name) for name in _names(names))


def divergence(parts: Sequence[Expression], names: Sequence[str]) -> Tensor:
    """The sum of the derivatives of each part along its own coordinate.

    Conservative forms of any dimension: ``ax.divergence([k * g for g in ax.gradient(u, "xy")],
    "xy")``.

    Args:
        parts: k fields or pointwise torch expressions [n], within a residual.
        names: of the k coordinates.

    Returns:
        The divergence [n].

    Raises:
        TypeError: a part is neither a tensor nor a field; names that are no strings.
        ValueError: not as many parts as names, or what ``ax.d`` refuses.
    """
    along = _names(names)
    _check_count("parts", parts, along)
    return functools.reduce(torch.add, map(_slope, parts, along))


def curl(parts: Sequence[Expression], names: Sequence[str]) -> Tensor | tuple[Tensor, ...]:
    """The curl of a vector in the plane, a tensor [n], or in space, three of them.

    Args:
        parts: two or three fields or pointwise torch expressions [n], within a residual.
        names: of as many coordinates, in a right-handed order.

    Raises:
        TypeError: a part is neither a tensor nor a field; names that are no strings.
        ValueError: not two or three parts, not as many names, or what ``ax.d`` refuses.
    """
    along = _names(names)
    _check_count("parts", parts, along)
    if len(along) == 2:
        return _slope(parts[1], along[0]) - _slope(parts[0], along[1])
    if len(along) != 3:
        raise ValueError(f"names must be two or three coordinates for a curl, got {along}")
    return tuple(
        _slope(parts[(i + 2) % 3], along[(i + 1) % 3])
        - _slope(parts[(i + 1) % 3], along[(i + 2) % 3])
        for i in range(3)
    )


def material(
    expression: Expression,
    velocity: Sequence[Expression],
    names: Sequence[str],
    time: str | None = "t",
) -> Tensor:
    """The derivative along the flow, ``ax.material(u, (u, v), ("x", "y"))``.

    Args:
        expression: a field, or a pointwise torch expression [n], within a residual.
        velocity: k fields or tensors [n].
        names: of the k coordinates that they are the velocity along.
        time: the coordinate of time; None for a steady flow.

    Returns:
        d/dt + sum of velocity times derivative, [n].

    Raises:
        TypeError: ``expression`` is neither a tensor nor a field; names that are no strings.
        ValueError: not as many velocities as names, or what ``ax.d`` refuses.
    """
    along = _names(names)
    _check_count("velocity", velocity, along)
    if time is not None:
        check_kind("time", time, str, "the name of a coordinate, or None")
    carried = [v * _slope(expression, name) for v, name in zip(velocity, along, strict=True)]
    changes = [] if time is None else [_slope(expression, time)]
    return functools.reduce(torch.add, changes + carried)


def _slope(expression: Expression, name: str) -> Tensor:
    # A field knows its own derivatives: nothing has to be remembered for autograd.
    return expression.d(name) if isinstance(expression, Field) else d(expression, name)


def _names(names: Sequence[str]) -> tuple[str, ...]:
    """A word of one-letter coordinates, or coordinate names; at least one."""
    along = tuple(names) if isinstance(names, str) else strings("names", names, "coordinate names")
    if not along:
        raise ValueError("names must hold at least one coordinate, got none")
    return along


def _check_count(argument: str, parts: object, names: tuple[str, ...]) -> None:
    if isinstance(parts, str) or not isinstance(parts, (Sequence, Tensor)):
        raise TypeError(f"{argument} must be a sequence of fields or tensors, got {parts!r}")
    if len(parts) != len(names):
        raise ValueError(
            f"{argument} must be as many as the coordinates {names}, got {len(parts)} of them"
        )
