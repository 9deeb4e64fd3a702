"""What a verdict says to the user: what is wrong, and one suggestion."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from anagram_ext.methods import Stop
from anagram_ext.verdicts.criteria import (
    FAILED_ERROR,
    FAILED_RESIDUAL,
    GAP,
    HELD_OUT_RATIO,
    PER_PARAMETER,
    SOLVED_ERROR,
    SOLVED_RESIDUAL,
    SOLVED_WORST,
    fitted_freely,
    is_far,
    is_trivial,
    is_undetermined,
    largest,
    like_with_like,
    missed_if_left_out,
    neglected,
    of_equations,
    outweighed,
    relative_left_out,
)

if TYPE_CHECKING:
    from anagram_ext.verdicts.facts import Facts

DISAGREE: Final = 1e4  # ratio of two conditions' relative residuals that is worth a word
WINDOWS: Final = "solve it in windows of time (ax.march), or in shorter ones"
BIGGER: Final = "use a larger network, or one with another hidden layer"
FEWEST_ROWS: Final = 2.0  # rows for each parameter below which points may not be enough


def not_finite(facts: Facts) -> str:
    """What was not finite: a step, or a residual where no training point is."""
    if facts.not_finite:
        return f"{next(iter(facts.not_finite.values()))}, between the training points"
    return f"a number was no longer finite after step {facts.steps}: this is the best iterate"


def keep_finite(facts: Facts) -> str:
    """What helps against that."""
    if facts.not_finite:
        return "keep the residual finite everywhere, or leave the place out of the region"
    return "keep the residual finite wherever the network may go, or train with method 'gd'"


def stalled(facts: Facts) -> str:
    """How far from a solution, or from any but zero."""
    lost = outweighed(facts)
    if lost:
        heaviest = max(facts.weights, key=lambda name: facts.weights[name])
        return (
            f"{lost[0]!r} does not hold ({facts.relative[lost[0]]:.1e} of the terms in it): with a "
            f"weight of {facts.weights[lost[0]]:.1e} it does not count beside {heaviest!r} with "
            f"one of {facts.weights[heaviest]:.1e}"
        )
    if is_trivial(facts):
        return (
            "the conditions hold because the terms in them vanish: this is the trivial solution, "
            "such as u = 0, up to rounding errors"
        )
    return f"no solution was found: {distance(facts)}"


def overfitted(facts: Facts) -> str:
    """How far the loss on unseen rows is from that on training rows."""
    held_out, training = like_with_like(facts)
    if is_far(facts, held_out, training):
        return (
            f"the loss on held-out points, {held_out:.1e}, is more than {HELD_OUT_RATIO:.0f} times "
            f"the training loss, {training:.1e}: the conditions hold at the training points but "
            "less well between them"
        )
    name = max(missed_if_left_out(facts), key=lambda n: relative_left_out(facts, n))
    missed = relative_left_out(facts, name)
    size = f" ({missed:.1e} of the terms in it)" if math.isfinite(missed) else ""
    return (
        f"each row of {name!r} left out in turn would be missed with a loss of "
        f"{facts.press[name]:.1e}{size}, more than {HELD_OUT_RATIO:.0f} times its training loss, "
        f"{facts.losses[name]:.1e}: it holds at its rows but less well between them"
    )


def distance(facts: Facts) -> str:
    """How far from a solution."""
    worst = largest(facts.relative)
    if not facts.relative or not math.isfinite(worst):
        return f"the loss is {facts.loss:.1e}"
    if facts.estimate > FAILED_ERROR:
        return f"the relative error may be as large as {facts.estimate:.1e}"
    name = max(facts.relative, key=lambda n: facts.relative[n])
    return f"the residual of {name!r} is {worst:.1e} of the terms in it"


def objected(facts: Facts) -> str:
    """What speaks against a condition whose residual is small."""
    name, objection = next(iter(facts.objections.items()))
    return (
        f"{name!r} need not hold although its residual is small, and what that means for the error "
        f"is not known: {objection.words}"
    )


def unchecked(facts: Facts) -> str | None:
    """What of a solved problem could not be looked at; None if all was."""
    if not facts.unchecked:
        return None
    name, why = next(iter(facts.unchecked.items()))
    named = ", ".join(map(repr, facts.unchecked))
    return f"not looked at between the points of {named}, where {name!r} gave {why}"


def doubt(facts: Facts) -> str:
    """Why a run that satisfied its conditions is not said to have solved the problem."""
    fitted = fitted_freely(facts)
    if fitted:
        name = fitted[0]
        return (
            f"the network fits the points of {name!r} whatever is asked there (it is free in "
            f"{facts.free[name]:.0%} of them), and nothing is known of the points between: "
            f"{facts.unseen.get(name, '')}"
        )
    if is_undetermined(facts):
        return (
            f"the conditions hold but do not determine {facts.loosest}: others satisfy them as well"
        )
    if facts.estimate > SOLVED_ERROR:
        return f"the relative error may be as large as {facts.estimate:.1e}"
    if facts.worst > SOLVED_WORST:
        return (
            f"the conditions hardly determine {facts.loosest}: residuals of this size leave room "
            f"for a relative error of {facts.worst:.1e}"
        )
    if largest(facts.relative) <= SOLVED_RESIDUAL:
        return "the conditions hold, but what that means for the error is not known"
    return f"the conditions hold only roughly: {distance(facts)}"


def by_condition(facts: Facts) -> str:
    """The loss of each condition, and how far it is from being satisfied."""
    parts = []
    for name, loss in facts.losses.items():
        held_out = facts.held_out_losses.get(name, math.nan)
        left_out = facts.press.get(name, math.nan)
        seen = "" if math.isnan(left_out) else f" (left out {left_out:.1e})"
        seen = seen if math.isnan(held_out) else f" (held out {held_out:.1e})"
        parts.append(f"{name} {loss:.1e}{seen}")
    return f"loss by condition: {', '.join(parts)}"


def give_weight(facts: Facts) -> str:
    """What helps where a condition on a boundary was given up for the equations; or empty."""
    name = neglected(facts)
    if not name:
        return ""
    return (
        f"give {name!r} ten times its weight (ax.Condition(..., weight=)): it misses "
        f"{facts.relative[name]:.0%} of its terms while the equations hold, or see if conditions "
        "contradict each other"
    )


def more_points(facts: Facts) -> str:
    """What helps where the conditions hold at their points alone."""
    return f"use more points or redraw them{_beside_parameters(facts)}"


def what_helps(facts: Facts) -> str:
    """What helps where nothing is known but that it is no solution."""
    if outweighed(facts):
        return "bring the weights nearer to each other"
    if facts.hiding:
        name = next(iter(facts.hiding))
        return f"let autograd see all of {name!r}: without detach(), NumPy or torch.tensor(...)"
    unseen, training = like_with_like(facts)
    told_apart = not unseen <= GAP * training  # nan: not known
    few = (_has_few_rows(facts) and told_apart) or _fits_its_points(facts)
    if few and not facts.redrawn:
        return f"use more points{_beside_parameters(facts)}"
    return _of_the_method(facts)


def _has_few_rows(facts: Facts) -> bool:
    return facts.n_rows < FEWEST_ROWS * facts.n_parameters


def _fits_its_points(facts: Facts) -> bool:
    """Whether rows are few beside what a step could fit, and points that it never saw show it.

    What is fitted at the points alone is won back neither by a larger network nor by windows.
    """
    unseen, training = like_with_like(facts)
    return unseen > GAP * training and facts.n_rows < PER_PARAMETER * facts.effective  # nan: no


def _beside_parameters(facts: Facts) -> str:
    """How many rows there are for how many parameters, where they are few."""
    few = f": {facts.n_rows} rows for {facts.n_parameters} parameters"
    return beside_effective(facts) or (few if _has_few_rows(facts) else "")


def beside_effective(facts: Facts) -> str:
    """How many rows there are for each effective parameter, where they are few."""
    needed = PER_PARAMETER * facts.effective
    if not facts.n_rows < needed:  # nan: the method does not know
        return ""
    return (
        f": {facts.n_rows / facts.effective:.1f} rows for each of {facts.effective:.0f} effective "
        f"parameters, at least {needed:.0f} are needed"
    )


def _of_the_method(facts: Facts) -> str:
    """What helps where the points suffice."""
    if largest(of_equations(facts)) <= FAILED_RESIDUAL < largest(facts.relative):
        return "noise of the measurements explains that; if there is none, use a larger network"
    sizes = [value for value in facts.relative.values() if value > 0]
    if sizes and max(sizes) > DISAGREE * min(sizes):
        return "the conditions disagree by orders of magnitude: change their weights"
    help_on = WINDOWS if facts.evolves else BIGGER
    vanishes = facts.loss <= facts.eps * facts.first_loss
    if vanishes or largest(facts.relative) <= SOLVED_RESIDUAL:  # all that was asked for holds
        return f"see if a condition is missing, at the start or at a boundary: if not, {help_on}"
    if facts.stop is Stop.NO_PROGRESS and largest(facts.relative) > FAILED_RESIDUAL:
        return f"{help_on}, or see if conditions contradict each other"
    return help_on
