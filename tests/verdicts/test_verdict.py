"""The rules of a verdict, on facts made up for each of them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

import anagram_ext as ax
from anagram_ext.methods import Stop
from anagram_ext.verdicts.facts import Facts
from anagram_ext.verdicts.verdict import Judgement, Verdict, judge

GOOD = Facts(
    stop=Stop.NO_PROGRESS,
    steps=120,
    loss=2e-20,
    first_loss=10.0,
    rounding_loss=1e-24,
    losses={"pde": 1.5e-20, "start": 5e-21},
    held_out_losses={"pde": 2e-19, "start": 6e-21},
    relative={"pde": 1e-9, "start": 1e-10},
    estimate=1e-9,
    worst=1e-7,
    n_rows=400,
    n_parameters=100,
)


def judged(**changes) -> Judgement:
    return judge(replace(GOOD, **changes))


def test_what_all_evidence_supports_is_solved_and_nothing_is_wrong():
    assert judge(GOOD) == Judgement(Verdict.SOLVED, None)
    # Points that were too few, a limit that was reached: no matter, where the answer is right.
    assert judged(n_rows=50, stop=Stop.STEPS_REACHED).verdict is ax.Verdict.SOLVED


@pytest.mark.parametrize(
    "changes",
    [
        {"relative": {"pde": 4e-5, "start": 1e-10}},
        {"relative": {"pde": math.nan, "start": 1e-10}},
        {"relative": {"pde": math.inf, "start": 1e-10}},
        {"estimate": 4e-5},
        {"estimate": math.nan},
        {"worst": 4e-3},
        {"worst": math.nan},
        {"free": {"start": 0.9}},
        {"free": {"start": math.nan}},
    ],
)
def test_one_doubt_is_enough_for_a_warning(changes):
    judgement = judged(**changes)
    assert judgement.verdict is not Verdict.SOLVED
    assert judgement.warning


@pytest.mark.parametrize(
    ("changes", "verdict", "words"),
    [
        ({"stop": Stop.NOT_FINITE}, Verdict.DIVERGED, "no longer finite after step 120"),
        ({"loss": math.inf}, Verdict.DIVERGED, "no longer finite"),
        ({"stop": Stop.INTERRUPTED}, Verdict.INTERRUPTED, "interrupted after 120 steps"),
        (
            {"relative": {"pde": 0.2}, "held_out_losses": {"pde": 7.0, "start": 6e-21}},
            Verdict.OVERFITTED,
            "the loss on held-out points, 7.0e+00, is more than 100 times the training loss",
        ),
        (
            {"relative": {"pde": 0.2}, "stop": Stop.STEPS_REACHED, "improving": True},
            Verdict.OUT_OF_TIME,
            "still falling after 120 steps: the residual of 'pde' is 2.0e-01",
        ),
        (
            {"relative": {"pde": 0.2}, "stop": Stop.TIME_REACHED, "improving": True},
            Verdict.OUT_OF_TIME,
            "give it more steps",
        ),
        (
            {"relative": {"pde": 0.2}, "stop": Stop.STEPS_REACHED},
            Verdict.STALLED,
            "no solution was found: the residual of 'pde' is 2.0e-01 of the terms in it",
        ),
        ({"relative": {"pde": 0.2}, "improving": True}, Verdict.STALLED, "no solution was found"),
        ({"estimate": 0.3}, Verdict.STALLED, "no solution was found"),
        ({"estimate": 3e-3}, Verdict.CONVERGED, "may be as large as 3.0e-03"),
        ({"worst": 0.2}, Verdict.CONVERGED, "leave room for a relative error of 2.0e-01"),
        (
            {"worst": 1e6, "estimate": 0.3},
            Verdict.CONVERGED,
            "the conditions hold but do not determine the fields",
        ),
        (
            {"free": {"start": 0.98}, "unseen": {"start": "they were measured"}},
            Verdict.CONVERGED,
            "(it is free in 98% of them), and nothing is known of the points between: they were",
        ),
        (
            {"relative": {"pde": 1e-9, "start": 0.1}, "measured": ("start",)},
            Verdict.CONVERGED,
            "noise of the measurements",
        ),
        ({"relative": {"pde": 1e-9, "start": 0.1}}, Verdict.STALLED, "'start' is 1.0e-01"),
    ],
)
def test_each_rule_in_its_own_words(changes, verdict, words):
    judgement = judged(**changes)
    assert judgement.verdict is verdict
    assert words in str(judgement.warning)
    for part in ("loss by condition: pde 1.5e-20 (held out ", "start 5.0e-21 (held out 6.0e-21)"):
        assert part in str(judgement.warning)


MISSED = {
    "losses": {"pde": 1.5e-20, "data": 4e-20},
    "held_out_losses": {"pde": 2e-19, "data": math.nan},
    "relative": {"pde": 1e-9, "data": 1e-12},
    "free": {"data": 0.98},
    "measured": ("data",),
}


def test_rows_that_would_be_missed_if_left_out_are_overfitted():
    judgement = judged(**MISSED, press={"data": 4e-3})
    assert judgement.verdict is Verdict.OVERFITTED
    words = "each row of 'data' left out in turn would be missed with a loss of 4.0e-03 (3.2e-04 "
    assert words in str(judgement.warning)  # 1e-12 of the terms, times the root of 1e17
    assert "data 4.0e-20 (left out 4.0e-03)" in str(judgement.warning)
    exact = judged(**MISSED | {"losses": {"pde": 0.0, "data": 0.0}}, press={"data": 4e-3})
    assert exact.verdict is Verdict.OVERFITTED


@pytest.mark.parametrize(
    "changes",
    [
        {"press": {"data": 3e-18}},  # not far above the training loss
        {"press": {"data": 1e-6}},  # far above it, but no more than a solution may miss
        {"press": {"data": math.nan}},
        {"press": {"data": 4e-3}, "rounding_loss": 1e-4},
        {"press": {"data": 4e-3}, "first_loss": 1e16},
        {"press": {"data": 4e-3}, "relative": {"pde": 1e-9, "data": math.nan}},
    ],
)
def test_rows_that_others_tell_are_not_overfitted(changes):
    assert judged(**MISSED | changes).verdict is Verdict.CONVERGED


@pytest.mark.parametrize(
    "changes",
    [{"rounding_loss": 1.0}, {"first_loss": 1e17}, {"held_out_losses": {"pde": math.nan}}],
)
def test_rounding_errors_and_what_is_not_known_are_no_overfitting(changes):
    facts = {"estimate": 1e-3, "held_out_losses": {"pde": 7.0, "start": 0.0}} | changes
    assert judged(**facts).verdict is Verdict.CONVERGED


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({"n_rows": 150}, "use more points: 150 rows for 100 parameters"),
        (
            {"n_rows": 150, "effective": 50.2},
            "3.0 rows for each of 50 effective parameters, at least 502 are needed",
        ),
        ({"n_rows": 150, "effective": 12.0}, "use more points: 150 rows for 100 parameters"),
        ({"n_rows": 150, "redrawn": True}, "use a larger network"),
        # What holds between the points as well as at them, or as badly, wants no more of them.
        ({"n_rows": 150, "held_out_losses": {"pde": 2e-20}}, "use a larger network"),
        ({"n_rows": 150, "held_out_losses": {}}, "use more points: 150 rows for 100 parameters"),
        ({"loss": 1e-3}, "hidden layer, or see if conditions contradict each other"),
        (
            {"relative": {"pde": 0.02, "start": 0.9}, "on_boundary": ["start"]},
            "give 'start' ten times its weight (ax.Condition(..., weight=)): it misses 90%",
        ),
        # The equation does not hold either; or it is noise; or it is missed between points alone.
        ({"relative": {"pde": 0.2, "start": 0.9}, "on_boundary": ["start"]}, "use a larger"),
        (
            {
                "relative": {"pde": 0.02, "start": 0.9},
                "on_boundary": ["start"],
                "measured": ["start"],
            },
            "use a larger network",
        ),
        (
            {
                "relative": {"pde": 0.02, "start": 0.9},
                "on_boundary": ["start"],
                "held_out_losses": {"pde": 2e-19, "start": 2e-20},
            },
            "use a larger network",
        ),
        ({"clash": "'a' asks for 1 and 'b' for 2"}, "'a' asks for 1 and 'b' for 2"),
        (
            {"effective": 80.0, "evolves": True},  # held-out loss is ten times the training loss
            "use more points: 5.0 rows for each of 80 effective parameters, at least 800",
        ),
        ({"effective": 30.0, "evolves": True}, "ax.march"),  # enough of them
        ({"effective": 80.0, "held_out_losses": {"pde": 2e-20}}, "use a larger network"),
        ({"evolves": True}, "ax.march"),
        ({"relative": {"pde": 0.2, "start": 1e-9}}, "change their weights"),
        ({"relative": {"pde": 1e-9}, "worst": 1e6}, "add the conditions that are missing"),
        ({"free": {"start": 1.0}}, "use more points or redraw them"),
        ({"relative": {"pde": 1e-9, "start": 1e-9}}, "if not, use a larger network"),
    ],
)
def test_one_suggestion(changes, advice):
    facts = {"estimate": 0.3, "relative": {"pde": 0.2, "start": 0.1}} | changes
    assert advice in str(judged(**facts).warning).split("; ")[-1]


def test_rows_fitted_exactly_want_more_points_before_more_conditions():
    facts = {
        "relative": {"pde": 1e-15},
        "worst": 1e6,
        "held_out_losses": {"pde": 7.0, "start": 1e-3},
    }
    few = judged(**facts, n_rows=80, effective=80.0)
    assert few.verdict is Verdict.OVERFITTED
    assert "at least 800 are needed" in str(few.warning)
    many = judged(**facts, n_rows=800, effective=80.0)
    assert "add the conditions that are missing" in str(many.warning)


def test_a_verdict_is_text():
    assert f"{Verdict.OUT_OF_TIME}" == "out of time"
    assert {v.name for v in ax.Verdict} == {
        "SOLVED", "CONVERGED", "STALLED", "OVERFITTED", "DIVERGED", "INTERRUPTED", "OUT_OF_TIME",
    }  # fmt: skip  # a table


def test_rows_fitted_to_the_last_digit_are_no_trivial_solution():
    facts = {
        "loss": 3e-30,
        "rounding_loss": 3e-30,
        "relative": {"pde": 0.4},
        "held_out_losses": {"pde": 140.0, "start": 0.2},
    }
    few = judged(**facts, n_rows=68, effective=68.0)
    assert few.verdict is Verdict.OVERFITTED
    assert str(few.warning).endswith(
        "1.0 rows for each of 68 effective parameters, at least 680 are needed"
    )
    trivial = judged(**facts | {"held_out_losses": {"pde": 3e-30, "start": 0.0}}, n_rows=68)
    assert "trivial solution" in str(trivial.warning)
    assert "add the conditions that are missing" in str(trivial.warning)
