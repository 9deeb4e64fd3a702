"""Larger networks have the same values and derivatives, and a larger tangent space."""

from __future__ import annotations

import pytest
import torch

import anagram_ext as ax

EPS = torch.finfo(torch.float64).eps
NAMES = ("", "t", "x", "tx", "xx", "xxx", "txxx")
POINTS = torch.rand(31, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def assert_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], eps=EPS) -> None:
    for name, values in one.items():
        allowed = 200 * eps * float(values.abs().max())
        torch.testing.assert_close(other[name], values, rtol=0.0, atol=allowed)


@pytest.mark.parametrize("activation", ["tanh", "sin", "gelu"])
@pytest.mark.parametrize("by", [1.01, 1.5, 3, (2, 9, 7, 5, 2), [2, 8, 6, 4, 2]])
def test_a_wider_network_has_the_same_function(activation, by, device):
    model = ax.MLP([2, 8, 6, 4, 2], activation, device=device)
    theta = model.init(3)
    larger, wide = model.widened(theta, by, seed=5)
    assert wide.shape == (larger.n_parameters,)
    assert larger.activation == activation
    points = POINTS.to(device)
    assert_same(model.jet(theta, points, NAMES), larger.jet(wide, points, NAMES))
    assert torch.equal(wide, model.widened(theta, by, seed=5)[1])


def test_the_widths():
    model = ax.MLP([2, 8, 6, 1])
    theta = model.init(0)
    assert model.widened(theta, 1.5)[0].widths == (2, 12, 9, 1)
    assert model.widened(theta, 1.01)[0].widths == (2, 9, 7, 1)
    assert model.widened(theta, (2, 8, 20, 1))[0].widths == (2, 8, 20, 1)


def test_the_same_function_by_torch_in_single_precision():
    model = ax.MLP([2, 8, 8, 1], dtype=torch.float32)
    theta = model.init(1)
    larger, wide = model.widened(theta, 2.0)
    assert wide.dtype == torch.float32
    points = POINTS.float()
    one, other = model.to_torch(theta)(points), larger.to_torch(wide)(points)
    torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("widths", [[2, 6, 1], [2, 6, 6, 1]])
def test_new_neurons_are_seen_by_the_tangent_space(widths):
    """Their outgoing weights move the function at once, in new directions."""
    points = ax.Box(t=(0, 1), x=(-1, 1)).grid(12)
    problem = ax.Problem(("t", "x"), ("u",), {"fit": ax.Condition(lambda u, x: u, points)})
    model = ax.MLP(widths)
    theta = model.init(0)
    larger, wide = model.widened(theta, 2.0)
    ranks = []
    for network, parameters in ((model, theta), (larger, wide)):
        _, J = ax.jacobian(problem, network, parameters)
        ranks.append(int((torch.linalg.svdvals(J) > 1e-9).sum()))
    assert ranks[1] >= ranks[0] + 5


def test_new_weights_are_those_of_a_fresh_network():
    """Whatever the old ones have become: uniform within Glorot's bound, biases as well."""
    model = ax.MLP([2, 40, 40, 1])
    wide = model.widened(7.0 * model.init(0), (2, 80, 80, 1))[1]
    incoming, biases = wide[: 80 * 2].view(80, 2)[40:], wide[80 * 2 : 80 * 3][40:]
    assert 0.8 < float(incoming.abs().max()) / (6 / 82) ** 0.5 <= 1
    assert 0.8 < float(biases.abs().max()) / 0.5**0.5 <= 1


@pytest.mark.parametrize(
    ("by", "error", "message"),
    [
        (1.0, ValueError, "by must be a factor above 1, got 1.0"),
        (float("nan"), ValueError, "by must be"),
        ((2, 7, 6, 1), ValueError, "by must be widths from \\(2, 8, 6, 1\\) upwards"),
        ((3, 8, 6, 1), ValueError, "by must be widths from"),
        ((2, 8, 8, 6, 1), ValueError, "by must be widths from"),
        ((2, 8, 1), ValueError, "by must be widths from"),
        ((), ValueError, "by must be"),
        ("twice", TypeError, "by must be a factor or the new widths"),
        ((2, 8.5, 6, 1), TypeError, "by must"),
    ],
)
def test_what_is_no_larger_network(by, error, message):
    model = ax.MLP([2, 8, 6, 1])
    with pytest.raises(error, match=message):
        model.widened(model.init(0), by)


def test_a_linear_model_has_nothing_to_widen():
    model = ax.MLP([2, 1])
    with pytest.raises(ValueError, match="widths must hold a hidden layer"):
        model.widened(model.init(0), 2.0)


def test_parameters_of_another_network_are_refused():
    with pytest.raises(ValueError, match="theta"):
        ax.MLP([2, 8, 1]).widened(torch.zeros(4, dtype=torch.float64), 2.0)


def test_all_networks_of_a_model_grow_and_its_numbers_stay(device):
    model = ax.Model(
        {"u": ax.MLP([2, 6, 1], device=device), ("v", "w"): ax.MLP([2, 5, 4, 2], device=device)},
        unknowns={"nu": ax.Unknown(0.25, positive=True)},
        coordinates=("t", "x"),
    )
    theta = model.init(2)
    larger, wide = model.widened(theta, 1.5, seed=1)
    points = POINTS.to(device)
    assert_same(model.jet(theta, points, NAMES), larger.jet(wide, points, NAMES))
    assert larger.values(wide) == model.values(theta)
    widths = [entry["widths"] for entry in larger.describe()["networks"]]
    assert widths == [[2, 9, 1], [2, 8, 6, 2]]


def test_maps_before_and_behind_stay():
    model = ax.Model(
        ax.MLP([3, 6, 1]),
        inputs=ax.periodic(x=1.0),
        outputs=lambda u, x: torch.exp(u) * x.t,
        coordinates=("t", "x"),
    )
    theta = model.init(2)
    larger, wide = model.widened(theta, 2.0)
    assert_same(model.jet(theta, POINTS, NAMES), larger.jet(wide, POINTS, NAMES))
    with pytest.raises(TypeError, match="by must be a number"):
        model.widened(theta, (3, 12, 1))
