"""Constant-coefficient differential operators: what a residual may ask of the network.

An operator is a sum of coefficient times partial derivative. The engine propagates each one as a
single jet component, however many terms it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from anagram_ext.checks import check_kind, finite_number

MultiIndex = tuple[int, ...]

MAX_ORDER = 4  # of derivatives; that of csrc/include/anagram/engine/jet_table.hpp


@dataclass(frozen=True)
class Operator:
    """A hashable sum of coefficient times derivative.

    Attributes:
        terms: sorted pairs (multi-index of d differentiation counts, coefficient).
    """

    terms: tuple[tuple[MultiIndex, float], ...]

    @property
    def order(self) -> int:
        """The highest total number of differentiations."""
        return max(sum(index) for index, _ in self.terms)


def value(dimension: int) -> Operator:
    """The operator of order 0: the function itself."""
    return Operator((((0,) * dimension, 1.0),))


@lru_cache(maxsize=4096)
def derivative(names: tuple[str, ...], coordinates: tuple[str, ...]) -> Operator:
    """The partial derivative that ``u.d(*names)`` means.

    Args:
        names: one word of one-letter coordinates (``"xxy"``; ``""`` is the value itself), or the
            coordinate names one by one (``"x1", "x1"``).
        coordinates: names of all coordinates.

    Raises:
        ValueError: if a name is unknown or the order exceeds 4.
    """
    word = _split(names, coordinates)
    unknown = [name for name in word if name not in coordinates]
    if unknown:
        raise ValueError(
            f"unknown derivative {_spell(names)}: {unknown[0]!r} is none of the coordinates "
            f"{coordinates}"
        )
    if len(word) > MAX_ORDER:
        raise ValueError(
            f"derivative {_spell(names)} is of order {len(word)}; the highest is {MAX_ORDER}"
        )
    return Operator(((tuple(word.count(name) for name in coordinates), 1.0),))


def laplacian(names: tuple[str, ...], coordinates: tuple[str, ...]) -> Operator:
    """Sum of the second derivatives along ``names`` (all coordinates when empty)."""
    along = axes(names, coordinates)
    return combine((derivative((a, a), coordinates), 1.0) for a in along)


def biharmonic(names: tuple[str, ...], coordinates: tuple[str, ...]) -> Operator:
    """The Laplacian of the Laplacian along ``names`` (all coordinates when empty)."""
    along = axes(names, coordinates)
    return combine((derivative((a, a, b, b), coordinates), 1.0) for a in along for b in along)


def combination(
    terms: Mapping[str | tuple[str, ...], float], coordinates: tuple[str, ...]
) -> Operator:
    """The operator with the given coefficient for each derivative name, as in ``{"xx": 1.0}``.

    Raises:
        ValueError: for an unknown derivative, a coefficient that is not finite, or no term at all.
        TypeError: for a coefficient that is not a number.
    """
    check_kind("operator: terms", terms, Mapping, "a mapping such as {'xx': 1.0}")
    named = []
    for name, coefficient in terms.items():
        number = finite_number(f"operator: coefficient of {name!r}", coefficient)
        names = (name,) if isinstance(name, str) else tuple(name)
        named.append((derivative(names, coordinates), number))
    return combine(named)


def combine(weighted: Iterable[tuple[Operator, float]]) -> Operator:
    """The weighted sum of operators, equal derivatives merged and zero terms dropped."""
    total: dict[MultiIndex, float] = {}
    for operator, weight in weighted:
        for index, coefficient in operator.terms:
            total[index] = total.get(index, 0.0) + weight * coefficient
    terms = tuple(sorted((index, c) for index, c in total.items() if c != 0.0))
    if not terms:
        raise ValueError("operator: no term with a coefficient other than zero")
    return Operator(terms)


def differentiated(operator: Operator, axis: int) -> Operator:
    """The operator after which one more partial derivative is taken.

    Raises:
        ValueError: if the order exceeds 4.
    """
    return composed(operator, tuple(int(i == axis) for i in range(len(operator.terms[0][0]))))


def composed(operator: Operator, index: MultiIndex) -> Operator:
    """The operator after which the partial derivative of a multi-index is taken.

    Raises:
        ValueError: if the order exceeds 4.
    """
    if operator.order + sum(index) > MAX_ORDER:
        raise ValueError(
            f"a field must be differentiated at most {MAX_ORDER} times, got "
            f"{operator.order + sum(index)}"
        )
    return combine(
        (Operator(((tuple(map(sum, zip(own, index, strict=True))), 1.0),)), coefficient)
        for own, coefficient in operator.terms
    )


def axes(names: tuple[str, ...], coordinates: tuple[str, ...]) -> tuple[str, ...]:
    """The coordinates that an operator acts along: those named, all when none is.

    Raises:
        ValueError: a name is unknown, or comes twice.
    """
    for name in names:
        if name not in coordinates:
            raise ValueError(f"unknown coordinate {name!r}: there are {coordinates}")
    if len(set(names)) != len(names):
        raise ValueError(f"coordinates of an operator must all differ, got {names}")
    return names or coordinates


def check_named(names: tuple[object, ...]) -> None:
    """Raises TypeError unless all names of a derivative are strings."""
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"a derivative is named by strings, got {name!r}")


def _split(names: tuple[str, ...], coordinates: tuple[str, ...]) -> tuple[str, ...]:
    check_named(names)
    # A single word is spelled by letters, unless it is itself the name of a coordinate.
    if len(names) != 1:
        return names
    word = tuple(names[0])
    if names[0] not in coordinates:
        return word
    if len(word) > 1 and set(word) <= set(coordinates):
        raise ValueError(
            f"derivative {names[0]!r} may be one along {names[0]!r} or along {_spell(word)}: "
            f"coordinates must have other names, got {coordinates}"
        )
    return names


def _spell(names: tuple[str, ...]) -> str:
    return ", ".join(repr(name) for name in names)
