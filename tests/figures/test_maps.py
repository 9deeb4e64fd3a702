from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.image import imread

from anagram_ext import MLP, Box, Condition, Disk, Problem, Rectangle, train
from anagram_ext.figures import graphs, maps


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


def test_maps_show_the_fields_the_right_way_up_and_their_errors(written_figures):
    maps.solution_maps(problem(), MLP([2, 2]), EXACT, "unused.png")
    images = [axes.images[0] for axes in written_figures[0].axes if axes.images]
    titles = [axes.get_title() for axes in written_figures[0].axes if axes.images]
    assert titles == ["u", "|error of u|", "v", "|error of v|"]
    u, u_error, v, v_error = (np.asarray(image.get_array()) for image in images)
    ramp = np.linspace(0, 1, maps.PIXELS)
    # Rows of an image are y from below, columns are x.
    np.testing.assert_allclose(u, np.tile(2 * ramp, (maps.PIXELS, 1)), atol=1e-12)
    np.testing.assert_allclose(v, np.tile(-ramp[:, None], (1, maps.PIXELS)), atol=1e-12)
    assert tuple(images[0].get_extent()) == (0.0, 2.0, 0.0, 1.0)
    assert images[0].origin == "lower"
    assert max(u_error.max(), v_error.max()) < 1e-12


def test_without_a_solution_there_are_no_error_maps(written_figures):
    maps.solution_maps(problem(solution=None), MLP([2, 2]), EXACT, "unused.png")
    assert [axes.get_title() for axes in written_figures[0].axes if axes.images] == ["u", "v"]


def test_maps_need_two_coordinates(tmp_path):
    one = Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={"data": Condition(lambda u, _: u, Box(x=(0, 1)).grid(3))},
    )
    with pytest.raises(ValueError, match="coordinates must be two"):
        maps.solution_maps(one, MLP([1, 1]), torch.zeros(2), tmp_path / "map.png")


def test_a_figure_reaches_its_file_and_global_state_stays(tmp_path):
    import matplotlib.pyplot as plt

    before = dict(mpl.rcParams), mpl.get_backend(), plt.get_fignums()
    maps.solution_maps(problem(), MLP([2, 2]), EXACT, tmp_path / "map.png")
    assert (dict(mpl.rcParams), mpl.get_backend(), plt.get_fignums()) == before
    image = imread(tmp_path / "map.png")
    assert image.shape[2] == 4
    assert image[..., :3].std() > 0.05


@pytest.mark.parametrize("several", [True, False])
def test_a_solution_may_return_a_list(written_figures, several):
    if several:
        maps.solution_maps(problem(solution=lambda x: [x.x, -x.y]), MLP([2, 2]), EXACT, "unused")
    else:
        one = problem(
            fields=("u",),
            conditions={"data": Condition(lambda u, x: u, Box(x=(0, 2), y=(0, 1)).grid(5))},
            solution=lambda x: [x.x],
            model=None,
        )
        maps.solution_maps(one, MLP([2, 1]), torch.zeros(3, dtype=torch.float64), "unused")
    titles = [axes.get_title() for axes in written_figures[0].axes if axes.images]
    assert "|error of u|" in titles


class Placed(torch.Tensor):
    """Points that know where they come from."""

    region = Box(x=(-1, 3), y=(0, 2))


def test_a_map_shows_the_region_that_the_points_come_from(written_figures):
    points = torch.rand(9, 2, dtype=torch.float64)
    condition = Condition(lambda u, v, _: (u, v), points)
    object.__setattr__(condition, "points", points.as_subclass(Placed))
    maps.solution_maps(problem(conditions={"data": condition}), MLP([2, 2]), EXACT, "unused.png")
    image = next(axes.images[0] for axes in written_figures[0].axes if axes.images)
    assert tuple(image.get_extent()) == (-1.0, 3.0, 0.0, 2.0)


