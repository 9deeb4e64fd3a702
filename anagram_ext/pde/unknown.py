"""Unknown coefficients of a problem: what is declared, and what a residual sees of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Final

from torch import Tensor

from anagram_ext.checks import check_integer, check_kind, elements, finite_number

MOST: Final = 10**6  # numbers of one unknown


@dataclass(frozen=True)
class Unknown:
    """A number, or several, that training finds together with the network.

    Attributes:
        start: first guess, one number or one for each of ``size``.
        positive: whether the value stays above zero; training then moves its logarithm.
        between: bounds (lower, upper) that the value stays between; training then moves the
            logit of its place between them.
        size: how many numbers; None for a single one.

    Raises:
        TypeError: an argument of another kind.
        ValueError: a start that is not finite, breaks the bounds or is not as long as ``size``;
            bounds in the wrong order; ``positive`` together with ``between``.
    """

    start: float | Sequence[float] = 0.0
    positive: bool = False
    between: tuple[float, float] | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        check_kind("Unknown: positive", self.positive, bool, "True or False")
        if self.size is not None:
            object.__setattr__(self, "size", _checked_size(self.size))
        object.__setattr__(self, "start", self._checked_start())
        if self.between is not None:
            object.__setattr__(self, "between", self._checked_bounds())
        for value in self.starts:
            if self.positive and not value > 0:
                raise ValueError(f"Unknown: start must be positive, got {value}")
            if self.between is not None and not self.between[0] < value < self.between[1]:
                raise ValueError(f"Unknown: start must be between {self.between}, got {value}")

    @property
    def starts(self) -> tuple[float, ...]:
        """The first guess of each number."""
        return self.start if isinstance(self.start, tuple) else (float(self.start),)  # type: ignore[arg-type]

    def _checked_start(self) -> float | tuple[float, ...]:
        single = isinstance(self.start, Real)
        values = (self.start,) if single else elements("Unknown: start", self.start, "numbers")
        wanted = "a number or a sequence of numbers"
        numbers = tuple(finite_number("Unknown: start", value, wanted) for value in values)
        if not numbers:
            raise ValueError(f"Unknown: start must hold at least one number, got {self.start!r}")
        if self.size is None:
            if not single:
                raise ValueError(f"Unknown: size must be given for several numbers, got {numbers}")
            return numbers[0]
        if single:
            return numbers * self.size
        if len(numbers) != self.size:
            raise ValueError(f"Unknown: start must hold size={self.size} numbers, got {numbers}")
        return numbers

    def _checked_bounds(self) -> tuple[float, float]:
        bounds = elements("Unknown: between", self.between, "a pair (lower, upper)")
        if self.positive:
            raise ValueError(f"Unknown: positive must be False with between, got {bounds}")
        if len(bounds) != 2:
            raise TypeError(f"Unknown: between must be a pair of numbers, got {bounds}")
        lower, upper = (
            finite_number("Unknown: between", bound, "a pair of numbers") for bound in bounds
        )
        if not lower < upper:
            raise ValueError(f"Unknown: between must be finite and increasing, got {bounds}")
        return lower, upper


def _checked_size(size: object) -> int:
    """An integer from 1 to ``MOST``: more would be taken from memory before anything is said."""
    checked = check_integer("Unknown: size", size, least=1)
    if checked > MOST:
        raise ValueError(f"Unknown: size must be at most {MOST}, got {checked}")
    return checked


class UnknownValues:
    """The unknowns of a problem as a residual sees them: ``c.nu`` or ``c["nu"]``.

    Each is a tensor with the same value at all n points, [n] or, while several parameter vectors
    are tried at once, [q, n]; an unknown with a ``size`` is a tuple of such tensors.
    """

    def __init__(self, lookups: Mapping[str, Callable[[], Tensor | tuple[Tensor, ...]]]) -> None:
        self._lookups = dict(lookups)

    def __getitem__(self, name: str) -> Tensor | tuple[Tensor, ...]:
        if name not in self._lookups:
            raise ValueError(f"unknown coefficient {name!r}: there are {tuple(self._lookups)}")
        return self._lookups[name]()

    def __getattr__(self, name: str) -> Tensor | tuple[Tensor, ...]:
        # Reached only for names that are no real attribute.
        if name.startswith("_") or name not in self._lookups:
            raise AttributeError(f"unknown coefficient {name!r}: there are {tuple(self._lookups)}")
        return self._lookups[name]()

    def __repr__(self) -> str:
        return f"UnknownValues({', '.join(self._lookups)})"
