"""Error bars of unknown coefficients straight from a run."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax

STRIP = ax.Box(t=(0, 1), x=(0, 1))
TRUTH = 0.25


def heat(seed, sigma, unknown, weight=100.0):
    rng = torch.Generator().manual_seed(seed)
    points = torch.rand((100, 2), generator=rng, dtype=torch.float64)
    values = torch.exp(-TRUTH * math.pi**2 * points[:, 0]) * torch.sin(math.pi * points[:, 1])
    noisy = values + 0.01 * torch.randn(100, generator=rng, dtype=torch.float64)
    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "pde": ax.Condition(
                lambda u, x, c: u.d("t") - c.nu * u.d("xx"), STRIP.grid(14), weight=weight
            ),
            "walls": ax.Condition(lambda u, x: u, STRIP.faces("x").grid(14), weight=weight),
            "data": ax.Data(points, noisy, sigma=sigma),
        },
        unknowns={"nu": unknown},
    )


def trained(seed, sigma=0.01, unknown=None, **options):
    start = ax.Unknown(0.1, positive=True) if unknown is None else unknown
    problem = heat(seed, sigma, start, **options)
    return ax.train(problem, ax.MLP([2, 10, 1]), steps=30, progress=False)


def test_the_truth_is_within_the_error_bars():
    found = [trained(seed).unknowns["nu"] for seed in range(6)]
    scores = [(estimate.value - TRUTH) / estimate.std for estimate in found]
    assert max(map(abs, scores)) < 4
    assert sum(e.interval[0] <= TRUTH <= e.interval[1] for e in found) >= 4  # 5.7 on average
    assert all(1e-4 < estimate.std < 0.02 for estimate in found)


@pytest.mark.parametrize(
    "unknown", [ax.Unknown(0.1), ax.Unknown(0.1, positive=True), ax.Unknown(0.1, between=(0, 1))]
)
def test_error_bars_do_not_depend_on_what_training_moves(unknown):
    estimate = trained(0, unknown=unknown).unknowns["nu"]
    reference = trained(0).unknowns["nu"]
    assert estimate.value == pytest.approx(reference.value, rel=1e-2)
    assert estimate.std == pytest.approx(reference.std, rel=0.1)


def test_noise_that_is_not_known_is_estimated():
    run = trained(1, sigma=None, weight=0.1)
    assert run.uncertainty.noise["data"] == pytest.approx(0.01, rel=0.3)
    assert run.uncertainty.field(STRIP.grid(3)).shape == (9, 1)


def test_there_are_no_error_bars_without_measurements():
    run = ax.train(ax.problems.heat(), ax.MLP([2, 4, 1]), steps=1, progress=False)
    with pytest.raises(ValueError, match=r"ax\.Data"):
        run.uncertainty


def test_without_unknowns_there_is_nothing_to_estimate():
    run = ax.train(ax.problems.heat(), ax.MLP([2, 4, 1]), steps=1, progress=False)
    assert run.unknowns == {}


def test_unknowns_without_measurements_are_found_in_values():
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {"all": ax.Condition(lambda u, x, c: (u - c.k, c.k - 2), STRIP.grid(3))},
        unknowns={"k": ax.Unknown(1.0)},
    )
    run = ax.train(problem, ax.MLP([2, 4, 1]), steps=20, progress=False)
    with pytest.raises(ValueError, match=r"got none; the numbers .* are in run\.values"):
        run.unknowns
    assert run.values["k"] == pytest.approx(2.0)
