"""Neurons made anew where a run would end short of what it can do.

In its first steps ``natural_lm`` loses some neurons of most networks: they saturate, and J hardly
sees them from then on. What is left mostly suffices; where it does not, the run stands still some
decades above the others. Instead of ending there it goes on from its best iterate with these
neurons made anew (``anagram_ext.models.renewing``), which is nearly the same function. Nothing is
changed before the run would have ended. Measured in docs/adr/066.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from anagram_ext.methods.natural_lm import NO_PROGRESS

if TYPE_CHECKING:
    from collections.abc import Mapping

# Shares of the first loss. Above, other things are wrong; below, double precision leaves little.
NEARLY_SOLVED: Final = 1e-12
SOLVED: Final = 1e-22
GAP: Final = 3.0  # loss on unseen over training points up to which points are not the limit
GAIN: Final = 2.0  # factor of the merit that counts as a gain
TRIES: Final = 3  # times in a row that may bring none


@dataclass(frozen=True)
class Standstill:
    """What decides whether neurons are made anew.

    Attributes:
        merit: what the best iterate has least of, see ``Validation.merit``.
        share: its training loss, as a share of the first one.
        gap: its loss on unseen points or rows over its training loss; nan if nothing is known.
        redrawn: whether points change during training.
        measured: whether some condition holds data, which may be noisy.
    """

    merit: float
    share: float
    gap: float
    redrawn: bool
    measured: bool

    @property
    def short(self) -> bool:
        """Whether the run ends short of a solution that its points would determine."""
        exact = not (self.redrawn or self.measured)
        return exact and SOLVED < self.share < NEARLY_SOLVED and self.gap <= GAP


class Renewing(Protocol):
    """What renewal asks of a run."""

    def standstill(self) -> Standstill:
        """Of its best iterate."""

    def renew(self, seed: int) -> bool:
        """Goes on from the best iterate with useless neurons made anew; False if all are useful."""


@dataclass
class Renewal:
    """Makes neurons anew where a run would end, as long as that pays.

    Attributes:
        times: how often it has done so.
        before: the merit that the last gain led to; inf at first.
        wasted: how often it has done so since then.
    """

    times: int = 0
    before: float = math.inf
    wasted: int = 0

    def instead_of(self, stop: str, run: Renewing) -> str | None:
        """Lets a run go on that its method would end.

        Args:
            stop: why it would end.
            run: the run.

        Returns:
            Why it ends all the same, None if it goes on.
        """
        if stop != NO_PROGRESS:
            return stop
        found = run.standstill()
        if found.merit * GAIN <= self.before:
            self.wasted, self.before = 0, found.merit
        if not found.short or self.wasted >= TRIES or not run.renew(self.times):
            return stop
        self.times, self.wasted = self.times + 1, self.wasted + 1
        return None

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs to go on from here."""
        return asdict(self)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state."""
        for name, value in state.items():
            setattr(self, name, value)
