from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
import torch
from matplotlib.image import imread

from anagram_ext import MLP, Box, Condition, Problem
from anagram_ext.figures import maps


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
