"""Measured values as a condition."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from anagram_ext.checks import check_kind, finite_number
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.field import Field


def first_field(*arguments: Any) -> Any:
    """The default of ``Data(of=)``: the only field."""
    if sum(isinstance(argument, Field) for argument in arguments) > 1:
        raise ValueError("of must say which of several fields was measured, got None")
    return arguments[0]


@dataclass(frozen=True, init=False)
class Data(Condition):
    """Measurements of the fields at given points.

    A row is ``(of(u, x) - value) / sigma``, times ``sqrt(weight / n)`` as for every condition. The
    values belong to their points: no others are drawn, and none are held out.

    Attributes:
        values: what was measured, [n], or [n, C] for C quantities a point.
        of: what was measured, as a function of the fields, the coordinates and, if it takes one
            argument more, the unknowns; a tensor [n], or a tuple of C. By default the field itself,
            where there is only one.
        sigma: standard deviation of the noise: a number, or as many as ``values``; None: not known,
            rows are not scaled.

    Raises:
        TypeError: an argument of another kind.
        ValueError: values of another length than the points, values or sigma that are not finite, a
            sigma that is not positive.
    """

    values: Tensor = field(default_factory=lambda: torch.empty(0))
    of: Callable[..., Any] = first_field
    sigma: float | Tensor | None = None

    def __init__(
        self,
        points: Tensor,
        values: Tensor,
        *,
        of: Callable[..., Any] | None = None,
        sigma: float | Tensor | None = None,
        weight: float = 1.0,
    ) -> None:
        check_kind("Data: points", points, Tensor, "a tensor [n, d]")
        if points.ndim != 2:
            raise ValueError(f"Data: points must have shape [n, d], got {list(points.shape)}")
        columns = _columns(values, len(points))
        scales = _scales(sigma, values)
        measured = first_field if of is None else of
        if not callable(measured):
            raise TypeError(f"Data: of must be callable, got {of!r}")
        object.__setattr__(self, "values", values.detach().clone())
        object.__setattr__(self, "of", measured)
        object.__setattr__(self, "sigma", sigma)
        object.__setattr__(self, "residual", _Misfit(measured, columns, scales))
        object.__setattr__(self, "points", points)
        object.__setattr__(self, "weight", weight)
        self.__post_init__()

    @property
    def fixed(self) -> bool:
        """The values belong to their points."""
        return True


class _Misfit:
    """The residual of measurements: values and scales [C, n], moved to where it is asked for."""

    def __init__(self, of: Callable[..., Any], values: Tensor, scales: Tensor) -> None:
        self._of, self._values, self._scales = of, values, scales
        self.__wrapped__ = of  # its arguments are those of ``of``

    def __call__(self, *arguments: Any) -> tuple[Tensor, ...]:
        returned = self._of(*arguments)
        parts = returned if isinstance(returned, (tuple, list)) else (returned,)
        if len(parts) != len(self._values):
            raise ValueError(
                f"of must return {len(self._values)} quantities as there are values, got "
                f"{len(parts)}"
            )
        misfits = []
        for part, value, scale in zip(parts, self._values, self._scales, strict=True):
            modelled = part.value if isinstance(part, Field) else part
            if not isinstance(modelled, Tensor):
                raise TypeError(f"of must return tensors, got {type(modelled).__name__}")
            misfits.append((modelled - value.to(modelled)) / scale.to(modelled))
        return tuple(misfits)


def _columns(values: Tensor, n: int) -> Tensor:
    """The values as [C, n]."""
    check_kind("Data: values", values, Tensor, "a tensor [n] or [n, C]")
    if values.ndim not in {1, 2} or len(values) != n or not values.is_floating_point():
        raise ValueError(
            f"Data: values must be numbers [{n}] or [{n}, C] for {n} points, got "
            f"{list(values.shape)} of {values.dtype}"
        )
    if not bool(torch.isfinite(values).all()):
        row = int((~torch.isfinite(values)).nonzero()[0, 0])
        raise ValueError(f"Data: values must be finite, got {values[row].tolist()} in row {row}")
    columns = values.detach().cpu().to(torch.float64)
    return columns[None].clone() if values.ndim == 1 else columns.T.contiguous()


def _scales(sigma: float | Tensor | None, values: Tensor) -> Tensor:
    """The standard deviation of every value, as [C, n]."""
    columns = values[None] if values.ndim == 1 else values.T
    if sigma is None:
        return torch.ones(columns.shape, dtype=torch.float64)
    if isinstance(sigma, Tensor):
        if sigma.is_complex() or sigma.dtype == torch.bool:
            raise TypeError(f"Data: sigma must hold real numbers, got {sigma.dtype}")
        if sigma.shape != values.shape:
            raise ValueError(
                f"Data: sigma must be a number or of shape {list(values.shape)} like values, got "
                f"{list(sigma.shape)}"
            )
        scales = sigma.detach().cpu().to(torch.float64)
        scales = scales[None] if sigma.ndim == 1 else scales.T
    else:
        wanted = "a number or a tensor like values"
        number = finite_number("Data: sigma", sigma, wanted)
        scales = torch.full(columns.shape, number, dtype=torch.float64)
    if not bool((scales > 0).all()) or not math.isfinite(float(scales.max())):
        raise ValueError(f"Data: sigma must be positive and finite, got {sigma}")
    return scales.contiguous()
