"""What a run amounts to, in one word and in plain words: rules over facts, and nothing else.

A small loss is no small error. What a run reached is judged by what its points could not hide: the
residual on points it never saw, relative to the terms of the equation, and what that residual
does to the solution. ``docs/verdicts.md`` says the same for users.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Final

from anagram_ext.methods import Stop
from anagram_ext.verdicts import wording
from anagram_ext.verdicts.criteria import (
    FAILED_ERROR,
    FAILED_RESIDUAL,
    fitted_freely,
    is_overfitted,
    is_solved,
    is_trivial,
    is_undetermined,
    lacks_conditions,
    largest,
    of_equations,
)
from anagram_ext.verdicts.facts import Facts

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
class Judgement:
    """A verdict, and what is wrong.

    Attributes:
        verdict: in one word.
        warning: in plain words what is wrong, the loss of each condition and one suggestion; None
            for a solved problem, or the checks that could not be made of one.
    """

    verdict: Verdict
    warning: str | None


def judge(facts: Facts) -> Judgement:
    """The verdict: the first rule that applies.

    1. ``DIVERGED``: a residual or the loss was not finite.
    2. ``INTERRUPTED``: Ctrl-C.
    3. ``SOLVED``: see ``is_solved``.
    4. ``DIVERGED``: a residual is not finite at points that training did not see.
    5. ``OVERFITTED``: see ``is_overfitted``.
    6. ``OUT_OF_TIME``: steps or time reached, or stopped for a reason of its own, and the loss had
       halved in the last quarter of the steps; not where conditions are missing or something speaks
       against one, which no step makes up for.
    7. ``STALLED``: the residual of an equation is above ``FAILED_RESIDUAL`` of its terms or not
       known, or the estimated error is above ``FAILED_ERROR``. (The residual of measurements may
       be noise, and a small residual with an endless error means that conditions are missing.)
    8. ``CONVERGED``: whatever remains.
    """
    verdict = _verdict(facts)
    if verdict is Verdict.SOLVED:
        return Judgement(verdict, wording.unchecked(facts))
    parts = (_what(verdict, facts), wording.by_condition(facts), _advice(verdict, facts))
    return Judgement(verdict, "; ".join(parts))


def _verdict(facts: Facts) -> Verdict:
    if facts.stop is Stop.NOT_FINITE or not math.isfinite(facts.loss):
        return Verdict.DIVERGED
    if facts.stop is Stop.INTERRUPTED:
        return Verdict.INTERRUPTED
    if is_solved(facts):
        return Verdict.SOLVED
    if facts.not_finite or is_overfitted(facts):
        return Verdict.DIVERGED if facts.not_finite else Verdict.OVERFITTED
    in_vain = lacks_conditions(facts) or facts.objections
    if facts.stop in CUT_SHORT and facts.improving and not in_vain:
        return Verdict.OUT_OF_TIME
    failed = largest(of_equations(facts)) > FAILED_RESIDUAL or facts.estimate > FAILED_ERROR
    return Verdict.STALLED if failed and not is_undetermined(facts) else Verdict.CONVERGED


def _what(verdict: Verdict, facts: Facts) -> str:
    """What is wrong."""
    if verdict is Verdict.OVERFITTED:
        return wording.overfitted(facts)
    if verdict is Verdict.DIVERGED:
        return wording.not_finite(facts)
    if verdict is Verdict.INTERRUPTED:
        return f"interrupted after {facts.steps} steps: this is the best iterate"
    if verdict is Verdict.OUT_OF_TIME:
        return f"the loss was still falling after {facts.steps} steps: {wording.distance(facts)}"
    if verdict is Verdict.STALLED:
        return wording.stalled(facts)
    return wording.objected(facts) if facts.objections else wording.doubt(facts)


def _of_conditions(verdict: Verdict, facts: Facts) -> str:
    """What to change in the conditions, where one of them is known to be wrong."""
    if facts.stray:
        return f"look at the points: {facts.stray}"
    if facts.clash:
        return f"make conditions agree that cannot hold together: {facts.clash}"
    if facts.objections and verdict is Verdict.CONVERGED:
        return next(iter(facts.objections.values())).advice
    if facts.missing and verdict is not Verdict.OUT_OF_TIME:
        return f"add the condition that is missing: {facts.missing}"
    return ""


def _advice(verdict: Verdict, facts: Facts) -> str:
    """One suggestion: the first that fits."""
    if verdict is Verdict.DIVERGED:
        return wording.keep_finite(facts)
    if verdict in {Verdict.INTERRUPTED, Verdict.OUT_OF_TIME} and not fitted_freely(facts):
        return "give it more steps"
    at_fault = _of_conditions(verdict, facts)
    if at_fault:
        return at_fault
    too_light = wording.give_weight(facts)
    if too_light:
        return too_light
    # Where all rows are fitted exactly, few of them leave as much room as a missing condition, and
    # on held-out points the residual is as large as that of zero.
    too_few = verdict is Verdict.OVERFITTED and wording.beside_effective(facts)
    if (is_trivial(facts) or is_undetermined(facts)) and not too_few:
        return "add the conditions that are missing"
    overfitted = verdict is Verdict.OVERFITTED or fitted_freely(facts)
    return wording.more_points(facts) if overfitted else wording.what_helps(facts)
