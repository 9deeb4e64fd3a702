from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.image import imread

import anagram_ext as ax
from anagram_ext.analysis import Kernel, Spectrum, known_green
from anagram_ext.figures import kernels

LINE = torch.linspace(0, 1, 21, dtype=torch.float64)[:, None]
GRID = torch.cartesian_prod(
    torch.linspace(0, 2, 5, dtype=torch.float64), torch.linspace(0, 1, 3, dtype=torch.float64)
)
AT = torch.tensor([[0.5, 0.5], [1.0, 0.25]], dtype=torch.float64)


def product_kernel(at: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    return at @ points.T - 1.0


def two_dimensional(points: torch.Tensor = GRID, at: torch.Tensor = AT) -> Kernel:
    return Kernel(product_kernel(at, points), at, points, ("t", "x"), "NTK")


def test_maps_show_each_row_the_right_way_up_around_zero_with_a_cross(written_figures):
    shuffled = GRID[torch.randperm(15, generator=torch.Generator().manual_seed(0))]
    kernels.kernel(two_dimensional(shuffled), "unused")
    (figure,) = written_figures
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == 2
    for axes, at in zip(panels, AT.tolist(), strict=True):
        image = axes.images[0]
        t, x = np.linspace(0, 2, 5), np.linspace(0, 1, 3)
        expected = at[0] * t[None, :] + at[1] * x[:, None] - 1
        np.testing.assert_allclose(np.asarray(image.get_array()), expected)
        low, high = image.get_clim()
        assert low == -high == -np.abs(expected).max()
        assert tuple(image.get_extent()) == (-0.25, 2.25, -0.25, 1.25)
        assert [line.get_xydata()[0].tolist() for line in axes.lines] == [at, at]
    assert figure.get_suptitle() == "NTK"


def test_beside_the_true_kernel_stands_the_difference(written_figures):
    kernels.kernel(two_dimensional(), "unused", exact=lambda x, y: product_kernel(x, y) + 0.5)
    images = [axes.images[0] for axes in written_figures[0].axes if axes.images]
    found, true, difference = (np.asarray(i.get_array()) for i in images[:3])
    np.testing.assert_allclose(difference, found - true)
    np.testing.assert_allclose(difference, -0.5)
    assert images[0].get_clim() == images[1].get_clim()
    titles = [axes.get_title() for axes in written_figures[0].axes if axes.images]
    assert titles == ["on the tangent space", "true", "difference"] * 2


def test_curves_show_the_kernel_and_the_true_one(written_figures):
    at = torch.tensor([[0.3], [0.8]], dtype=torch.float64)
    true = known_green.interval(at, LINE)
    found = Kernel(true + 0.01, at, LINE.flip(0), ("x",), "Green's function")
    kernels.kernel(
        Kernel(found.values.flip(1), at, found.points, ("x",), found.name),
        "unused",
        exact=known_green.interval,
    )
    axes = written_figures[0].axes[0]
    curves = [line for line in axes.lines if len(line.get_xdata()) == 21]
    for i in range(2):
        np.testing.assert_allclose(curves[2 * i].get_xdata(), LINE[:, 0])
        np.testing.assert_allclose(curves[2 * i].get_ydata(), true[i] + 0.01)
        np.testing.assert_allclose(curves[2 * i + 1].get_ydata(), true[i])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "x = 0.3",
        "x = 0.8",
        "true",
    ]


def test_a_spectrum_shows_values_cutoff_and_what_is_not_seen(written_figures):
    sigma = torch.tensor([1.0, 0.1, 0.0], dtype=torch.float64)
    seen = torch.tensor([0.5, 0.75, 1.0], dtype=torch.float64)
    kernels.spectrum({"start": Spectrum(sigma, seen, 0.05, 2)}, "unused", "heat")
    values, missed = written_figures[0].axes
    np.testing.assert_array_equal(values.lines[0].get_ydata(), [1.0, 0.1, np.nan])
    assert values.lines[1].get_ydata()[0] == 0.05
    np.testing.assert_allclose(missed.lines[0].get_ydata(), [0.5, 0.25, 1e-16])
    assert missed.lines[1].get_xdata()[0] == 2
    assert values.get_yscale() == missed.get_yscale() == "log"


def test_at_most_sixteen_rows_reach_the_file(tmp_path):
    at = ax.Box(t=(0, 2), x=(0, 1)).grid(5, 4)
    kernels.kernel(two_dimensional(at=at), tmp_path / "rows.png")
    image = imread(tmp_path / "rows.png")
    assert image[..., :3].std() > 0.05


def test_what_cannot_be_drawn_is_refused(tmp_path):
    with pytest.raises(ValueError, match="points must form a grid"):
        kernels.kernel(two_dimensional(GRID[:-1]), tmp_path / "no.png")
    cube = torch.zeros(1, 3, dtype=torch.float64)
    with pytest.raises(ValueError, match="kernel must be of one or two coordinates"):
        kernels.kernel(
            Kernel(torch.zeros(1, 1), cube, cube, ("x", "y", "z"), "NTK"), tmp_path / "no.png"
        )
