"""Checks of arguments, for errors that name the argument and its value."""

from __future__ import annotations

import math
import numbers
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

DTYPES = (torch.float64, torch.float32)
MOST_POINTS = 10**8  # of one set: beyond what anybody trains on
_RESERVED = ("names", "points", "normal", "normals", "weights")  # attributes of Coordinates

_DEVICE = re.compile(r"cpu|cuda(:\d+)?")
_OF_NUMPY = {int: numbers.Integral, float: numbers.Real}  # what else is an int or a float


def check_kind(
    argument: str, value: object, kind: type | tuple[type, ...], description: str
) -> None:
    """Raises unless ``value`` is an instance of ``kind``; numbers of numpy are int and float.

    True and False are no numbers, although Python counts with them.

    Raises:
        TypeError: naming argument and value.
    """
    kinds = kind if isinstance(kind, tuple) else (kind,)
    is_kind = isinstance(value, (*kinds, *(_OF_NUMPY[k] for k in kinds if k in _OF_NUMPY)))
    if not is_kind or (isinstance(value, bool) and bool not in kinds):
        raise TypeError(f"{argument} must be {description}, got {value!r}")


def check_path(argument: str, value: object) -> None:
    """Raises unless ``value`` is a path, or a string that names one.

    Raises:
        TypeError: naming argument and value.
    """
    check_kind(argument, value, (str, Path), "a path")


def check_switches(**switches: object) -> None:
    """Raises unless every argument is True or False.

    Raises:
        TypeError: naming the one that is not: "no" and 0.5 count as true elsewhere.
    """
    for argument, value in switches.items():
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"{argument} must be True or False, got {value!r}")


def check_integer(argument: str, value: object, least: int) -> int:
    """The integer ``value``, one of numpy as well, as an int.

    Raises:
        TypeError: if it is no integer; True and False are none.
        ValueError: if it is below ``least``.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{argument} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{argument} must be at least {least}, got {_shown(int(value))}")
    return int(value)


def check_count(argument: str, value: object) -> int:
    """The number of points ``value`` as an int, if so many can be meant.

    More memory than there is would not be an error everywhere: Linux promises it, and kills the
    process when it is used.

    Raises:
        TypeError: if it is no integer.
        ValueError: if it is below 1, or above ``MOST_POINTS``.
    """
    count = check_integer(argument, value, least=1)
    if count > MOST_POINTS:
        raise ValueError(
            f"{argument} must be at most {MOST_POINTS:.0e} points, got {_shown(count)}"
        )
    return count


def finite_number(argument: str, value: object, description: str = "a number") -> float:
    """The number ``value`` as a finite float.

    Args:
        argument: what it is to the caller.
        value: anything.
        description: what it may be, in words.

    Raises:
        TypeError: if it is no number; True and False are none.
        ValueError: if it is not finite, or beyond the largest float.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{argument} must be {description}, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an integer of more than 308 digits
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{argument} must be finite, got {_shown(value)}")
    return number


def _shown(value: object) -> str:
    """A value in a message; integers so long that Python refuses to write them by their size."""
    if isinstance(value, int) and value.bit_length() > 1000:
        return f"an integer of {value.bit_length()} bits"
    return repr(value)


def positive_number(argument: str, value: object) -> float:
    """The number ``value`` as a positive, finite float.

    Raises:
        TypeError: if it is no number.
        ValueError: if it is not positive, or not finite.
    """
    number = finite_number(argument, value)
    if number <= 0:
        raise ValueError(f"{argument} must be positive, got {value!r}")
    return number


def positive_and_finite(argument: str, value: object) -> float:
    """The number ``value`` as a positive, finite float, with one message for both.

    Raises:
        TypeError: if it is no number.
        ValueError: if it is not positive and finite.
    """
    try:
        number = finite_number(argument, value)
    except ValueError:
        number = math.inf
    if not 0 < number < math.inf:
        raise ValueError(f"{argument} must be positive and finite, got {_shown(value)}")
    return number


def number_from_zero(argument: str, value: object) -> float:
    """The number ``value`` as a finite float that is not negative.

    Raises:
        TypeError: if it is no number.
        ValueError: if it is negative, or not finite.
    """
    number = finite_number(argument, value)
    if number < 0:
        raise ValueError(f"{argument} must be at least 0, got {value!r}")
    return number


def check_seed(seed: object) -> int:
    """The integer ``seed`` as an int, if random generators take it.

    Raises:
        TypeError: if it is no integer.
        ValueError: if it is negative, or 2^63 or more.
    """
    checked = check_integer("seed", seed, 0)
    if checked >= 2**63:
        raise ValueError(f"seed must be below 2^63, got {_shown(checked)}")
    return checked


