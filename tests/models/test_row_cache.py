"""Values kept for as long as their points live, and no longer."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from anagram_ext.models.row_cache import RowCache


class Square:
    """x^2 of points, which remembers what it was asked for and what it gave."""

    def __init__(self):
        self.lengths, self.given = [], []

    def __call__(self, points):
        self.lengths.append(len(points))
        values = points**2
        self.given.append(weakref.ref(values))
        return values

    def alive(self):
        gc.collect()
        return sum(values() is not None for values in self.given)


@pytest.fixture
def square():
    return Square()


def points_of(n, d=2):
    return torch.arange(float(n * d)).reshape(n, d)


def test_parts_of_known_points_are_slices(square):
    cache, points = RowCache(square), points_of(10)
    whole = cache(points)
    for part in (slice(0, 4), slice(4, 10), slice(3, 4)):
        assert torch.equal(cache(points[part]), whole[part])
        assert cache(points[part]).is_contiguous()
    assert square.lengths == [10]


def test_the_whole_replaces_its_parts(square):
    cache, points = RowCache(square), points_of(10)
    cache(points[:5])
    cache(points[5:])
    cache(points)
    cache(points[2:7])
    assert square.lengths == [5, 5, 10]
    assert square.alive() == 1


def test_points_that_start_between_rows_are_others(square):
    """A view that begins at the second number of a row is no part of the rows."""
    cache, memory = RowCache(square), torch.arange(20.0)
    cache(memory.view(10, 2))
    shifted = memory[1:19].view(9, 2)
    assert torch.equal(cache(shifted), shifted**2)


def test_another_width_of_the_same_memory(square):
    cache, memory = RowCache(square), torch.arange(24.0)
    for d in (2, 3, 4):
        assert torch.equal(cache(memory.view(-1, d)), memory.view(-1, d) ** 2)


def test_changes_in_place_are_seen(square):
    cache, points = RowCache(square), points_of(4)
    cache(points)
    points[1:2] += 1
    assert torch.equal(cache(points), points**2)
    assert torch.equal(cache(points[2:]), points[2:] ** 2)
    assert square.lengths == [4, 4]


def test_points_drawn_anew_leave_nothing_behind(square):
    cache = RowCache(square)
    for _ in range(50):
        cache(torch.rand(100, 2))
    assert square.alive() <= 1


def test_every_cache_lets_go_when_one_computes(square):
    forgotten, other = RowCache(square), RowCache(lambda points: points + 1)
    forgotten(points_of(5))
    assert square.alive() == 1
    other(points_of(3))
    assert square.alive() == 0


def test_overlapping_parts_stay_bounded(square):
    cache, points = RowCache(square), points_of(100)
    for start in range(60):
        cache(points[start : start + 40])
    held = sum(values().numel() for values in square.given if values() is not None)
    assert held <= 2 * points.numel()


def test_what_cannot_be_known_is_computed_every_time(square):
    cache, points = RowCache(square), points_of(6)
    for _ in range(2):
        assert torch.equal(cache(points[::2]), points[::2] ** 2)
        cache(points[:0])
    with torch.inference_mode():
        unversioned = torch.rand(2, 2)
        cache(unversioned)
        unversioned += 1
        assert torch.equal(cache(unversioned), unversioned**2)
    assert square.lengths == [3, 0, 3, 0, 2, 2]
