"""Points tied to the damping: how many a step needs, and how long they serve.

At damping l a step follows df(l) = sum sigma^2 / (sigma^2 + l) combinations of the rows: its
effective number of parameters. Where rows are few beside df the step fits them and not the
equation, and smaller dampings make the held-out loss worse; where they are ``PER_PARAMETER`` times
as many, the least trusted damping is the best. Measured in docs/adr/026; df is the "numerical
dimension" that A. Herremans & B. Adcock ("Sampling theory for function approximation with
numerical redundancy", arXiv 2510.08461) count samples by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from anagram_ext.verdicts.criteria import PER_PARAMETER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from anagram_ext.methods import StepInfo
    from anagram_ext.systems.pde_system import PdeSystem

MOST: Final = 10.0  # rows of a condition for each parameter of the network
LATE: Final = 1 / 3  # share of the parameters that is effective from when on points are kept
OLDEST: Final = 40  # steps that a set of points serves at most
GAP: Final = 2.0  # held-out over training loss beyond which a set is fitted, not the equation
SETTLED: Final = 5  # steps after which that shows
OUTGROWN: Final = 1.4  # points wanted over points there are, beyond which a set is too small
# A set that was fitted is followed by one with more rows for each effective parameter, and a larger
# MOST: so many times as many, in all no more than the second number of times.
MORE: Final = 1.5
MOST_MORE: Final = 3.0


@dataclass(frozen=True)
class Standing:
    """What decides whether points have served long enough.

    Attributes:
        late: whether the network is beyond the phase in which few parameters are effective.
        age: steps that the points have served.
        gap: held-out over training loss after the latest of them.
        outgrown: points wanted over points there are.
    """

    late: bool
    age: int
    gap: float
    outgrown: float

    @property
    def fitted(self) -> bool:
        """Whether it is the points that hold by now, and not the equation."""
        return self.late and self.age >= SETTLED and self.gap > GAP

    @property
    def due(self) -> bool:
        """Whether the next step needs new points."""
        return not self.late or self.age >= OLDEST or self.fitted or self.outgrown > OUTGROWN


def wanted(
    effective: float, rows_per_point: int, least: int, most_rows: float, more: float = 1.0
) -> int:
    """How many points a condition needs.

    Args:
        effective: the effective number of parameters that its rows claim.
        rows_per_point: components of its residual.
        least: points that it has in any case.
        most_rows: rows that it gets at most, unless ``least`` points have more.
        more: factor of the rows, and of the most.
    """
    rows = more * min(PER_PARAMETER * effective, most_rows)
    return max(least, math.ceil(rows / rows_per_point))


@dataclass
class Coupling:
    """Draws the points of the redrawn conditions of a system, as its steps need them.

    While few parameters are effective every step gets new points. Later a set is kept while it
    serves, see ``Standing``, and never smaller than the last, but larger where that was fitted; at
    each change training goes on from the iterate with the least held-out loss of those since the
    one before.

    Attributes:
        system: whose points they are.
    """

    system: PdeSystem
    _needs: dict[str, int] = field(default_factory=dict)  # points, by condition
    _late: bool = False
    _age: int = 0
    _gap: float = 1.0
    _more: float = 1.0  # rows for each effective parameter, in units of PER_PARAMETER
    _best: tuple[float, Tensor | None] = (math.inf, None)  # of this set: merit, iterate
    _drawn_at: Tensor | None = None  # the iterate whose residuals the points of now follow

    def __post_init__(self) -> None:
        self._least = self.system.sizes
        self._needs = dict(self._least)

    def before_step(self, theta: Tensor) -> Tensor:
        """Changes the points where it is time to.

        Args:
            theta: the latest iterate, ``[P]``.

        Returns:
            The iterate to go on from, ``[P]``.
        """
        now = self.system.sizes
        outgrown = sum(self._needs.values()) / max(sum(now.values()), 1)
        standing = Standing(self._late, self._age, self._gap, outgrown)
        if self._drawn_at is not None and not standing.due:
            return theta
        merit, best = self._best
        if self._late and best is not None and math.isfinite(merit):
            theta = best
        if standing.fitted:
            self._ask_for_more()
        if self._late:
            self._needs = {name: max(self._needs[name], now[name]) for name in now}
        self.system.redraw(theta, self._needs)
        self._age, self._best, self._drawn_at = 0, (math.inf, None), theta
        return theta

    def after_step(self, info: StepInfo, merit: float) -> None:
        """Learns from a step.

        Args:
            info: its report.
            merit: the held-out loss of its iterate.
        """
        self._age += 1
        self._gap = merit / info.loss if info.loss > 0 else 1.0
        if merit < self._best[0]:
            self._best = (merit, info.theta)
        self._late = self._late or info.effective >= LATE * self.system.n_parameters
        if info.leverages is not None:
            for name, least in self._least.items():
                self._needs[name] = self._wanted(name, least, info.leverages)

    def _ask_for_more(self) -> None:
        """From now on, more rows for each effective parameter."""
        before, self._more = self._more, min(MORE * self._more, MOST_MORE)
        by = self._more / before
        self._needs = {name: math.ceil(by * needed) for name, needed in self._needs.items()}

    def move_to(self, system: PdeSystem) -> None:
        """Goes on with another model for the same problem; the next step draws new points."""
        self.system = system
        self._age, self._best, self._drawn_at = 0, (math.inf, None), None

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs to go on from here."""
        return {
            "needs": dict(self._needs),
            "late": self._late,
            "age": self._age,
            "gap": self._gap,
            "more": self._more,
            "best": self._best,
            "drawn_at": self._drawn_at,
            "sizes": self.system.sizes,
        }

    def restore(self, state: Mapping[str, Any], draws: int) -> None:
        """Goes on from a state after so many changes of points; draws the latest ones again."""
        self._needs, self._late = dict(state["needs"]), state["late"]
        self._age, self._gap, self._more = state["age"], state["gap"], state["more"]
        merit, best = state["best"]
        self._best, self._drawn_at = (merit, best), state["drawn_at"]
        if self._drawn_at is not None:
            self.system.skip_draws(draws - 1)
            self.system.redraw(self._drawn_at, state["sizes"])

    def _wanted(self, name: str, least: int, leverages: Tensor) -> int:
        block = self.system.blocks[name]
        effective = float(leverages[self.system.row_slices[name]].sum())
        most = MOST * self.system.n_parameters
        return wanted(effective, block.n_components, least, most, self._more)
