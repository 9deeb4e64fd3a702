"""Plans of networks that read features: what they carry, and what they refuse."""

from __future__ import annotations

import pytest
import torch

from anagram_ext.native.loading import core
from anagram_ext.native.plan import Plan
from anagram_ext.pde import operators

NAMES = ("t", "x")
HEAT = (operators.derivative(("t",), NAMES), operators.laplacian((), NAMES))


def test_slots_are_the_value_and_what_the_operators_need():
    slots = Plan((5, 4, 1), "tanh", HEAT, mapped=True).slots
    t, x = (((1, 0), 1.0),), (((0, 1), 1.0),)
    assert slots[0] == (((0, 0), 1.0),)
    assert set(slots[1:]) == {t, x, (((0, 2), 1.0), ((2, 0), 1.0))}
    assert slots == Plan((2, 4, 1), "tanh", HEAT).slots


def test_features_do_not_change_the_operators_coordinates():
    """Two coordinates and five features, or five coordinates: both are what the operators say."""
    features = torch.randn(3, 4, 5, dtype=torch.float64)
    plan = Plan((5, 1), "tanh", HEAT, mapped=True)
    theta = torch.arange(6, dtype=torch.float64)
    # no hidden layer: every slot of the features times the weights, without the bias
    found = plan.jets(theta, features)
    t, laplacian = (plan.slots.index(operator.terms) for operator in HEAT)
    expected = torch.stack([features[:, k] @ theta[:5] for k in (t, laplacian)])
    torch.testing.assert_close(found[:, 0], expected, rtol=1e-14, atol=1e-14)
    with pytest.raises(ValueError, match="one entry for each of the 5 coordinates, got 2"):
        Plan((5, 1), "tanh", HEAT)


def test_no_points_at_all():
    plan = Plan((5, 4, 2), "tanh", HEAT, mapped=True)
    theta, features = torch.zeros(34).double(), torch.zeros(0, 4, 5).double()
    assert plan.jets(theta, features).shape == (2, 2, 0)


@pytest.mark.parametrize(
    "shape", [(3, 2), (3, 5), (3, 4, 4), (3, 3, 5), (3, 5, 4), (3, 20), (3, 4, 5, 1)]
)
def test_features_of_another_shape_are_refused(shape):
    plan = Plan((5, 4, 1), "tanh", HEAT, mapped=True)
    theta, features = torch.zeros(29).double(), torch.zeros(shape).double()
    with pytest.raises(ValueError, match=r"features must be float64 \[\*, 4, 5\] on cpu"):
        plan.jets(theta, features)
    with pytest.raises(ValueError, match=r"features must be float64 \[\*, 4, 5\] on cpu"):
        plan.jacobian(
            theta, features, torch.zeros(1, 2, 1, 3).double(), torch.zeros(3, 29).double()
        )


def test_features_of_another_dtype_are_refused():
    plan = Plan((5, 4, 1), "tanh", HEAT, mapped=True)
    with pytest.raises(ValueError, match=r"features must be float64.*got float32"):
        plan.jets(torch.zeros(29).double(), torch.zeros(3, 4, 5))


@pytest.mark.parametrize("wanted", [[], [[]], [[([], 1.0)]], [[([1], 1.0)], [([1, 0], 1.0)]]])
def test_operators_without_coordinates_are_refused(wanted):
    with pytest.raises(ValueError, match="operators must"):
        core.Plan([5, 1], "tanh", wanted, True)
