from __future__ import annotations

import io
import itertools
import re

import pytest

import anagram_ext as ax
from anagram_ext.training import progress
from anagram_ext.training.history import Row
from anagram_ext.training.progress import clock, describe, reporting

FULL = Row(step=5, seconds=1.0, loss=1.25e-3, l2_error=2e-2, rank=17, step_size=0.5)


def test_a_row_in_words_leaves_out_what_is_unknown():
    assert describe(FULL) == "loss 1.25e-03  L2 2.00e-02  rank 17  step size 5.0e-01"
    assert describe(Row(step=0, seconds=0.0, loss=2.0)) == "loss 2.00e+00"


def test_the_best_loss_is_told_where_it_is_another_one():
    row = Row(step=5, seconds=1.0, loss=2.0, held_out_loss=3.0)
    assert describe(row, best=1.5) == "loss 2.00e+00  best 1.50e+00  held out 3.00e+00"
    assert describe(row, best=2.0) == "loss 2.00e+00  held out 3.00e+00"


def test_with_a_time_limit_lines_come_by_time(monkeypatch, capfd):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with reporting(enabled=True, steps=None, seconds=10.0) as report:
        for step in range(101):
            report(Row(step=step, seconds=0.1 * step, loss=float(100 - step)))
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 11
    assert lines[0] == "step 0  loss 1.00e+02"
    assert lines[-1].startswith("step 100 ")


def test_a_bar_with_a_time_limit_shows_seconds(monkeypatch, capfd):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    with reporting(enabled=True, steps=None, seconds=60.0) as report:
        report(Row(step=7, seconds=30.0, loss=2.0))
    assert "30/60, step 7" in capfd.readouterr().err


def test_a_terminal_gets_a_bar_with_all_numbers(monkeypatch, capfd):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich then takes stderr for a terminal
    monkeypatch.setenv("COLUMNS", "160")
    with reporting(enabled=True, steps=10) as report:
        report(FULL)
    shown = capfd.readouterr()
    assert shown.out == ""
    assert "━" in shown.err
    for number in ("5/10", "1.25e-03", "2.00e-02", "rank 17", "5.0e-01"):
        assert number in shown.err


def test_a_pipe_gets_about_ten_lines(monkeypatch, capfd):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    with reporting(enabled=True, steps=200) as report:
        for step in range(201):
            report(Row(step=step, seconds=0.0, loss=1.0))
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == "step 0  loss 1.00e+00"
    assert lines[-1] == "step 200  loss 1.00e+00"
    assert len(lines) == 11


def test_switched_off_nothing_is_said(capfd):
    with reporting(enabled=False, steps=10) as report:
        report(FULL)
    assert capfd.readouterr() == ("", "")


LONG = Row(
    step=12345,
    seconds=3000.0,
    loss=1.25e-3,
    l2_error=2e-2,
    rank=1024,
    step_size=0.5,
    held_out_loss=2.5e-3,
)


def test_what_does_not_fit_is_left_out_from_the_end():
    whole = describe(LONG, best=1e-3)
    assert describe(LONG, best=1e-3, width=len(whole)) == whole
    for width in range(13, len(whole)):
        line = describe(LONG, best=1e-3, width=width)
        assert len(line) <= width
        assert whole.startswith(line)
    assert describe(LONG, best=1e-3, width=80).split("  ") == [
        "loss 1.25e-03",
        "best 1.00e-03",
        "held out 2.50e-03",
        "L2 2.00e-02",
        "rank 1024",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (59.6, "1:00"), (754, "12:34"), (3600, "1:00:00")]
)
def test_a_duration(seconds, text):
    assert clock(seconds) == text


def each_row_takes(monkeypatch, seconds):
    """The clock is that much later at every look: one a row, and one before the first."""
    ticks = itertools.count(0.0, seconds)
    monkeypatch.setattr(progress, "_now", lambda: next(ticks))


def test_a_resumed_run_knows_its_best_loss(tmp_path, monkeypatch, capfd):
    monkeypatch.delenv("FORCE_COLOR", raising=False)

    def train(steps):
        problem = ax.problems.poisson_1d()
        return ax.train(problem, steps=steps, seed=0, out=tmp_path, resume=True)

    train(7)
    capfd.readouterr()
    run = train(8)  # a step that rises
    lowest = run.history["loss"].min()
    assert run.history["loss"][-1] > lowest
    assert f"best {lowest:.2e}" in capfd.readouterr().err


def test_the_end_is_told_in_80_columns(capfd):
    run = ax.train(ax.problems.poisson_1d(), steps=3)
    lines = capfd.readouterr().err.splitlines()
    told = next(i for i, line in enumerate(lines) if line.startswith("out of time: "))
    assert " ".join(line.strip() for line in lines[told + 1 :]) == run.warning
    assert max(map(len, lines)) <= 80


def test_lines_tell_elapsed_time_and_time_left_by_steps(monkeypatch, capfd):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    each_row_takes(monkeypatch, 15.0)
    with reporting(enabled=True, steps=10) as report:
        for step in range(11):
            report(Row(step=step, seconds=0.0, loss=1.0))
    lines = capfd.readouterr().err.splitlines()
    assert lines[5] == "step 5  loss 1.00e+00  1:30, 1:30 left"
    assert lines[10] == "step 10  loss 1.00e+00  2:45"


def test_the_nearer_limit_counts_and_the_part_before_a_resumption_does_not(monkeypatch, capfd):
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    each_row_takes(monkeypatch, 1.0)
    with reporting(enabled=True, steps=1000, seconds=100.0) as report:
        for step in range(51):
            report(Row(step=100 + step, seconds=50.0 + step, loss=1.0))
    lines = capfd.readouterr().err.splitlines()
    assert lines[1] == "step 110  loss 1.00e+00  0:11, 0:44 left"
    assert lines[-1] == "step 150  loss 1.00e+00  0:51"


def shown_on_a_terminal(monkeypatch, columns, rows, **limits) -> list[str]:
    """The last picture of the dashboard, without colours."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    written = io.StringIO()
    monkeypatch.setattr("sys.stderr", written)
    with reporting(enabled=True, **limits) as report:
        for row in rows:
            report(row, 1e-3)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", written.getvalue())
    lines = [line.rstrip() for line in plain.replace("\r", "\n").split("\n")]
    return [line for line in lines if line]


@pytest.mark.parametrize("columns", [40, 80, 120])
@pytest.mark.parametrize("limits", [{"steps": 99999}, {"steps": None, "seconds": 36000.0}])
def test_the_dashboard_is_two_lines_as_wide_as_the_terminal(monkeypatch, columns, limits):
    each_row_takes(monkeypatch, 3600.0)
    before = Row(step=12344, seconds=2000.0, loss=2.0)
    lines = shown_on_a_terminal(monkeypatch, columns, [before, LONG], **limits)
    assert max(map(len, lines)) <= columns
    above, numbers = lines[-2:]
    assert numbers == describe(LONG, 1e-3, columns)
    if columns >= 80:
        place = "step 12345/99999" if limits["steps"] else "seconds 3000/36000, step 12345"
        assert above.startswith(place)
        assert "━" in above
        assert re.search(r"\d:\d\d:\d\d +[\d:]+ left$", above)
