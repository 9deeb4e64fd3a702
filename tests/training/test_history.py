from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anagram_ext as ax
from anagram_ext.training.history import COLUMNS, History, Row, read_csv

ROWS = (
    Row(step=0, seconds=0.0, loss=2.0, l2_error=0.5),
    Row(step=1, seconds=0.125, loss=1 / 3, rank=7, step_size=0.5, cutoff=1e-6, accepted="grid, 2"),
    Row(step=2, seconds=0.25, loss=1e-300, l2_error=math.nan, factorisations=2, evaluations=62),
)


def test_the_first_columns_are_the_documented_ones():
    assert COLUMNS[:7] == (
        "step", "seconds", "loss", "l2_error", "rank", "step_size", "cutoff",
    )  # fmt: skip  # a table


def test_a_column_has_the_dtype_of_its_field():
    history = History()
    for row in ROWS:
        history.append(row)
    kinds = {name: column.dtype.kind for name, column in history.columns().items()}
    whole = {name for name, kind in kinds.items() if kind == "i"}
    assert whole == {"step", "factorisations", "evaluations"}
    assert [name for name, kind in kinds.items() if kind == "U"] == ["accepted"]
    assert kinds["rank"] == "f"  # may be missing


def test_every_row_is_in_the_file_before_the_history_is_closed(tmp_path):
    path = tmp_path / "history.csv"
    history = History(path)
    for count, row in enumerate(ROWS, start=1):
        history.append(row)
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
        assert len(lines) == count
        assert float(lines[-1]["loss"]) == row.loss
    history.close()


def test_the_file_gives_the_columns_back_with_all_digits(tmp_path):
    history = History(tmp_path / "history.csv")
    for row in ROWS:
        history.append(row)
    history.close()
    columns, read = history.columns(), read_csv(tmp_path / "history.csv")
    assert list(read) == list(columns) == list(COLUMNS)
    for name in COLUMNS:
        np.testing.assert_array_equal(read[name], columns[name], strict=True)
    assert read["accepted"][1] == "grid, 2"
    assert math.isnan(read["rank"][0])


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=5))
def test_any_number_survives_the_file(tmp_path_factory, losses):
    path = tmp_path_factory.mktemp("history") / "history.csv"
    history = History(path)
    for step, loss in enumerate(losses):
        history.append(Row(step=step, seconds=0.0, loss=loss))
    history.close()
    np.testing.assert_array_equal(read_csv(path)["loss"], np.array(losses))


def test_a_line_cut_by_a_killed_process_is_left_out(tmp_path):
    path = tmp_path / "history.csv"
    history = History(path)
    history.append(ROWS[0])
    history.close()
    with path.open("a", encoding="utf-8") as file:
        file.write("1,0.125,0.33")
    assert read_csv(path)["step"].tolist() == [0]


def test_closing_mends_a_line_cut_by_an_interrupt(tmp_path):
    path = tmp_path / "history.csv"
    history = History(path)
    history.append(ROWS[0])
    path.write_text("step,sec", encoding="utf-8")
    history.close()
    assert read_csv(path)["loss"].tolist() == [2.0]


def test_another_table_is_refused(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="not a training history"):
        read_csv(path)


def test_conditions_have_columns_of_their_own(tmp_path):
    path = tmp_path / "history.csv"
    history = History(path, ["pde", 'a, "b"'])
    history.append(ROWS[0], {"loss/pde": 0.5, 'held_out_loss/a, "b"': 0.25})
    history.append(ROWS[1])
    history.close()
    columns, read = history.columns(), read_csv(path)
    expected = ("loss/pde", 'loss/a, "b"', "held_out_loss/pde", 'held_out_loss/a, "b"')
    assert tuple(read) == tuple(columns) == (*COLUMNS, *expected)
    np.testing.assert_array_equal(read["loss/pde"], [0.5, np.nan])
    np.testing.assert_array_equal(read['held_out_loss/a, "b"'], [0.25, np.nan])
    for name, column in columns.items():
        np.testing.assert_array_equal(read[name], column, strict=True)


@pytest.mark.parametrize(
    "further", [["note"], ["loss/a"], ["loss/a", "held_out_loss/b"], ["held_out_loss/a", "loss/a"]]
)
def test_columns_that_no_condition_explains_are_refused(tmp_path, further):
    path = tmp_path / "other.csv"
    path.write_text(",".join([*COLUMNS, *further]) + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="not a training history"):
        read_csv(path)


def test_without_a_path_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    history = History()
    history.append(ROWS[0])
    history.close()
    assert len(history) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "columns",
    [
        COLUMNS[:7],
        COLUMNS[:8],
        tuple(name for name in COLUMNS if name not in {"rows", "effective"}),
    ],
)
def test_a_file_of_an_earlier_version_lacks_columns(tmp_path, columns):
    path = tmp_path / "history.csv"
    history = History(path, ["pde"])
    for row in ROWS:
        history.append(row, {"loss/pde": row.loss})
    history.close()
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    kept = [*columns, "loss/pde", "held_out_loss/pde"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, kept, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    read, whole = read_csv(path), history.columns()
    assert tuple(read) == tuple(whole)
    for name, column in whole.items():
        assert read[name].dtype.kind == column.dtype.kind
        if name in kept:
            np.testing.assert_array_equal(read[name], column, strict=True)
        elif column.dtype.kind == "f":
            assert np.isnan(read[name]).all()
        else:
            assert set(read[name].tolist()) <= {0, ""}


def test_without_step_time_and_loss_it_is_no_history(tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("step,loss,l2_error\n0,1.0,\n", encoding="utf-8")
    with pytest.raises(ValueError, match="not a training history"):
        read_csv(path)


def test_half_a_number_at_the_end_is_no_number(tmp_path):
    """``2.7e-1`` is what a killed process may leave of ``2.7e-12``."""
    path = tmp_path / "history.csv"
    ax.train(ax.problems.poisson_1d(), steps=3, out=tmp_path, progress=False)
    content = path.read_text(encoding="utf-8")
    rows = len(ax.load(tmp_path).history["step"])
    for cut in (1, 2, 5):
        path.write_text(content[:-cut], encoding="utf-8")
        assert len(ax.load(tmp_path).history["step"]) == rows - 1
