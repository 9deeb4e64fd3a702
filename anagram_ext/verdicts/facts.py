"""What is known of a run when it ends: all that its verdict goes by."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anagram_ext.methods import Stop


@dataclass(frozen=True)
class Objection:
    """What speaks against a condition although its residual is small.

    Attributes:
        words: what is wrong, in words.
        advice: one suggestion.
    """

    words: str
    advice: str


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
        objections: what speaks against conditions all of which seem to be satisfied.
        unchecked: conditions that could not be looked at between their points, and why.
        missing: which boundary lacks a condition, in words; empty where none is known to.
        stray: which condition has points where no equation holds, in words; or empty.
        clash: which conditions prescribe different values at one place, in words; or empty.
        not_finite: where conditions are not finite at points that training did not see, in words.
        weights: of the conditions, as training counts them.
        on_boundary: the conditions that hold on the boundary of equations.
        hiding: the conditions whose derivatives are not those of their values.
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
    objections: Mapping[str, Objection] = field(default_factory=dict)
    unchecked: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""
    clash: str = ""
    stray: str = ""
    not_finite: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    on_boundary: Collection[str] = ()
    hiding: Collection[str] = ()
    improving: bool = False
    redrawn: bool = False
    n_rows: int = 0
    n_parameters: int = 0
    effective: float = math.nan
    evolves: bool = False
