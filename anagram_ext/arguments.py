"""Checks of arguments that are no tensors, for errors that name the argument and its value."""

from __future__ import annotations


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
