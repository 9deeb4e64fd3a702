"""Checks of arguments, for errors that name the argument and its value."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32)
_RESERVED = ("names", "points", "normal")  # attributes of Coordinates


def check_kind(
    argument: str, value: object, kind: type | tuple[type, ...], description: str
) -> None:
    """Raises TypeError unless `value` is an instance of `kind`."""
    if not isinstance(value, kind):
        raise TypeError(f"{argument} must be {description}, got {value!r}")


def check_integer(argument: str, value: object, least: int) -> None:
    """Raises unless `value` is an integer, and at least `least`.

    Raises:
        TypeError: if it is no integer; True and False are none.
        ValueError: if it is too small.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{argument} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{argument} must be at least {least}, got {value}")


def check_seed(seed: object) -> None:
    """Raises unless `seed` is an integer that random generators take."""
    check_integer("seed", seed, 0)
    if isinstance(seed, int) and seed >= 2**63:
        raise ValueError(f"seed must be below 2^63, got {seed}")


def elements(argument: str, values: object, description: str) -> tuple[object, ...]:
    """The elements of a sequence; TypeError for anything that is none, or a string."""
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{argument} must be {description}, got {values!r}")
    return tuple(values)


def check_points(argument: str, points: Tensor, dimension: int, device: str = "cpu") -> None:
    """Raises unless `points` is a finite float64 or float32 tensor [n, dimension].

    It may lie on `device` or on the CPU.

    Raises:
        TypeError: if it is no tensor, or of another dtype.
        ValueError: for another shape or device, or a value that is not finite.
    """
    if not isinstance(points, Tensor):
        raise TypeError(f"{argument} must be a tensor, got {type(points).__name__}")
    if points.dtype not in DTYPES:
        raise TypeError(f"{argument} must be float64 or float32, got {points.dtype}")
    if points.ndim != 2 or points.shape[1] != dimension:
        raise ValueError(f"{argument} must have shape [n, {dimension}], got {list(points.shape)}")
    if points.device.type != "cpu":
        _check_device(argument, points, device)
    finite = torch.isfinite(points).all(dim=1)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0, 0])
        raise ValueError(f"{argument} must be finite, got {points[row].tolist()} in row {row}")


def check_theta(
    theta: Tensor, shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu"
) -> None:
    """Raises unless `theta` is a tensor of the given shape, dtype and device.

    Raises:
        TypeError: if it is no tensor, or of another dtype than the model.
        ValueError: for another shape or device.
    """
    if not isinstance(theta, Tensor):
        raise TypeError(f"theta must be a tensor, got {type(theta).__name__}")
    if theta.dtype != dtype:
        raise TypeError(f"theta must be {dtype} like the model, got {theta.dtype}")
    if theta.shape != shape:
        raise ValueError(f"theta must have shape {list(shape)}, got {list(theta.shape)}")
    _check_device("theta", theta, device)


def _check_device(argument: str, tensor: Tensor, device: str) -> None:
    if tensor.device.type != device:
        where = "on the CPU" if device == "cpu" else f"on device {device!r} like the model"
        raise ValueError(f"{argument} must be {where}, got device {tensor.device}")


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """Coordinate names as a tuple, checked: identifiers, all different, none of them reserved.

    Raises:
        ValueError: naming the offending name.
        TypeError: if a name is no string.
    """
    checked = tuple(names)
    if not checked:
        raise ValueError("coordinates must name at least one coordinate, got none")
    for name in checked:
        if not isinstance(name, str):
            raise TypeError(f"coordinates must be strings, got {name!r}")
        if not name.isidentifier() or name.startswith("_") or name in _RESERVED:
            raise ValueError(
                f"coordinates: {name!r} cannot name a coordinate (use an identifier without a "
                f"leading underscore, other than {', '.join(_RESERVED)})"
            )
    if len(set(checked)) != len(checked):
        raise ValueError(f"coordinates must all differ, got {checked}")
    return checked
