"""Functions that watch a run, and end it."""

from __future__ import annotations

import pytest

import anagram_ext as ax
from anagram_ext.methods import Stop


def train(callbacks, **options):
    problem = ax.problems.laplace_2d(6)
    return ax.train(
        problem, ax.MLP([2, 6, 1]), steps=6, progress=False, callbacks=callbacks, **options
    )


def test_they_see_every_row_and_change_nothing():
    seen = []
    watched = train([lambda run: seen.append((run.steps, run.loss))])
    plain = train([])
    assert [step for step, _ in seen] == list(range(1, 7))
    assert [loss for _, loss in seen] == list(plain.history["loss"][1:])
    assert watched.loss == plain.loss


def test_what_one_does_to_theta_changes_nothing():
    def spoils(run):
        run.theta.zero_()

    assert train([spoils]).loss == train([]).loss


def test_a_string_ends_the_run_and_is_the_reason():
    asked = []
    run = train(
        [
            lambda run: "good enough" if run.steps == 3 else None,
            lambda run: asked.append(run.theta.shape),  # called all the same
        ]
    )
    assert run.steps == 3
    assert run.stop is Stop.BY_CALLBACK
    assert run.stop_reason == "ended by a callback: good enough"
    assert len(asked) == 3


def test_an_error_in_one_passes():
    def broken(run):
        raise ZeroDivisionError(run.steps)

    with pytest.raises(ZeroDivisionError):
        train([broken])


@pytest.mark.parametrize("callbacks", ["abc", 3, [3]])
def test_what_cannot_be_called_is_refused(callbacks):
    with pytest.raises(TypeError, match="callbacks"):
        train(callbacks)


def test_another_answer_is_refused():
    with pytest.raises(TypeError, match="must return a string or None, got 3"):
        train([lambda run: 3])
