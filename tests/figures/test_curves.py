from __future__ import annotations

import numpy as np

from anagram_ext.figures import curves


def test_convergence_against_steps_and_seconds(written_figures):
    history = {
        "step": np.array([0, 1]),
        "seconds": np.array([0.0, 0.5]),
        "loss": np.array([1.0, 1e-3]),
        "held_out_loss": np.array([1.0, 2e-3]),
        "l2_error": np.array([np.nan, np.nan]),
    }
    curves.convergence(history, "unused.png", "title")
    left, right = written_figures[0].axes
    assert (left.get_xlabel(), right.get_xlabel()) == ("step", "seconds")
    for axes, horizontal in ((left, "step"), (right, "seconds")):
        assert axes.get_yscale() == "log"
        assert len(axes.lines) == 2  # nothing is known about the error
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), history[horizontal])
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), history["loss"])


def test_a_title_is_taken_as_it_is(tmp_path):
    history = {
        name: np.ones(1) for name in ("step", "seconds", "loss", "held_out_loss", "l2_error")
    }
    curves.convergence(history, tmp_path / "curve.png", "$_$")
    assert (tmp_path / "curve.png").stat().st_size > 0
