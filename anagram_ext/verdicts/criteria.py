"""The questions that a verdict asks of the facts, and the numbers that decide them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anagram_ext.verdicts.facts import Facts

SOLVED_ERROR: Final = 3e-5  # largest estimated error of a solution: 1e-4, and a margin
SOLVED_RESIDUAL: Final = 3e-5  # largest residual of a solution, relative to the terms in it
SOLVED_WORST: Final = 3e-3  # largest error that a residual of that length could stand for
FAILED_ERROR: Final = 1e-2  # an estimated error above this solves nothing
FAILED_RESIDUAL: Final = 1e-2  # nor does a residual above this share of its terms
HELD_OUT_RATIO: Final = 100.0  # held-out loss over training loss that a caller has to know of
PER_PARAMETER: Final = 10.0  # rows for each effective parameter that are enough
GAP: Final = 3.0  # held-out over training loss up to which points are not the limit
FREE: Final = 0.5  # share of its rows that the network can fit whatever they say
NEGLECTED: Final = 0.1  # share of its terms that a condition on a boundary misses at its own points
CHEAPER: Final = 10.0  # times as well as that hold the equations that it was given up for
NEAR_ROUNDING: Final = 1e6  # multiple of the rounding loss that large terms do not come down to


def is_solved(facts: Facts) -> bool:
    """Whether all evidence supports a relative error of at most 1e-4.

    Every residual is below ``SOLVED_RESIDUAL`` of its terms, the estimated error below
    ``SOLVED_ERROR`` and the worst one below ``SOLVED_WORST``, no condition without held-out points
    has rows that the network could fit freely, nothing was found between the points, and no
    boundary is known to lack a condition.
    """
    return (
        largest(facts.relative) <= SOLVED_RESIDUAL
        and facts.estimate <= SOLVED_ERROR
        and facts.worst <= SOLVED_WORST
        and all(share <= FREE for share in facts.free.values())  # nan: not known
        and not facts.objections
        and not facts.missing
    )


def is_overfitted(facts: Facts) -> bool:
    """Whether the conditions hold at the training points alone.

    The held-out loss is more than ``HELD_OUT_RATIO`` times the training loss of the same
    conditions. At round-off the training loss may be small by luck: no smaller loss than the
    rounding error, or than the first loss by all digits of its dtype, is asked of points that were
    never looked at. A condition without held-out points is judged by its rows, each left out in
    turn: the same holds of their loss, and they are missed by more than a solution may.
    """
    return is_far(facts, *like_with_like(facts)) or bool(missed_if_left_out(facts))


def is_undetermined(facts: Facts) -> bool:
    """Whether all residuals are as small as a solution's, and leave room for any error."""
    any_error = facts.worst > 1.0 or bool(facts.missing)
    return largest(facts.relative) <= SOLVED_RESIDUAL and any_error


def outweighed(facts: Facts) -> list[str]:
    """The conditions that do not hold and whose weight is lost beside that of another one.

    Below the square root of the rounding error, a step that makes up for rounding errors of the
    other condition changes this one by more than a step for its own sake.
    """
    heaviest = max(facts.weights.values(), default=0.0)
    return [
        name
        for name, size in facts.relative.items()
        if size > FAILED_RESIDUAL  # nan: not known
        and facts.weights.get(name, heaviest) < math.sqrt(facts.eps) * heaviest
    ]


def neglected(facts: Facts) -> str:
    """The condition on a boundary that was given up for the equations; empty if there is none.

    It does not hold at its own points, and equations hold ``CHEAPER`` times as well: a minimum of
    the loss where another solution of the equations costs less than the way to the right one.
    """
    unmet = {
        name: facts.relative[name]
        for name in facts.on_boundary
        if facts.relative.get(name, math.nan) >= NEGLECTED
        and name not in facts.measured
        and not facts.held_out_losses.get(name, math.nan) > GAP * facts.losses[name]  # nan: no
    }
    if not unmet or outweighed(facts):
        return ""
    inside = {n: size for n, size in of_equations(facts).items() if n not in facts.on_boundary}
    worst = max(unmet, key=lambda name: unmet[name])
    return worst if CHEAPER * largest(inside) <= unmet[worst] else ""


def is_trivial(facts: Facts) -> bool:
    """Whether residuals are as small as rounding makes them, and yet as large as their terms."""
    return (
        not outweighed(facts)
        and facts.loss
        <= min(facts.eps**1.5 * facts.first_loss, NEAR_ROUNDING * facts.rounding_loss)
        and largest(of_equations(facts)) > FAILED_RESIDUAL
    )


def lacks_conditions(facts: Facts) -> bool:
    """Whether it is undetermined by more than an error that a smaller residual would not leave."""
    return bool(facts.missing) or (is_undetermined(facts) and facts.beyond > 1.0)  # nan: not known


def fitted_freely(facts: Facts) -> list[str]:
    """The conditions whose rows the network can fit whatever they say."""
    return [name for name, share in facts.free.items() if share > FREE]


def missed_if_left_out(facts: Facts) -> list[str]:
    """The conditions without held-out points that hold at their rows because these were seen."""
    return [
        name
        for name, loss in facts.press.items()
        if is_far(facts, loss, facts.losses[name])
        and relative_left_out(facts, name) > SOLVED_RESIDUAL
    ]


def is_far(facts: Facts, unseen: float, training: float) -> bool:
    """Whether the loss on unseen rows is far above that on training rows, and no rounding error."""
    return (
        unseen > HELD_OUT_RATIO * training  # nan: nothing is known
        and unseen > facts.eps * facts.first_loss
        and unseen > HELD_OUT_RATIO * facts.rounding_loss
    )


def largest(relative: Mapping[str, float]) -> float:
    """The largest; inf where one is not known."""
    return max((math.inf if math.isnan(v) else v for v in relative.values()), default=0.0)


def of_equations(facts: Facts) -> dict[str, float]:
    """The relative residuals of all conditions but measurements."""
    return {name: v for name, v in facts.relative.items() if name not in facts.measured}


def relative_left_out(facts: Facts, name: str) -> float:
    """The residual of rows that were left out relative to the terms in them; nan if not known."""
    loss, relative = facts.losses[name], facts.relative.get(name, math.nan)
    if loss == 0:  # the terms of an exact residual have no size
        return math.inf
    return relative * math.sqrt(facts.press[name] / loss)


def like_with_like(facts: Facts) -> tuple[float, float]:
    """Held-out and training loss of the conditions that have held-out points."""
    known = [name for name, loss in facts.held_out_losses.items() if not math.isnan(loss)]
    if not known:
        return math.nan, math.nan
    return sum(facts.held_out_losses[n] for n in known), sum(facts.losses[n] for n in known)
