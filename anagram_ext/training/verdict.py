"""What a run amounts to, in one word and in plain words: rules over facts, and nothing else.

A small loss is no small error. What a run reached is judged by what its points could not hide: the
residual on points it never saw, relative to the terms of the equation, and what that residual
does to the solution. ``docs/verdicts.md`` says the same for users.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from anagram_ext.methods import Stop
from anagram_ext.training.coupling import GAP, PER_PARAMETER

SOLVED_ERROR: Final = 3e-5  # largest estimated error of a solution: 1e-4, and a margin
SOLVED_RESIDUAL: Final = 3e-5  # largest residual of a solution, relative to the terms in it
SOLVED_WORST: Final = 3e-3  # largest error that a residual of that length could stand for
FAILED_ERROR: Final = 1e-2  # an estimated error above this solves nothing
FAILED_RESIDUAL: Final = 1e-2  # nor does a residual above this share of its terms
HELD_OUT_RATIO: Final = 100.0  # held-out loss over training loss that a caller has to know of
FREE: Final = 0.5  # share of its rows that the network can fit whatever they say
DISAGREE: Final = 1e4  # ratio of two conditions' relative residuals that is worth a word
NEAR_ROUNDING: Final = 1e6  # multiple of the rounding loss that large terms do not come down to
WINDOWS: Final = "solve it in windows of time (ax.march)"
BIGGER: Final = "use a larger network, or one with another hidden layer"
FEWEST_ROWS: Final = 2.0  # rows for each parameter below which points may not be enough


CUT_SHORT: Final = frozenset(
    {Stop.STEPS_REACHED, Stop.TIME_REACHED, Stop.BY_METHOD, Stop.BY_CALLBACK}
)


class Verdict(str, Enum):
    """What a run amounts to.

    ``SOLVED``: the evidence supports a relative error of at most 1e-4. ``CONVERGED``:
    the conditions hold where they were looked at, but the error may be larger, or nothing is known
    of the points between. ``STALLED``: it ended without satisfying its conditions. ``OVERFITTED``:
    they hold at the training points alone. ``DIVERGED``: a number was no longer finite.
    ``INTERRUPTED``: Ctrl-C. ``OUT_OF_TIME``: steps or seconds were used up while the loss still
    fell.
    """

    SOLVED = "solved"
    CONVERGED = "converged"
    STALLED = "stalled"
    OVERFITTED = "overfitted"
    DIVERGED = "diverged"
    INTERRUPTED = "interrupted"
    OUT_OF_TIME = "out of time"

    __str__ = str.__str__  # the text, not the name of the member


@dataclass(frozen=True)
class Facts:
    """All that a verdict goes by.

    Attributes:
        stop: why the run ended.
        steps: finished steps.
        loss: training loss of the returned iterate.
        first_loss: that of the first iterate.
        rounding_loss: the loss that rounding errors alone make.
        eps: the spacing of numbers of its dtype at one.
        losses: training loss of each condition.
        held_out_losses: the same on held-out points; nan where there are none.
        unseen: why there are none.
        measured: the conditions that hold measured values.
        relative: residual of each condition relative to its terms.
        estimate: estimated relative error; nan where it was not made.
        worst: the largest relative error that a residual of the same length could stand for.
        loosest: what that is an error of, in words.
        beyond: the part of it that no condition looks at.
        free: for each condition without held-out points the share of its rows that fit anything.
        press: for each condition without held-out points its loss if each row is left out in turn.
        improving: whether the loss still fell when the run ended.
        redrawn: whether points were drawn anew while training.
        n_rows: S.
        n_parameters: P.
        effective: the largest effective number of parameters of a step, at its damping; nan where
            the method does not know one.
        evolves: whether one of the coordinates is a time.
    """

    stop: Stop
    steps: int
    loss: float
    first_loss: float
    rounding_loss: float = 0.0
    eps: float = 2.0**-52
    losses: Mapping[str, float] = field(default_factory=dict)
    held_out_losses: Mapping[str, float] = field(default_factory=dict)
    unseen: Mapping[str, str] = field(default_factory=dict)
    measured: Collection[str] = ()
    relative: Mapping[str, float] = field(default_factory=dict)
    estimate: float = math.nan
    worst: float = math.nan
    loosest: str = "the fields"
    beyond: float = math.nan
    free: Mapping[str, float] = field(default_factory=dict)
    press: Mapping[str, float] = field(default_factory=dict)
    improving: bool = False
    redrawn: bool = False
    n_rows: int = 0
    n_parameters: int = 0
    effective: float = math.nan
    evolves: bool = False


@dataclass(frozen=True)
class Judgement:
    """A verdict, and what is wrong.

    Attributes:
        verdict: in one word.
        warning: in plain words what is wrong, the loss of each condition and one suggestion; None
            for a solved problem.
    """

    verdict: Verdict
    warning: str | None


def judge(facts: Facts) -> Judgement:
    """The verdict: the first rule that applies.

    1. ``DIVERGED``: a residual or the loss was not finite.
    2. ``INTERRUPTED``: Ctrl-C.
    3. ``SOLVED``: see ``is_solved``.
    4. ``OVERFITTED``: see ``is_overfitted``.
    5. ``OUT_OF_TIME``: steps or time reached, or stopped for a reason of its own, and the loss had
       halved in the last quarter of the steps; not where conditions are missing, which no step
       makes up for.
    6. ``STALLED``: the residual of an equation is above ``FAILED_RESIDUAL`` of its terms or not
       known, or the estimated error is above ``FAILED_ERROR``. (The residual of measurements may
       be noise, and a small residual with an endless error means that conditions are missing.)
    7. ``CONVERGED``: whatever remains.
    """
    verdict = _verdict(facts)
    if verdict is Verdict.SOLVED:
        return Judgement(verdict, None)
    return Judgement(
        verdict, f"{_what(verdict, facts)}; {_by_condition(facts)}; {_advice(verdict, facts)}"
    )


def is_solved(facts: Facts) -> bool:
    """Whether all evidence supports a relative error of at most 1e-4.

    Every residual is below ``SOLVED_RESIDUAL`` of its terms, the estimated error below
    ``SOLVED_ERROR`` and the worst one below ``SOLVED_WORST``, and no condition without held-out
    points has rows that the network could fit freely.
    """
    return (
        _worst(facts.relative) <= SOLVED_RESIDUAL
        and facts.estimate <= SOLVED_ERROR
        and facts.worst <= SOLVED_WORST
        and all(share <= FREE for share in facts.free.values())  # nan: not known
    )


def is_overfitted(facts: Facts) -> bool:
    """Whether the conditions hold at the training points alone.

    The held-out loss is more than ``HELD_OUT_RATIO`` times the training loss of the same
    conditions. At round-off the training loss may be small by luck: no smaller loss than the
    rounding error, or than the first loss by all digits of its dtype, is asked of points that were
    never looked at. A condition without held-out points is judged by its rows, each left out in
    turn: the same holds of their loss, and they are missed by more than a solution may.
    """
    return _is_far(facts, *_like_with_like(facts)) or bool(_missed_if_left_out(facts))


def is_undetermined(facts: Facts) -> bool:
    """Whether all residuals are as small as a solution's, and leave room for any error."""
    return _worst(facts.relative) <= SOLVED_RESIDUAL and facts.worst > 1.0


