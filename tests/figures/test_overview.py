"""What ``run.plot()`` shows, read back from the axes of its figure."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.image import imread

import anagram_ext as ax
from anagram_ext.figures import canvas, graphs, maps


def trained(names: tuple[str, ...], **options):
    """A network fitted to the first coordinate, minus the last; with the error that it has."""
    box = ax.Box(**dict.fromkeys(names, (0, 2)))
    problem = ax.Problem(
        names,
        ("u",),
        {
            "data": ax.Condition(lambda u, x: u - x[names[0]] + x[names[-1]], box.sobol(30)),
            "ends $_$": ax.Condition(lambda u, x: u.d(names[0]), box.faces().grid(3), weight=1e-3),
        },
        name="plane",
        **options,
    )
    return ax.train(problem, ax.MLP([len(names), 4, 1]), steps=5, seed=1, progress=False)


def legend(axes) -> list[str]:
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_a_history_stands_above_graphs_of_solution_and_error():
    run = trained(("x",), solution=lambda x: x.x - x.x)
    figure = run.plot()
    assert figure.get_suptitle() == "plane, natural_lm, seed 1"
    step, seconds, conditions, values, errors = figure.axes
    assert [axes.get_xlabel() for axes in (step, seconds, conditions)] == [
        "step",
        "seconds",
        "step",
    ]
    for axes in (step, seconds):
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), run.history["loss"])
        np.testing.assert_array_equal(axes.lines[-1].get_ydata(), run.history["l2_error"])
    assert [text.partition(",")[0] for text in legend(step)] == [
        "loss",
        "loss on held-out points",
        "L2 error",
    ]
    assert seconds.get_legend() is None  # the same lines
    np.testing.assert_array_equal(conditions.lines[0].get_ydata(), run.history["loss/data"])
    assert legend(conditions) == ["loss of data", r"loss of ends \$_\$"]
    x, network = values.lines[0].get_data()
    assert (x[0], x[-1], len(x)) == (0, 2, graphs.TICKS)
    expected = run.model(run.theta, torch.tensor(x)[:, None])[:, 0]
    np.testing.assert_allclose(network, expected, rtol=1e-12)
    np.testing.assert_array_equal(values.lines[1].get_ydata(), 0 * x)
    np.testing.assert_allclose(errors.lines[0].get_ydata(), expected.abs(), rtol=1e-12)
    assert errors.get_yscale() == "log"


def test_maps_with_logarithmic_errors_in_two_coordinates():
    run = trained(("x", "y"), solution=lambda x: 0 * x.x)
    values, errors = (axes for axes in run.plot().axes if axes.images)
    ramp = torch.linspace(0, 2, maps.PIXELS, dtype=torch.float64)
    grid = torch.cartesian_prod(ramp, ramp)
    expected = run.model(run.theta, grid).reshape(maps.PIXELS, maps.PIXELS).T
    np.testing.assert_allclose(values.images[0].get_array(), expected, rtol=1e-12)
    np.testing.assert_allclose(errors.images[0].get_array(), expected.abs(), rtol=1e-12)
    assert isinstance(errors.images[0].norm, mpl.colors.LogNorm)
    assert {axes.images[0].get_cmap().name for axes in (values, errors)} == {"cividis"}
    assert (errors.get_xlabel(), errors.get_ylabel()) == ("x", "y")


def test_slices_in_three_coordinates_and_no_error_without_a_solution():
    shown = [axes for axes in trained(("t", "x", "y")).plot().axes if axes.images]
    assert [axes.get_title() for axes in shown] == [f"u at t={t}" for t in ("0.2", "1", "1.8")]


def test_a_loss_that_rises_has_its_best_drawn_over_it(written_figures):
    history = {
        "step": np.arange(4),
        "seconds": np.arange(4.0),
        "loss": np.array([1.0, 0.1, 0.5, 0.01]),
        "held_out_loss": np.array([1.0, np.nan, 0.5, 0.25]),  # never rises
        "l2_error": np.array([1.0, 0.5, 0.75, 0.25]),
    }
    ax.figures.convergence(history, "unused")
    loss, best, held_out, error = written_figures[0].axes[0].lines
    np.testing.assert_array_equal(best.get_ydata(), [1.0, 0.1, 0.1, 0.01])
    assert best.get_color() == loss.get_color()
    assert legend(written_figures[0].axes[0]) == [
        "loss, best so far",
        "loss on held-out points",
        "L2 error",
    ]
    assert loss.get_alpha() < 0.5
    np.testing.assert_array_equal(held_out.get_ydata(), history["held_out_loss"])
    np.testing.assert_array_equal(error.get_ydata(), history["l2_error"])  # nobody can choose by it


def test_a_path_receives_the_same_figure(tmp_path):
    run = trained(("x",))
    run.plot(tmp_path / "run.png")
    pixels = imread(tmp_path / "run.png")
    width, height = run.plot().get_size_inches()
    assert pixels.shape[1] / pixels.shape[0] == pytest.approx(width / height, rel=1e-2)
    assert pixels[..., :3].std() > 0.05


# Machado, Oliveira & Fernandes, "A Physiologically-based Model for Simulation of Color Vision
# Deficiency" (IEEE TVCG 2009), table of severity 1: linear RGB as it is seen without one cone.
SEEN = {
    "all cones": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


def nearest(colours, matrix) -> float:
    """The smallest distance of two colours in CIELAB; 2.3 is the least that one can see."""
    rgb = np.array([mpl.colors.to_rgb(colour) for colour in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ np.transpose(matrix), 0, 1) @ XYZ.T / XYZ.sum(axis=1)
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = root.T
    lab = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
    distances = np.linalg.norm(lab[:, None] - lab, axis=-1)
    return float(distances[~np.eye(len(lab), dtype=bool)].min())


@pytest.mark.parametrize("vision", SEEN)
def test_the_colour_blind_can_tell_the_lines_apart(vision):
    least = 10.0
    assert nearest(canvas.PALETTE, SEEN[vision]) > least
    if vision == "deuteranopia":  # the usual colours fail the same test
        assert nearest([f"C{i}" for i in range(7)], SEEN[vision]) < least


def test_the_axes_of_every_figure_have_those_colours():
    figure = trained(("x",)).plot()
    lines = [line for axes in figure.axes[:3] for line in axes.lines]
    assert {line.get_color() for line in lines} <= set(canvas.PALETTE)
