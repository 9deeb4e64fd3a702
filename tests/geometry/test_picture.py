"""What a region looks like: its area, its sides by name, and a file."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import imread

import anagram_ext as ax

PLATE = ax.Rectangle(x=(0, 2), y=(0, 1)) - ax.Disk(x=0.5, y=0.5, radius=0.2, name="hole")
CUBE = ax.Box(x=(0, 1), y=(0, 1), z=(0, 1))


def test_the_sides_of_a_plate_are_labelled_by_name():
    axes = Figure().add_subplot()
    PLATE.plot(axes)
    labels = {line.get_label() for line in axes.lines}
    assert labels == {f"rectangle.{side}" for side in ("left", "right", "top", "bottom")} | {"hole"}
    (hole,) = (line for line in axes.lines if line.get_label() == "hole")
    radius = np.hypot(hole.get_xdata() - 0.5, hole.get_ydata() - 0.5)
    np.testing.assert_allclose(radius, 0.2, rtol=1e-12)
    covered = [path for collection in axes.collections for path in collection.get_paths()]
    assert any(path.contains_point((1.5, 0.5)) for path in covered)
    assert not any(path.contains_point((0.5, 0.5)) for path in covered)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")


@pytest.mark.parametrize(
    "region",
    [
        PLATE,
        PLATE.boundary("hole"),
        CUBE - ax.Ball(x=1, y=1, z=1, radius=0.5),
        CUBE.face(z=0),
        ax.Interval(x=(0, 1)),
        ax.Interval(t=(0, 1)) * PLATE,
        ax.Box(t=(0, 1), x=(0, 1)).faces("x"),
        ax.Ball(x=0, y=0, radius=1),
    ],
    ids=repr,
)
def test_every_region_reaches_its_file(region, tmp_path):
    region.plot(tmp_path / "region.png")
    assert imread(tmp_path / "region.png").std() > 0.02


def test_four_coordinates_are_too_many(tmp_path):
    with pytest.raises(ValueError, match="plot shows up to three coordinates"):
        ax.Ball(a=0, b=0, c=0, d=0, radius=1).plot(tmp_path / "region.png")