def is_trivial(facts: Facts) -> bool:
    """Whether residuals are as small as rounding makes them, and yet as large as their terms."""
    return (
        facts.loss <= min(facts.eps**1.5 * facts.first_loss, NEAR_ROUNDING * facts.rounding_loss)
        and _worst(_of_equations(facts)) > FAILED_RESIDUAL
    )


def _lacks_conditions(facts: Facts) -> bool:
    """Whether it is undetermined by more than an error that a smaller residual would not leave."""
    return is_undetermined(facts) and facts.beyond > 1.0  # nan: not known


def _verdict(facts: Facts) -> Verdict:
    if facts.stop is Stop.NOT_FINITE or not math.isfinite(facts.loss):
        return Verdict.DIVERGED
    if facts.stop is Stop.INTERRUPTED:
        return Verdict.INTERRUPTED
    if is_solved(facts):
        return Verdict.SOLVED
    if is_overfitted(facts):
        return Verdict.OVERFITTED
    if facts.stop in CUT_SHORT and facts.improving and not _lacks_conditions(facts):
        return Verdict.OUT_OF_TIME
    failed = _worst(_of_equations(facts)) > FAILED_RESIDUAL or facts.estimate > FAILED_ERROR
    return Verdict.STALLED if failed and not is_undetermined(facts) else Verdict.CONVERGED