def on_a_plate(**changes) -> Problem:
    """u = x + y on a square with a hole, where the solution is known on it only."""
    plate = Rectangle(x=(0, 2), y=(0, 2)) - Disk(x=1, y=1, radius=0.5)

    def solution(x):
        assert bool(plate.contains(x.points).all())  # nobody asks outside of the domain
        return x.x + x.y

    arguments = {
        "coordinates": ("x", "y"),
        "fields": ("u",),
        "conditions": {"data": Condition(lambda u, x: u - x.x - x.y, plate.sobol(50))},
        "solution": solution,
        "model": MLP([2, 1]),
    }
    return Problem(**(arguments | changes))


def test_maps_show_the_domain_only_and_errors_in_logarithmic_colours(written_figures):
    theta = torch.tensor([1.0, 1.1, 0.0], dtype=torch.float64)  # error 0.1 y
    maps.solution_maps(on_a_plate(), MLP([2, 1]), theta, "unused.png")
    images = [axes.images[0] for axes in written_figures[0].axes if axes.images]
    for image in images:
        mask = np.ma.getmaskarray(image.get_array())
        middle = maps.PIXELS // 2
        assert mask[middle, middle]
        assert not mask[5, 5]
        assert mask.mean() == pytest.approx(np.pi * 0.25 / 4, abs=5e-3)
    assert isinstance(images[1].norm, mpl.colors.LogNorm)
    assert images[1].norm.vmax == pytest.approx(0.2)
    assert images[1].norm.vmin == pytest.approx(2e-5)


def test_slices_of_three_and_four_coordinates(written_figures):
    for names in (("t", "x", "y"), ("t", "s", "x", "y")):
        box = Box(**dict.fromkeys(names, (0, 2)))
        condition = Condition(lambda u, x: u, box.sobol(20))
        of_time = Problem(names, ("u",), {"data": condition}, solution=lambda x: x.t + x.x)
        theta = torch.zeros(len(names) + 1, dtype=torch.float64)
        theta[names.index("x")] = 1.0
        maps.solution_slices(of_time, MLP([len(names), 1]), theta, "unused.png")
        shown = [axes for axes in written_figures.pop().axes if axes.images]
        assert [axes.get_title() for axes in shown[::2]] == [
            f"u at t={t}" + ", s=1" * (len(names) == 4) for t in ("0.2", "1", "1.8")
        ]
        for axes, error in zip(shown[1::2], (0.2, 1.0, 1.8), strict=True):
            np.testing.assert_allclose(axes.images[0].get_array(), error, rtol=1e-12)
            assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")


def test_slices_need_three_coordinates():
    with pytest.raises(ValueError, match="coordinates must be three or more"):
        maps.solution_slices(problem(), MLP([2, 2]), EXACT, "unused.png")


def test_graphs_in_one_coordinate(written_figures):
    line = Problem(
        ("x",), ("u",), {"data": Condition(lambda u, x: u, Box(x=(1, 3)).grid(3))}, lambda x: x.x
    )
    theta = torch.tensor([1.0, 0.5], dtype=torch.float64)
    graphs.solution_graphs(line, MLP([1, 1]), theta, "unused.png")
    values, errors = written_figures[0].axes
    x, network = values.lines[0].get_data()
    assert (x[0], x[-1]) == (1.0, 3.0)
    np.testing.assert_allclose(network, np.linspace(1.5, 3.5, graphs.TICKS))
    np.testing.assert_allclose(values.lines[1].get_ydata(), x)
    np.testing.assert_allclose(errors.lines[0].get_ydata(), 0.5, rtol=1e-12)
    assert errors.get_yscale() == "log"
    with pytest.raises(ValueError, match="coordinates must be one"):
        graphs.solution_graphs(problem(), MLP([2, 2]), EXACT, "unused.png")


def test_a_figure_of_every_number_of_coordinates_is_written_after_training(tmp_path):
    for d in (1, 2, 3):
        names = ("x", "y", "z")[:d]
        data = Condition(lambda u, x: u - x.x, Box(**dict.fromkeys(names, (0, 1))).grid(3))
        train(Problem(names, ("u",), {"data": data}), MLP([d, 1]), steps=2, out=tmp_path / str(d))
        assert imread(tmp_path / str(d) / "solution.png").std() > 0.01
