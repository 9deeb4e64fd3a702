"""How long a run may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anagram_ext.checks import check_integer, positive_and_finite
from anagram_ext.methods import Stop

if TYPE_CHECKING:
    from anagram_ext.methods import Method


@dataclass(frozen=True)
class Limits:
    """How long a run may take; None where there is no limit."""

    steps: int | None
    seconds: float | None

    def reached(self, steps: int, seconds: float) -> Stop | None:
        """The limit that a run of so many steps and seconds has reached."""
        if self.steps is not None and steps >= self.steps:
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
        return Limits(times * method.default_steps if steps is None else steps, None)
    return Limits(steps, positive_and_finite("seconds", seconds))
