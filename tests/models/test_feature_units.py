"""Features that are a coordinate, in units of it, against the same maps written by hand."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax
from anagram_ext.models.scales import Scales
from anagram_ext.pde import operators

TX = ("t", "x")
CENTRE, HALF = 0.3, 0.004  # of t
SCALES = Scales(((CENTRE, HALF), (0.0, 1.0)), ((0.0, 1.0),))
B = ax.fourier(3, x=0.5).function.frequencies()[:, 0].tolist()
RANDOM = torch.Generator().manual_seed(1)
POINTS = torch.rand((20, 2), generator=RANDOM, dtype=torch.float64)
POINTS[:, 0] = CENTRE + HALF * (2 * POINTS[:, 0] - 1)


def seen(t):
    return (t - CENTRE) / HALF


# name: (map, the same in units of the time, features)
MAPS = {
    "none": (None, lambda x: (seen(x.t), x.x), 2),
    "coordinates": (lambda x: x.points, lambda x: (seen(x.t), x.x), 2),
    "scaled": (ax.scaled(x=(0, 4)), lambda x: (seen(x.t), x.x / 2 - 1), 2),
    "periodic": (
        ax.periodic(x=2.0),
        lambda x: (seen(x.t), torch.cos(math.pi * x.x), torch.sin(math.pi * x.x)),
        3,
    ),
    "fourier": (
        ax.fourier(3, x=0.5),
        lambda x: (
            seen(x.t),
            *(wave(2 * math.pi * b * x.x) for wave in (torch.cos, torch.sin) for b in B),
        ),
        7,
    ),
    # Only what is the time itself: others are in units of the user's.
    "function": (
        lambda x: (torch.sin(x.t * x.x), 8 * x.t, x.t, x.x),
        lambda x: (torch.sin(x.t * x.x), 8 * x.t, seen(x.t), x.x),
        4,
    ),
}


@pytest.mark.parametrize("name", MAPS)
def test_maps_with_units_are_those_written_by_hand(name):
    inputs, by_hand, features = MAPS[name]
    net = ax.MLP([features, 6, 1])
    theta = net.init(0)
    wanted = (
        *(operators.derivative((word,), TX) for word in ("", "t", "x", "tx", "tt", "ttxx")),
        operators.combination({"tt": 1.0, "xx": -0.5}, TX),
    )
    own = ax.Model(net, inputs=inputs, scales=SCALES, coordinates=TX)
    other = ax.Model(net, inputs=by_hand, coordinates=TX)
    found, expected = (model.jets(wanted).jets(theta, POINTS) for model in (own, other))
    # t - 0.3 in 0.004 has lost two digits.
    for one, same in zip(found, expected, strict=True):
        torch.testing.assert_close(one, same, rtol=0, atol=1e-12 * float(same.abs().max()))


def test_neurons_are_looked_at_in_units_of_the_features():
    net = ax.MLP([3, 8, 1])
    network = net.to_torch(net.init(0))
    with torch.no_grad():  # it bends within the window, and is saturated where t is not scaled
        network[0].weight[0] = torch.tensor([20.0, 0.0, 0.0])
        network[0].bias[0] = 2.0
    theta = torch.nn.utils.parameters_to_vector(network.parameters()).detach()
    inputs = ax.periodic(x=2.0)
    models = [
        ax.Model(net, inputs=one, scales=scales, coordinates=TX)
        for one, scales in ((inputs, SCALES), (MAPS["periodic"][1], None))
    ]
    (found, n), (expected, m) = (model.renewed(theta, POINTS) for model in models)
    assert n == m
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-11)
