"""How long a run may take."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from anagram_ext.checks import check_integer, check_kind
from anagram_ext.methods import Stop

if TYPE_CHECKING:
    from anagram_ext.methods import Method


RENEWED: Final = 2  # times as many steps as usual where neurons were made anew


@dataclass(frozen=True)
class Limits:
    """How long a run may take; None where there is no limit.

    Attributes:
        steps: most steps.
        seconds: most seconds.
        renewed: most steps of a run whose neurons were made anew.
    """

    steps: int | None
    seconds: float | None
    renewed: int | None

    def reached(self, steps: int, seconds: float, renewed: bool = False) -> Stop | None:
        """The limit that a run of so many steps and seconds has reached."""
        most = self.renewed if renewed else self.steps
        if most is not None and steps >= most:
            return Stop.STEPS_REACHED
        if self.seconds is not None and seconds >= self.seconds:
            return Stop.TIME_REACHED
        return None


def checked_limits(
    steps: int | None, seconds: float | None, method: Method, times: int = 1
) -> Limits:
    """The limits of a run with this method; so many times its usual steps where none are given.

    Raises:
        TypeError: no numbers.
        ValueError: no positive ones.
    """
    if steps is not None:
        steps = check_integer("steps", steps, least=1)
    if seconds is None:
        if steps is not None:
            return Limits(steps, None, steps)
        usual = times * method.default_steps
        return Limits(usual, None, RENEWED * usual)
    check_kind("seconds", seconds, (int, float), "a number")
    if isinstance(seconds, bool) or not (seconds > 0 and math.isfinite(seconds)):
        raise ValueError(f"seconds must be positive and finite, got {seconds!r}")
    return Limits(steps, float(seconds), steps)
