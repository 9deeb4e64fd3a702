from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import anagram_ext as ax
import reference

ACTIVATIONS = ("tanh", "sin", "softplus", "gelu", "silu", "identity")


def test_number_of_parameters_and_their_order(device):
    model = ax.MLP([2, 3, 1], device=device)
    assert model.n_parameters == 2 * 3 + 3 + 3 + 1
    theta = torch.arange(13, dtype=torch.float64) / 10
    W1, b1, W2, b2 = theta[:6].reshape(3, 2), theta[6:9], theta[9:12], theta[12]
    points = torch.tensor([[0.3, -0.4], [1.0, 2.0]], dtype=torch.float64)
    expected = torch.tanh(points @ W1.T + b1) @ W2 + b2
    found = model(theta.to(device), points)[:, 0].cpu()
    torch.testing.assert_close(found, expected, rtol=1e-14, atol=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_torch_and_back(activation, dtype, device):
    model = ax.MLP([3, 6, 5, 2], activation, dtype=dtype, device=device)
    theta = model.init(1)
    net = model.to_torch(theta)
    points = torch.rand(11, 3, dtype=dtype).to(device)
    tolerance = 20 * torch.finfo(dtype).eps
    torch.testing.assert_close(
        model(theta, points), net(points).detach(), rtol=tolerance, atol=tolerance
    )
    model_back, theta_back = ax.MLP.from_torch(net)
    assert model_back == model
    assert torch.equal(theta_back, theta)


def test_softplus_of_large_arguments_agrees_with_torch():
    model = ax.MLP([1, 1, 1], "softplus")
    theta = torch.tensor([1.0, 0.0, 1.0, 0.0], dtype=torch.float64)
    points = torch.linspace(-40, 60, 200, dtype=torch.float64)[:, None]
    torch.testing.assert_close(
        model(theta, points), model.to_torch(theta)(points).detach(), rtol=1e-15, atol=0
    )


def test_the_torch_network_is_a_copy():
    model = ax.MLP([1, 2, 1])
    theta = model.init(0)
    net = model.to_torch(theta)
    with torch.no_grad():
        net[0].weight.zero_()
    assert torch.equal(theta, model.init(0))


@pytest.mark.parametrize(
    ("net", "error", "message"),
    [
        (nn.Linear(1, 1), TypeError, "must be a torch.nn.Sequential"),
        (nn.Sequential(), TypeError, "alternate Linear and activation"),
        (nn.Sequential(nn.Linear(1, 2), nn.Tanh()), TypeError, "alternate"),
        (nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 1), nn.Linear(1, 1)), ValueError, "none of"),
        (nn.Sequential(nn.Linear(1, 2, bias=False)), TypeError, "needs a bias"),
        (nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1)), ValueError, "ReLU"),
        (nn.Sequential(nn.Linear(1, 2), nn.GELU("tanh"), nn.Linear(2, 1)), ValueError, "exact"),
        (nn.Sequential(nn.Linear(1, 2), nn.Softplus(2.0), nn.Linear(2, 1)), ValueError, "beta"),
        (nn.Sequential(nn.Linear(1, 2), nn.Tanh(), nn.Linear(2, 2), nn.SiLU(), nn.Linear(2, 1)),
         ValueError, "one activation"),
        (nn.Sequential(nn.Linear(1, 2).double(), nn.Tanh(), nn.Linear(2, 1)), TypeError,
         "one dtype"),
    ],
)  # fmt: skip  # a table
def test_networks_of_another_kind(net, error, message):
    with pytest.raises(error, match=message):
        ax.MLP.from_torch(net)


def test_glorot_initialisation():
    model = ax.MLP([2, 1000, 1])
    theta = model.init(seed=5)
    W1, b1, W2, b2 = torch.split(theta, [2000, 1000, 1000, 1])
    for values, bound in (
        (W1, math.sqrt(6 / 1002)),
        (b1, 1 / math.sqrt(2)),
        (W2, math.sqrt(6 / 1001)),
    ):
        assert values.abs().max() <= bound
        # Uniform: variance bound^2 / 3, here from a thousand numbers or more.
        assert values.var() == pytest.approx(bound**2 / 3, rel=0.15)
        assert abs(values.mean()) < bound / 10
    assert b2.abs() <= 1 / math.sqrt(1000)


def test_normal_initialisation():
    theta = ax.MLP([2, 1000, 1]).init(seed=5, scheme="normal")
    assert theta.std() == pytest.approx(0.1, rel=0.05)
    assert abs(theta.mean()) < 0.01


@pytest.mark.parametrize("scheme", ["glorot", "normal"])
def test_initialisation_is_seeded_and_the_same_in_both_precisions(scheme, device):
    model = ax.MLP([2, 8, 1], device=device)
    assert torch.equal(model.init(3, scheme).cpu(), ax.MLP([2, 8, 1]).init(3, scheme))
    assert torch.equal(model.init(3, scheme), model.init(3, scheme))
    assert not torch.equal(model.init(3, scheme), model.init(4, scheme))
    single = ax.MLP([2, 8, 1], dtype=torch.float32, device=device).init(3, scheme)
    assert torch.equal(single, model.init(3, scheme).float())