def _worst(relative: Mapping[str, float]) -> float:
    """The largest; inf where one is not known."""
    return max((math.inf if math.isnan(v) else v for v in relative.values()), default=0.0)


def _of_equations(facts: Facts) -> dict[str, float]:
    """The relative residuals of all conditions but measurements."""
    return {name: v for name, v in facts.relative.items() if name not in facts.measured}


def _fitted_freely(facts: Facts) -> list[str]:
    """The conditions whose rows the network can fit whatever they say."""
    return [name for name, share in facts.free.items() if share > FREE]


def _is_far(facts: Facts, unseen: float, training: float) -> bool:
    """Whether the loss on unseen rows is far above that on training rows, and no rounding error."""
    return (
        unseen > HELD_OUT_RATIO * training  # nan: nothing is known
        and unseen > facts.eps * facts.first_loss
        and unseen > HELD_OUT_RATIO * facts.rounding_loss
    )


def _missed_if_left_out(facts: Facts) -> list[str]:
    """The conditions without held-out points that hold at their rows because these were seen."""
    return [
        name
        for name, loss in facts.press.items()
        if _is_far(facts, loss, facts.losses[name])
        and _relative_left_out(facts, name) > SOLVED_RESIDUAL
    ]


def _relative_left_out(facts: Facts, name: str) -> float:
    """The residual of rows that were left out relative to the terms in them; nan if not known."""
    loss, relative = facts.losses[name], facts.relative.get(name, math.nan)
    if loss == 0:  # the terms of an exact residual have no size
        return math.inf
    return relative * math.sqrt(facts.press[name] / loss)


def _like_with_like(facts: Facts) -> tuple[float, float]:
    """Held-out and training loss of the conditions that have held-out points."""
    known = [name for name, loss in facts.held_out_losses.items() if not math.isnan(loss)]
    if not known:
        return math.nan, math.nan
    return sum(facts.held_out_losses[n] for n in known), sum(facts.losses[n] for n in known)


def _what(verdict: Verdict, facts: Facts) -> str:
    """What is wrong."""
    if verdict is Verdict.OVERFITTED:
        return _overfitted(facts)
    if verdict is Verdict.DIVERGED:
        return f"a number was no longer finite after step {facts.steps}: this is the best iterate"
    if verdict is Verdict.INTERRUPTED:
        return f"interrupted after {facts.steps} steps: this is the best iterate"
    if verdict is Verdict.OUT_OF_TIME:
        return f"the loss was still falling after {facts.steps} steps: {_distance(facts)}"
    if verdict is Verdict.STALLED:
        return _stalled(facts)
    return _doubt(facts)


def _stalled(facts: Facts) -> str:
    """How far from a solution, or from any but zero."""
    if is_trivial(facts):
        return (
            "the conditions hold because the terms in them vanish: this is the trivial solution, "
            "such as u = 0, up to rounding errors"
        )
    return f"no solution was found: {_distance(facts)}"


