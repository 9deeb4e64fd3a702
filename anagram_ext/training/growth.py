"""When a network has no more to give, and when a larger one would not have either.

A run that stands still while its loss on points it has not seen is that on its own points, both far
above rounding, is limited by its network. It then goes on with a wider one, which begins with the
same function (``anagram_ext.models.widening``); the history goes on as well. It ends where widening
no longer pays. Measured in docs/adr/061.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from anagram_ext.methods import Stop
from anagram_ext.verdicts.criteria import GAP

if TYPE_CHECKING:
    from collections.abc import Mapping

FACTOR: Final = 1.5  # of all hidden widths
PATIENCE: Final = 30  # rows of the history in which the merit has not halved: it stands still
GAIN: Final = 2.0  # factor of the merit that a wider network has to bring
TRIES: Final = 3  # networks in a row that may fail to: the last ones
FEWEST_ROWS: Final = 2.0  # for each parameter of the wider network, where points stay the same
MOST_PARAMETERS: Final = 5000  # of a network that is made wider by itself
ROUNDING: Final = 100.0  # losses below this multiple of what rounding makes need no more neurons
LIMITS: Final = 4  # times as many steps as the method usually takes, where nobody says how many

# What a method says when it has done what it can.
STANDS_STILL: Final = frozenset({Stop.NO_PROGRESS, Stop.CONVERGED, Stop.BY_METHOD})


@dataclass(frozen=True)
class Prospects:
    """What decides whether a wider network is worth a try.

    Attributes:
        merit: what the best iterate has least of, see ``Validation.merit``.
        gap: its loss on points or rows that it has not seen over its training loss; nan if nothing
            is known.
        loss: its training loss.
        rounding_loss: the part of it that rounding errors make.
        parameters: those of the wider network.
        rows: S; endless where points are drawn as the network needs them.
    """

    merit: float
    gap: float
    loss: float
    rounding_loss: float
    parameters: int
    rows: float


class Growing(Protocol):
    """What growth asks of a run."""

    def prospects(self) -> Prospects:
        """Of a wider network, as things are."""

    def widen(self) -> None:
        """Goes on from the best iterate with a wider network."""

    @property
    def merit(self) -> float:
        """Of the best iterate."""


@dataclass
class Growth:
    """Watches a run, and widens its network when that is the limit.

    Attributes:
        times: how often it has been.
        before: the merit that the last gain led to; inf at first.
        wasted: how often it has been widened since then without another factor of ``GAIN``.
        milestone: half of the least merit that was noticed.
        idle: rows of the history since then.
    """

    times: int = 0
    before: float = math.inf
    wasted: int = 0
    milestone: float = math.inf
    idle: int = 0

    def notice(self, merit: float) -> None:
        """Takes note of the merit of the best iterate; to be called once for each row."""
        if merit <= self.milestone:
            self.milestone, self.idle = 0.5 * merit, 0
        else:
            self.idle += 1

    def before_step(self, run: Growing) -> None:
        """Widens the network of a run that stands still, if that may help."""
        if self.idle >= PATIENCE:
            self._try(run)

    def instead_of(self, stop: str, run: Growing) -> str | None:
        """Widens the network of a run that its method would end, if that may help.

        Args:
            stop: why it would end.
            run: the run.

        Returns:
            Why it ends all the same, None if it goes on.
        """
        if Stop.of(stop) not in STANDS_STILL:
            return stop
        objection = self._try(run)
        return f"{stop}{'; ' if ':' in stop else ': '}{objection}" if objection else None

    def _try(self, run: Growing) -> str | None:
        self.idle = 0  # ask again after as many rows
        objection = self.objection(run.prospects())
        if objection is None:
            if run.merit * GAIN <= self.before:
                self.wasted, self.before = 0, run.merit
            else:
                self.wasted += 1
            self.times += 1
            run.widen()
        return objection

    def objection(self, prospects: Prospects) -> str | None:
        """Why a wider network would not help, None where it may."""
        gains = prospects.merit * GAIN <= self.before
        size = prospects.parameters
        objections = {
            "the loss is hardly more than rounding errors": (
                prospects.loss <= ROUNDING * prospects.rounding_loss
            ),
            "nothing is known of points between those of the conditions": (
                math.isnan(prospects.gap)
            ),
            "points are the limit, not the network": prospects.gap > GAP,
            f"networks that grew {TRIES} times did not gain a factor of {GAIN:.0f}": (
                not gains and self.wasted + 1 >= TRIES
            ),
            f"a wider network would have more than {MOST_PARAMETERS} parameters": (
                size > MOST_PARAMETERS
            ),
            f"a wider network would have {size} parameters for {prospects.rows:.0f} rows": (
                prospects.rows < FEWEST_ROWS * size
            ),
        }
        return next((text for text, holds in objections.items() if holds), None)

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs to go on from here."""
        return asdict(self)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Goes on from a state."""
        for name, value in state.items():
            setattr(self, name, value)