def elements(argument: str, values: object, description: str) -> tuple[object, ...]:
    """The elements of a sequence or generator, which is empty afterwards.

    Raises:
        TypeError: for anything else, or a string.
    """
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise TypeError(f"{argument} must be {description}, got {values!r}")
    return tuple(values)


def integers(argument: str, values: object, least: int) -> tuple[int, ...]:
    """The elements of a sequence of integers.

    Raises:
        TypeError: if it is none.
        ValueError: if one is below ``least``.
    """
    checked = elements(argument, values, "a sequence of integers")
    return tuple(check_integer(f"each of {argument}", value, least) for value in checked)


def strings(argument: str, values: object, description: str) -> tuple[str, ...]:
    """The elements of a sequence of strings, which a string itself is not.

    Raises:
        TypeError: if it is none.
    """
    checked = elements(argument, values, description)
    for value in checked:
        check_kind(f"each of {argument}", value, str, "a string")
    return tuple(map(str, checked))


def device_name(device: object) -> str:
    """The device as the package writes it: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    ``"cuda"`` is the GPU that torch takes for the current one.

    Args:
        device: such a name, or a torch.device.

    Raises:
        TypeError: for anything else.
        ValueError: for another device.
    """
    check_kind("device", device, (str, torch.device), "a name such as 'cuda' or a torch.device")
    name = str(device)
    if not _DEVICE.fullmatch(name):
        raise ValueError(f"device must be 'cpu', 'cuda' or one GPU such as 'cuda:1', got {name!r}")
    return name


def check_points(argument: str, points: Tensor, dimension: int, device: str = "cpu") -> None:
    """Raises unless ``points`` is a finite float64 or float32 tensor [n, dimension].

    It may lie on ``device`` or on the CPU.

    Raises:
        TypeError: if it is no tensor, or of another dtype.
        ValueError: for another shape or device, or a value that is not finite.
    """
    if not isinstance(points, Tensor):
        raise TypeError(f"{argument} must be a tensor, got {type(points).__name__}")
    if points.dtype not in DTYPES:
        raise TypeError(f"{argument} must be float64 or float32, got {points.dtype}")
    _check_dense(argument, points)
    if points.ndim != 2 or points.shape[1] != dimension:
        raise ValueError(f"{argument} must have shape [n, {dimension}], got {list(points.shape)}")
    if points.device.type != "cpu":
        _check_device(argument, points, device)
    finite = torch.isfinite(points).all(dim=1)
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0, 0])
        raise ValueError(f"{argument} must be finite, got {points[row].tolist()} in row {row}")


def places(argument: str, points: object, dimension: int) -> Tensor:
    """The tensor of points [n, dimension] that a region is asked about, in float64 or float32.

    Whole numbers become float64; nan lies nowhere.

    Raises:
        TypeError: if it is no tensor of real numbers.
        ValueError: for another shape.
    """
    check_kind(argument, points, Tensor, f"a tensor [n, d] with d = {dimension}")
    assert isinstance(points, Tensor)
    if points.is_complex() or points.dtype == torch.bool:
        raise TypeError(f"{argument} must be real numbers, got {points.dtype}")
    if points.ndim != 2 or points.shape[1] != dimension:
        raise ValueError(f"{argument} must have shape [n, {dimension}], got {list(points.shape)}")
    return points if points.dtype in DTYPES else points.double()


def check_theta(
    theta: Tensor, shape: tuple[int, ...], dtype: torch.dtype, device: str = "cpu"
) -> None:
    """Raises unless ``theta`` is a tensor of the given shape, dtype and device.

    Raises:
        TypeError: if it is no tensor, or of another dtype than the model.
        ValueError: for another shape or device.
    """
    if not isinstance(theta, Tensor):
        raise TypeError(f"theta must be a tensor, got {type(theta).__name__}")
    _check_dense("theta", theta)
    if theta.dtype != dtype:
        raise TypeError(f"theta must be {dtype} like the model, got {theta.dtype}")
    if theta.shape != shape:
        raise ValueError(f"theta must have shape {list(shape)}, got {list(theta.shape)}")
    _check_device("theta", theta, device)


def _check_dense(argument: str, tensor: Tensor) -> None:
    if tensor.layout is not torch.strided:
        raise TypeError(f"{argument} must be dense, got a tensor of layout {tensor.layout}")


def _check_device(argument: str, tensor: Tensor, device: str) -> None:
    # "cuda" is any GPU: which one is the current one may have changed since.
    if device not in (tensor.device.type, str(tensor.device)):
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
