"""The steps of a run, until there is a reason to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anagram_ext.errors import NonFiniteError
from anagram_ext.methods import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from anagram_ext.training.asked import Callback
    from anagram_ext.training.limits import Limits
    from anagram_ext.training.run import Run
    from anagram_ext.training.together import Agreement


def steps_until_stopped(
    run: Run,
    limits: Limits,
    after_row: Callable[[], None],
    watchers: list[Callback],
    agreed: Agreement,
) -> str:
    """Runs the loop; what ends it early ends it in good order. Returns the reason."""
    try:
        reason = _loop(run, limits, after_row, watchers, agreed)
        run.end(reason)
        return reason
    except KeyboardInterrupt:
        return Stop.INTERRUPTED
    except NonFiniteError as error:
        if run.steps == 0:
            raise  # nothing was gained: the problem or its first iterate is at fault
        return Stop.NOT_FINITE.because(error)


def _loop(
    run: Run,
    limits: Limits,
    after_row: Callable[[], None],
    watchers: list[Callback],
    agreed: Agreement,
) -> str:
    """Steps until there is a reason to stop, and returns it."""
    if not len(run.history):  # nothing was resumed
        run.start()
        after_row()
    reached = agreed(run.ended or limits.reached(run.steps, run.seconds))
    if reached is not None:
        return reached
    growth = run.growth
    while True:
        if growth is not None:
            growth.before_step(run)
        info = run.step()
        limit = limits.reached(run.steps, run.seconds)
        stop = agreed(info.stop or (Stop.ROUND_OFF if run.at_round_off(info) else limit))
        if stop or run.steps % run.method.evaluate_every == 0:
            run.record(info)
            after_row()
            asked = agreed(_asked_for(run, watchers)) if watchers else None
            if growth is not None:
                growth.notice(run.merit)
                if stop and asked is None and limit is None:
                    stop = growth.instead_of(stop, run)
            stop = stop or asked
        if stop:
            return stop


def _asked_for(run: Run, watchers: list[Callback]) -> str | None:
    """The reason of the first callback that ends the run; all of them are called."""
    answers = [watcher(run) for watcher in watchers]
    for watcher, answer in zip(watchers, answers, strict=True):
        if answer is not None and not isinstance(answer, str):
            raise TypeError(f"callback {watcher!r} must return a string or None, got {answer!r}")
    reasons = [answer for answer in answers if answer is not None]
    return Stop.BY_CALLBACK.because(reasons[0]) if reasons else None
