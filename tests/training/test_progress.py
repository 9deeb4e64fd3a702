from __future__ import annotations

from anagram_ext.training.history import Row
from anagram_ext.training.progress import describe, reporting

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