def _overfitted(facts: Facts) -> str:
    """How far the loss on unseen rows is from that on training rows."""
    held_out, training = _like_with_like(facts)
    if _is_far(facts, held_out, training):
        return (
            f"the loss on held-out points, {held_out:.1e}, is more than {HELD_OUT_RATIO:.0f} times "
            f"the training loss, {training:.1e}: the conditions hold at the training points but "
            "less well between them"
        )
    name = max(_missed_if_left_out(facts), key=lambda n: _relative_left_out(facts, n))
    missed = _relative_left_out(facts, name)
    size = f" ({missed:.1e} of the terms in it)" if math.isfinite(missed) else ""
    return (
        f"each row of {name!r} left out in turn would be missed with a loss of "
        f"{facts.press[name]:.1e}{size}, more than {HELD_OUT_RATIO:.0f} times its training loss, "
        f"{facts.losses[name]:.1e}: it holds at its rows but less well between them"
    )


def _distance(facts: Facts) -> str:
    """How far from a solution."""
    worst = _worst(facts.relative)
    if not facts.relative or not math.isfinite(worst):
        return f"the loss is {facts.loss:.1e}"
    if facts.estimate > FAILED_ERROR:
        return f"the relative error may be as large as {facts.estimate:.1e}"
    name = max(facts.relative, key=lambda n: facts.relative[n])
    return f"the residual of {name!r} is {worst:.1e} of the terms in it"


def _doubt(facts: Facts) -> str:
    """Why a run that satisfied its conditions is not said to have solved the problem."""
    fitted = _fitted_freely(facts)
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
    if _worst(facts.relative) <= SOLVED_RESIDUAL:
        return "the conditions hold, but what that means for the error is not known"
    return f"the conditions hold only roughly: {_distance(facts)}"


def _by_condition(facts: Facts) -> str:
    """The loss of each condition, and how far it is from being satisfied."""
    parts = []
    for name, loss in facts.losses.items():
        held_out = facts.held_out_losses.get(name, math.nan)
        left_out = facts.press.get(name, math.nan)
        seen = "" if math.isnan(left_out) else f" (left out {left_out:.1e})"
        seen = seen if math.isnan(held_out) else f" (held out {held_out:.1e})"
        parts.append(f"{name} {loss:.1e}{seen}")
    return f"loss by condition: {', '.join(parts)}"


def _advice(verdict: Verdict, facts: Facts) -> str:
    """One suggestion: the first that fits."""
    if verdict is Verdict.DIVERGED:
        return "keep the residual finite wherever the network may go, or train with method 'gd'"
    if verdict in {Verdict.INTERRUPTED, Verdict.OUT_OF_TIME} and not _fitted_freely(facts):
        return "give it more steps"
    if is_undetermined(facts) or is_trivial(facts):
        return "add the conditions that are missing"
    few = facts.n_rows < FEWEST_ROWS * facts.n_parameters
    rows = f": {facts.n_rows} rows for {facts.n_parameters} parameters" if few else ""
    rows = _beside_effective(facts) or rows
    if verdict is Verdict.OVERFITTED or _fitted_freely(facts):
        return f"use more points or redraw them{rows}"
    few = few or _fits_its_points(facts)
    return f"use more points{rows}" if few and not facts.redrawn else _of_the_method(facts)


def _fits_its_points(facts: Facts) -> bool:
    """Whether rows are few beside what a step could fit, and points that it never saw show it.

    What is fitted at the points alone is won back neither by a larger network nor by windows.
    """
    unseen, training = _like_with_like(facts)
    return unseen > GAP * training and facts.n_rows < PER_PARAMETER * facts.effective  # nan: no


def _beside_effective(facts: Facts) -> str:
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
    if _worst(_of_equations(facts)) <= FAILED_RESIDUAL < _worst(facts.relative):
        return "noise of the measurements explains that; if there is none, use a larger network"
    sizes = [value for value in facts.relative.values() if value > 0]
    if sizes and max(sizes) > DISAGREE * min(sizes):
        return "the conditions disagree by orders of magnitude: change their weights"
    help_on = WINDOWS if facts.evolves else BIGGER
    vanishes = facts.loss <= facts.eps * facts.first_loss
    if vanishes or _worst(facts.relative) <= SOLVED_RESIDUAL:  # all that was asked for holds
        return f"see if a condition is missing, at the start or at a boundary: if not, {help_on}"
    return help_on