def test_initialisation_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    ax.MLP([2, 8, 1]).init(3)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("dimension", "coordinates", "names", "axes"),
    [
        (1, None, ("", "s", "ss"), ((), (0,), (0, 0))),
        (2, None, ("t", "xx"), ((0,), (1, 1))),
        (2, None, ("x", "xy"), ((0,), (0, 1))),
        (4, None, ("z",), ((3,),)),
        (5, None, ("x3",), ((2,),)),
        (2, ("a", "b"), ("ab", "", "ba"), ((0, 1), (), (0, 1))),
    ],
)
def test_jets_by_name(*, device, dimension, coordinates, names, axes):
    model = ax.MLP([dimension, 5, 2], device=device, coordinates=coordinates)
    theta = model.init(0)
    points = torch.rand(4, dimension, dtype=torch.float64)
    jet = model.jet(theta, points, names)
    network = reference.Network(model.widths, "tanh")
    assert list(jet) == list(names)
    for name, along in zip(names, axes, strict=True):
        expected = torch.stack([network.derivative(theta.cpu(), x, along) for x in points])
        torch.testing.assert_close(jet[name].cpu(), expected, rtol=1e-12, atol=1e-14)


def test_no_points():
    model = ax.MLP([2, 4, 3])
    assert model(model.init(0), torch.empty(0, 2)).shape == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([2],), ValueError, "at least inputs and outputs"),
        (([2, 0, 1],), ValueError, "must be at least 1, got 0"),
        (([2, 3.0, 1],), TypeError, "must be an integer, got 3.0"),
        (([2, 3, 1], "relu"), ValueError, "activation must be one of .* got 'relu'"),
        (([2, 3, 1], "tanh", torch.float16), TypeError, "dtype"),
        (([2, 3, 1], "tanh", torch.float64, "tpu"), ValueError, "device must be"),
        (([2, 3, 1], "tanh", torch.float64, "cpu", ("x",)), ValueError, "name 2 inputs"),
    ],
)
def test_wrong_shapes(arguments, error, message):
    with pytest.raises(error, match=message):
        ax.MLP(*arguments)


@pytest.mark.usefixtures("no_cuda")
def test_a_gpu_is_refused_with_advice():
    with pytest.raises(ax.BackendUnavailable, match="use device='cpu'"):
        ax.MLP([2, 3, 1], device="cuda")
    assert not ax.cuda_available()


def test_an_unknown_scheme():
    with pytest.raises(ValueError, match=r"scheme must be .* got 'he'"):
        ax.MLP([1, 1]).init(0, scheme="he")


def test_what_a_name_means_does_not_depend_on_what_else_is_asked():
    model = ax.MLP([2, 5, 1])
    theta, points = model.init(0), torch.rand(4, 2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"names must say .*\('x',\).*coordinates=\('x', 'y'\)"):
        model.jet(theta, points, ("x",))
    named = ax.MLP([2, 5, 1], coordinates=("t", "x"))
    (alone,) = named.jet(theta, points, ("x",)).values()
    assert torch.equal(alone, model.jet(theta, points, ("t", "x"))["x"])
    assert not torch.equal(alone, model.jet(theta, points, ("x", "y"))["x"])


def test_a_trained_network_knows_the_coordinates_of_its_problem():
    problem = ax.problems.heat()
    run = ax.train(problem, ax.MLP([2, 4, 1]), steps=1, progress=False)
    assert run.model == ax.MLP([2, 4, 1])
    assert run.model.coordinates == ("t", "x")


def hooked() -> nn.Sequential:
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    net[0].register_forward_hook(lambda module, inputs, output: 2 * output)
    return net


class Twice(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


def shared() -> nn.Sequential:
    layer = nn.Linear(3, 3)
    ends = nn.Linear(2, 3), nn.Linear(3, 1)
    return nn.Sequential(ends[0], nn.Tanh(), layer, nn.Tanh(), layer, nn.Tanh(), ends[1])


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (hooked(), "forward hooks"),
        (nn.Sequential(Twice(2, 3), nn.Tanh(), nn.Linear(3, 1)), "no subclass"),
        (shared(), "one Linear twice"),
        (
            nn.Sequential(
                nn.utils.parametrizations.weight_norm(nn.Linear(2, 3)), nn.Tanh(), nn.Linear(3, 1)
            ),
            "no subclass",
        ),
    ],
    ids=["hook", "subclass", "shared", "parametrised"],
)
def test_from_torch_refuses_what_parameters_do_not_show(net, message):
    with pytest.raises(TypeError, match=f"net must .*{message}"):
        ax.MLP.from_torch(net)


def test_a_lazily_negated_theta_is_read_with_its_sign():
    model = ax.MLP([2, 4, 1])
    theta, points = model.init(0), torch.rand(3, 2, dtype=torch.float64)
    assert torch.equal(model(torch._neg_view(-theta), points), model(theta, points))
