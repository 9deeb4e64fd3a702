"""What TensorBoard's own reader finds in the files of a run."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import anagram_ext as ax
from anagram_ext.training.history import COLUMNS


def train(folder, steps=5, **options):
    problem = ax.problems.poisson_1d()
    return ax.train(
        problem, steps=steps, progress=False, callbacks=[ax.TensorBoard(folder)], **options
    )


def scalars(folder) -> dict[str, list]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(folder))
    read.Reload()
    return {tag: read.Scalars(tag) for tag in read.Tags()["scalars"]}


def check_shown(folder, run) -> None:
    """The scalars are the numbers of the history, in the precision that TensorBoard has."""
    shown = scalars(folder)
    for name, column in run.history.items():
        if name in {"step", "accepted"} or np.isnan(column).all():
            assert name not in shown
            continue
        known = ~np.isnan(column)
        assert [event.step for event in shown[name]] == run.history["step"][known].tolist()
        values = [event.value for event in shown[name]]
        np.testing.assert_allclose(values, column[known], rtol=1e-6, atol=1e-44)


def test_every_number_of_the_history_is_a_scalar(tmp_path):
    run = train(tmp_path / "board")
    check_shown(tmp_path / "board", run)
    shown = set(scalars(tmp_path / "board"))
    assert {"loss", "loss/interior", "held_out_loss/ends", "l2_error", "rank"} <= shown
    assert shown - set(COLUMNS) == {
        f"{kind}/{name}" for kind in ("loss", "held_out_loss") for name in ("interior", "ends")
    }


def test_relative_time_is_that_of_the_method(tmp_path):
    run = train(tmp_path)
    times = np.array([event.wall_time for event in scalars(tmp_path)["loss"]])
    np.testing.assert_allclose(times - times[0], run.history["seconds"], atol=1e-5)


def test_a_run_that_goes_on_replaces_what_was_shown(tmp_path):
    train(tmp_path / "board", 3, out=tmp_path / "run")
    run = train(tmp_path / "board", 6, out=tmp_path / "run", resume=True)
    check_shown(tmp_path / "board", run)


def test_a_row_is_in_the_file_before_the_next_step(tmp_path):
    seen = []
    board = ax.TensorBoard(str(tmp_path))

    def look(run):
        seen.append((run.steps, len(scalars(tmp_path)["loss"])))

    ax.train(ax.problems.poisson_1d(), steps=3, progress=False, callbacks=[board, look])
    assert seen == [(1, 2), (2, 3), (3, 4)]


def test_without_the_library_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.record_writer", None)
    with pytest.raises(ax.BackendUnavailable, match=r"pip install 'anagram_ext\[tensorboard\]'"):
        ax.TensorBoard(tmp_path)


def test_no_folder_is_refused(tmp_path):
    with pytest.raises(TypeError, match="folder must be a path, got 3"):
        ax.TensorBoard(3)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="folder must be a folder, got the file"):
        ax.TensorBoard(tmp_path / "file")
