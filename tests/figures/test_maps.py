from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.image import imread

from anagram_ext import MLP, Box, Condition, Problem
from anagram_ext.figures import maps as plot


def problem(**changes) -> Problem:
    """u = x and v = -y on [0, 2] x [0, 1]."""
    arguments = {
        "coordinates": ("x", "y"),
        "fields": ("u", "v"),
        "conditions": {
            "data": Condition(
                lambda u, v, x: (u - x.x, v + x.y), Box(x=(0, 2), y=(0, 1)).faces().grid(5)
            )
        },
        "solution": lambda x: (x.x, -x.y),
        "model": MLP([2, 2]),
    }
    return Problem(**(arguments | changes))


EXACT = torch.tensor([1.0, 0.0, 0.0, -1.0, 0.0, 0.0], dtype=torch.float64)  # W row by row, b


def figures(monkeypatch) -> list:
    """Collects the figures that are written from now on."""
    written = []
    monkeypatch.setattr(plot, "write", lambda figure, _path: written.append(figure))
    return written


def test_maps_show_the_fields_the_right_way_up_and_their_errors(monkeypatch):
    written = figures(monkeypatch)
    plot.solution_maps(problem(), MLP([2, 2]), EXACT, "unused.png")
    images = [axes.images[0] for axes in written[0].axes if axes.images]
    titles = [axes.get_title() for axes in written[0].axes if axes.images]
    assert titles == ["u", "|error of u|", "v", "|error of v|"]
    u, u_error, v, v_error = (np.asarray(image.get_array()) for image in images)
    ramp = np.linspace(0, 1, plot.PIXELS)
    # Rows of an image are y from below, columns are x.
    np.testing.assert_allclose(u, np.tile(2 * ramp, (plot.PIXELS, 1)), atol=1e-12)
    np.testing.assert_allclose(v, np.tile(-ramp[:, None], (1, plot.PIXELS)), atol=1e-12)
    assert tuple(images[0].get_extent()) == (0.0, 2.0, 0.0, 1.0)
    assert images[0].origin == "lower"
    assert max(u_error.max(), v_error.max()) < 1e-12


def test_without_a_solution_there_are_no_error_maps(monkeypatch):
    written = figures(monkeypatch)
    plot.solution_maps(problem(solution=None), MLP([2, 2]), EXACT, "unused.png")
    assert [axes.get_title() for axes in written[0].axes if axes.images] == ["u", "v"]


def test_maps_need_two_coordinates(tmp_path):
    one = Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={"data": Condition(lambda u, _: u, Box(x=(0, 1)).grid(3))},
    )
    with pytest.raises(ValueError, match="two coordinates"):
        plot.solution_maps(one, MLP([1, 1]), torch.zeros(2), tmp_path / "map.png")


def test_convergence_against_steps_and_seconds(monkeypatch):
    written = figures(monkeypatch)
    history = {
        "step": np.array([0, 1]),
        "seconds": np.array([0.0, 0.5]),
        "loss": np.array([1.0, 1e-3]),
        "held_out_loss": np.array([1.0, 2e-3]),
        "l2_error": np.array([np.nan, np.nan]),
    }
    plot.convergence(history, "unused.png", "title")
    left, right = written[0].axes
    assert (left.get_xlabel(), right.get_xlabel()) == ("step", "seconds")
    for axes, horizontal in ((left, "step"), (right, "seconds")):
        assert axes.get_yscale() == "log"
        assert len(axes.lines) == 2  # nothing is known about the error
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), history[horizontal])
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), history["loss"])


def test_a_figure_reaches_its_file_and_global_state_stays(tmp_path):
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams), mpl.get_backend(), plt.get_fignums()
    plot.solution_maps(problem(), MLP([2, 2]), EXACT, tmp_path / "map.png")
    assert (dict(mpl.rcParams), mpl.get_backend(), plt.get_fignums()) == before
    image = imread(tmp_path / "map.png")
    assert image.shape[2] == 4
    assert image[..., :3].std() > 0.05
