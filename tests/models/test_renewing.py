"""Neurons made anew: the function stays, the tangent space grows."""

from __future__ import annotations

import pytest
import torch

import anagram_ext as ax
from anagram_ext.models.scales import Scales

POINTS = torch.rand(300, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
MLP = ax.MLP([2, 8, 6, 1])


def broken(mlp: ax.MLP = MLP, saturated: int = 3, without_weight: int = 5) -> torch.Tensor:
    """Parameters of a network with useless neurons in its first hidden layer."""
    theta = mlp.init(1)
    network = mlp.to_torch(theta)
    with torch.no_grad():
        network[0].bias[saturated] = 40.0
        network[2].weight[:, without_weight] = 0.0
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach()


def seen(mlp: ax.MLP, theta: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    """How much each neuron of the first hidden layer varies."""
    return torch.tanh(mlp.to_torch(theta)[0](inputs)).std(dim=0).detach()


def test_the_function_stays_and_the_neurons_live():
    theta = broken()
    new, count = MLP.renewed(theta, POINTS)
    assert count == 2
    names = ("", "x", "y", "xx", "yy")
    before, after = (MLP.jet(t, POINTS, names) for t in (theta, new))
    for name in names:
        torch.testing.assert_close(after[name], before[name], rtol=0, atol=1e-14)
    assert seen(MLP, theta, POINTS)[3] < 1e-12
    assert seen(MLP, new, POINTS)[[3, 5]].min() > 1e-2


def test_only_the_useless_ones_change():
    theta = broken()
    old, new = MLP.to_torch(theta), MLP.to_torch(MLP.renewed(theta, POINTS)[0])
    others = [0, 1, 2, 4, 6, 7]
    torch.testing.assert_close(new[0].weight[others], old[0].weight[others], rtol=0, atol=0)
    torch.testing.assert_close(new[0].bias[others], old[0].bias[others], rtol=0, atol=0)
    torch.testing.assert_close(new[2].weight[:, others], old[2].weight[:, others], rtol=0, atol=0)
    torch.testing.assert_close(new[4].weight, old[4].weight, rtol=0, atol=0)


def test_new_neurons_have_the_weights_of_others_and_bend_at_a_point():
    network = MLP.to_torch(MLP.renewed(broken(), POINTS)[0])
    weight, sums = network[0].weight.detach(), network[0](POINTS).detach()
    for neuron in (3, 5):
        alike = (weight == weight[neuron]).all(dim=1)
        assert int(alike[[0, 1, 2, 4, 6, 7]].sum()) == 1
        assert float(sums[:, neuron].abs().min()) < 1e-14


def test_a_network_in_good_order_stays_as_it_is():
    theta = MLP.init(2)
    new, count = MLP.renewed(theta, POINTS)
    assert count == 0
    assert torch.equal(new, theta)


@pytest.mark.parametrize("theta", [torch.zeros(MLP.n_parameters, dtype=torch.float64)])
def test_a_network_that_does_nothing_has_no_models_for_new_neurons(theta):
    new, count = MLP.renewed(theta, POINTS)
    assert count == 0
    assert torch.equal(new, theta)


def test_the_seed_decides():
    theta = broken()
    first, again, other = (MLP.renewed(theta, POINTS, seed)[0] for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_single_precision():
    mlp = ax.MLP([2, 8, 6, 1], dtype=torch.float32)
    theta = broken(mlp)
    new, count = mlp.renewed(theta, POINTS)
    assert count == 2
    assert new.dtype == torch.float32
    torch.testing.assert_close(mlp(new, POINTS), mlp(theta, POINTS), rtol=0, atol=1e-6)


def test_neurons_are_looked_at_behind_scales():
    far = torch.tensor([1e6, 0.0], dtype=torch.float64) + POINTS
    scales = Scales(((1e6 + 0.5, 0.5), (0.5, 0.5)), ((0.0, 1.0),))
    model = ax.Model(MLP, coordinates=("x", "y"), scales=scales)
    theta = broken()
    new, count = model.renewed(theta, far)
    assert count == 2  # nearly all would be saturated at x = 1e6
    torch.testing.assert_close(model(new, far), model(theta, far), rtol=0, atol=1e-13)


def test_neurons_are_looked_at_behind_an_input_map():
    model = ax.Model(ax.MLP([3, 8, 6, 1]), inputs=ax.periodic(x=1.0), coordinates=("x", "y"))
    theta = broken(ax.MLP([3, 8, 6, 1]))
    new, count = model.renewed(theta, POINTS)
    assert count == 2
    torch.testing.assert_close(model(new, POINTS), model(theta, POINTS), rtol=0, atol=1e-13)


def test_several_networks_and_unknown_numbers():
    model = ax.Model(
        {"u": MLP, "v": ax.MLP([2, 4, 1])},
        unknowns={"nu": ax.Unknown(0.25)},
        coordinates=("x", "y"),
    )
    theta = torch.cat([broken(), model.init(0)[MLP.n_parameters :]])
    new, count = model.renewed(theta, POINTS)
    assert count == 2
    assert torch.equal(new[MLP.n_parameters :], theta[MLP.n_parameters :])
    torch.testing.assert_close(model(new, POINTS), model(theta, POINTS), rtol=0, atol=1e-13)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="theta"):
        MLP.renewed(torch.zeros(3, dtype=torch.float64), POINTS)
    with pytest.raises(ValueError, match="points"):
        MLP.renewed(MLP.init(0), POINTS[:, :1])
    with pytest.raises(ValueError, match="seed"):
        MLP.renewed(MLP.init(0), POINTS, -1)
