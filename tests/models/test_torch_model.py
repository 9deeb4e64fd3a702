"""Any torch module as a model: against the engine on networks that both can do, and in training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import anagram_ext as ax
from anagram_ext.models.torch_jets import TorchJets, derivatives
from anagram_ext.pde import operators
from anagram_ext.systems.pde_system import PdeSystem
from conformance import check_jet_map, check_system

NAMES = ("t", "x")
SQUARE = ax.Box(t=(0, 1), x=(0, 1))


class Wrapped(nn.Module):
    """A network that the engine could do, if it knew."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, points):
        return self.net(points)


class SharedFeatures(nn.Module):
    """What no MLP is: Fourier features that are a buffer, a gate, tied weights, a frozen layer."""

    def __init__(self):
        super().__init__()
        rng = torch.Generator().manual_seed(3)
        draw = lambda *shape: 0.7 * torch.randn(shape, generator=rng, dtype=torch.float64)
        self.register_buffer("frequencies", draw(2, 3))
        self.first = nn.Linear(6, 6, dtype=torch.float64)
        self.second = nn.Linear(6, 6, dtype=torch.float64)
        self.second.weight = self.first.weight
        self.last = nn.Linear(6, 1, dtype=torch.float64)
        for parameter in self.parameters():
            parameter.data.copy_(draw(*parameter.shape))
        self.last.bias.requires_grad_(False)

    def forward(self, points):
        phases = points @ self.frequencies
        h = torch.cat([phases.sin(), phases.cos()], dim=1)
        h = h + torch.tanh(self.first(h)) * torch.sigmoid(self.second(h))
        return self.last(h)


def pair(widths, activation="tanh", seed=0):
    """The same network for the engine and as a module that hides what it is."""
    network = ax.MLP(widths, activation)
    theta = network.init(seed)
    return network, theta, ax.TorchModel(Wrapped(network.to_torch(theta)), widths[0])


def points(n, d=2):
    return torch.rand((n, d), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("activation", ["tanh", "sin", "gelu"])
def test_jets_are_those_of_the_engine(activation):
    network, theta, model = pair([2, 7, 6, 2], activation)
    names = ("", "t", "x", "tx", "xx", "ttx", "xxxx", "ttxx")
    wanted = (
        *(operators.derivative((name,), NAMES) for name in names),
        operators.laplacian((), NAMES),
        operators.biharmonic((), NAMES),
    )
    at = points(9)
    assert isinstance(model.jets(wanted), TorchJets)
    assert torch.equal(model.init(5), theta)
    expected = network.jets(wanted).jets(theta, at)
    torch.testing.assert_close(model.jets(wanted).jets(theta, at), expected, rtol=1e-10, atol=1e-10)


def test_jet_map():
    model = ax.TorchModel(SharedFeatures(), 2)
    words = ((), (0,), (0, 1), (1, 1))
    wanted = tuple(operators.derivative((name,), NAMES) for name in ("", "t", "tx", "xx"))
    at = points(6)

    def reference(theta):
        """Reverse mode through reverse mode, where the model goes forwards."""
        leaf = at.clone().requires_grad_()
        u = model.flat.call(theta, lambda module: module(leaf))[:, 0]
        grad = lambda f: torch.autograd.grad(f.sum(), leaf, create_graph=True)[0]
        first = grad(u)
        second = grad(first[:, 1])
        return torch.stack([u, first[:, 0], second[:, 0], second[:, 1]])[:, None]

    def by_torch_func(theta):
        call = lambda x: model.flat.call(theta, lambda module: module(x[None])[0, 0])
        first, second = torch.func.jacrev(call), torch.func.jacrev(torch.func.jacrev(call))
        each = torch.func.vmap(
            lambda x: torch.stack([call(x), first(x)[0], second(x)[0, 1], second(x)[1, 1]])
        )
        return each(at).T[:, None]

    theta = model.init(0)
    torch.testing.assert_close(by_torch_func(theta), reference(theta), rtol=1e-12, atol=1e-12)
    check_jet_map(model, theta, at, wanted, by_torch_func)
    assert set(derivatives(lambda x: x, at, words)) >= set(words)


def test_parameters_are_counted_once_and_frozen_ones_not():
    module = SharedFeatures()
    model = ax.TorchModel(module, 2)
    assert tuple(model.layout) == ("first.weight", "first.bias", "second.bias", "last.weight")
    assert model.n_parameters == 36 + 6 + 6 + 6


@pytest.mark.parametrize("memory", ["stored", "streamed"])
def test_system_and_step_are_those_of_the_engine(memory):
    problem = ax.problems.burgers()
    network, theta, model = pair([2, 8, 8, 1])
    small = ax.Problem(
        problem.coordinates,
        problem.fields,
        {
            name: ax.Condition(condition.residual, SQUARE.stratified(6))
            for name, condition in problem.conditions.items()
        },
    )
    check_system(PdeSystem(small, model, memory=memory), theta)
    r, J = ax.jacobian(small, network, theta)
    found_r, found_J = ax.jacobian(small, model, theta)
    torch.testing.assert_close(found_r, r, rtol=0, atol=1e-10 * float(r.abs().max()))
    torch.testing.assert_close(found_J, J, rtol=0, atol=1e-10 * float(J.abs().max()))
    step = ax.step(small, network, theta, 1e-4, memory=memory)
    found = ax.step(small, model, theta, 1e-4, memory=memory)
    assert found.rank == step.rank
    scale = float(step.direction.abs().max())
    torch.testing.assert_close(found.direction, step.direction, rtol=0, atol=1e-10 * scale)


def heat(n=8):
    return ax.Problem(
        NAMES,
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.d("t") - 0.25 * u.d("xx"), SQUARE.grid(n)),
            "start": ax.Condition(
                lambda u, x: u - torch.sin(math.pi * x.x), SQUARE.face(t=0).grid(n)
            ),
            "walls": ax.Condition(lambda u, x: u, SQUARE.faces("x").grid(n)),
        },
        solution=lambda x: torch.exp(-(math.pi**2) * x.t / 4) * torch.sin(math.pi * x.x),
    )


def test_training_takes_a_module_and_leaves_the_result_in_it(tmp_path):
    module = SharedFeatures()
    frozen, buffer = module.last.bias.clone(), module.frequencies.clone()
    run = ax.train(heat(), module, steps=15, progress=False, out=tmp_path)
    assert run.loss < 1e-4 * run.history["loss"][0]
    at = points(50)
    found = run.model(run.theta, at)
    torch.testing.assert_close(module(at).detach(), found, rtol=1e-13, atol=1e-13)
    assert torch.equal(module.last.bias, frozen)
    assert torch.equal(module.frequencies, buffer)
    assert module.first.weight is module.second.weight
    assert run.summary()["module"] == "SharedFeatures"
    jet = run.model.jet(run.theta, at, ("", "x"))
    assert torch.equal(jet[""], found)
    with pytest.raises(ValueError, match="model must be given: it is a torch module"):
        ax.load(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="model must be"):
        ax.load(tmp_path / "model.safetensors", Wrapped(nn.Linear(2, 1)).double())
    model, theta = ax.load(tmp_path / "model.safetensors", SharedFeatures())
    torch.testing.assert_close(model(theta, at), found, rtol=1e-13, atol=1e-13)


def test_training_a_module_is_training_the_network():
    network, theta, model = pair([2, 8, 1])
    expected = ax.train(heat(), network, theta=theta, steps=3, progress=False)
    found = ax.train(heat(), model.module, steps=3, progress=False)
    assert abs(found.loss - expected.loss) <= 1e-6 * expected.loss


def test_a_sequential_that_the_engine_knows_is_computed_by_it():
    network, theta, _ = pair([2, 8, 1])
    module = network.to_torch(theta)
    wanted = (operators.laplacian((), NAMES),)
    assert ax.TorchModel(module, 2).jets(wanted) is network.jets(wanted)
    run = ax.train(heat(), module, steps=3, progress=False)
    expected = ax.train(heat(), network, theta=theta, steps=3, progress=False)
    assert torch.equal(run.theta, expected.theta)
    assert torch.equal(nn.utils.parameters_to_vector(module.parameters()), run.theta)
    module[0].weight.requires_grad_(False)
    assert isinstance(ax.TorchModel(module, 2).jets(wanted), TorchJets)


class Loop(nn.Module):
    """Reads a number in Python, which vmap cannot."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 1, dtype=torch.float64)

    def forward(self, points):
        scale = 2.0 if float(points.detach().sum()) > -1e9 else 1.0
        return torch.tanh(scale * self.layer(points))


def test_modules_without_vmap_go_point_by_point_and_say_so_once():
    model = ax.TorchModel(Loop(), 2)
    jets = model.jets((operators.value(2),))
    theta, at = model.init(0), points(4)
    seeds = torch.ones((1, 1, 1, 4), dtype=torch.float64)
    rows = theta.new_empty((4, 3))
    with pytest.warns(ax.SlowWarning, match="point by point"):
        jets.jacobian(theta, at, seeds, rows)
    jets.jacobian(theta, at, seeds, rows)  # warnings are errors here
    slope = 2 * (1 - model(theta, at).square())
    torch.testing.assert_close(rows, slope * torch.cat([at, torch.ones(4, 1)], dim=1))


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (nn.Linear(3, 1).double(), ValueError, "got a module that fails"),
        (nn.Linear(2, 2).double(), ValueError, "model must have 2 inputs"),
        (nn.Linear(2, 1).half(), TypeError, "must be float64 or float32"),
        (nn.Sequential(nn.Linear(2, 1), nn.Flatten(0)).double(), ValueError, r"values \[n, m\]"),
        (nn.Sequential(nn.Linear(2, 1), nn.Dropout(0.5)).double(), ValueError, "by itself"),
        (nn.Sequential(nn.Linear(2, 1), nn.Softmax(0)).double(), ValueError, "by itself"),
        (nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 1)).double(), ValueError, "running_mean"),
        (
            nn.Sequential(nn.BatchNorm1d(2, track_running_stats=False), nn.Linear(2, 1)).double(),
            ValueError,
            "fails for one point alone",
        ),
        (nn.Identity(), ValueError, "a parameter that requires grad"),
    ],
)
def test_modules_that_are_no_models(module, error, message):
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    with pytest.raises(error, match=message):
        ax.train(heat(), module, steps=1, progress=False)
    assert all(torch.equal(buffer, before[name]) for name, buffer in module.named_buffers())


def test_unknown_coefficients_need_another_model():
    problem = ax.Problem(
        NAMES,
        ("u",),
        {"equation": ax.Condition(lambda u, x, c: c.nu * u, SQUARE.grid(3))},
        unknowns={"nu": ax.Unknown(1.0)},
    )
    with pytest.raises(ValueError, match="must be an MLP or a Model where there are unknowns"):
        ax.train(problem, nn.Linear(2, 1).double(), steps=1, progress=False)


def drawn(module):
    """With parameters that depend on nothing but their shapes."""
    rng = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.6 * torch.randn(parameter.shape, generator=rng, dtype=torch.float64))
    return module


class Convolved(nn.Module):
    """Features of a point in a row, convolved."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 6, dtype=torch.float64)
        self.convolution = nn.Conv1d(1, 2, 3, dtype=torch.float64)
        self.last = nn.Linear(8, 1, dtype=torch.float64)

    def forward(self, points):
        h = torch.tanh(self.convolution(torch.tanh(self.first(points))[:, None]))
        return self.last(h.flatten(1))


class Attending(nn.Module):
    """Both coordinates of a point are tokens that attend to each other."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(1, 4, dtype=torch.float64)
        self.heads = nn.MultiheadAttention(4, 2, batch_first=True, dtype=torch.float64)
        self.places = nn.Parameter(torch.zeros(2, 4, dtype=torch.float64))
        self.last = nn.Linear(4, 1, dtype=torch.float64)

    def forward(self, points):
        tokens = torch.tanh(self.embed(points[..., None]) + self.places)
        return self.last(self.heads(tokens, tokens, tokens, need_weights=False)[0].sum(dim=1))


class Kolmogorov(nn.Module):
    """KAN-like: sums of one-dimensional functions, each by radial functions of its own."""

    def __init__(self):
        super().__init__()
        self.register_buffer("centres", torch.linspace(-1, 2, 6, dtype=torch.float64))
        self.inner = nn.Parameter(torch.zeros(2, 4, 6, dtype=torch.float64))
        self.outer = nn.Parameter(torch.zeros(4, 6, dtype=torch.float64))

    def forward(self, points):
        bumps = lambda x: torch.exp(-2 * (x[..., None] - self.centres) ** 2)
        h = torch.einsum("nik,ijk->nj", bumps(points), self.inner)
        return torch.einsum("njk,jk->n", bumps(h), self.outer)[:, None]


class Operator(nn.Module):
    """DeepONet-like: a branch of what names the member times a trunk of time and place."""

    def __init__(self):
        super().__init__()
        make = lambda d: nn.Sequential(nn.Linear(d, 8), nn.Tanh(), nn.Linear(8, 5)).double()
        self.branch, self.trunk = make(1), make(2)

    def forward(self, points):
        return (self.branch(points[:, 2:]) * self.trunk(points[:, :2])).sum(dim=1, keepdim=True)


def places(d):
    """Of an equation and of its start."""
    inside, start = points(40, d), points(20, d)
    start[:, 0] = 0
    return {"equation": inside, "start": start}


def height(at, d):
    """A third coordinate, or 1."""
    return at[:, 2] if d == 3 else torch.ones_like(at[:, 0])


def advection(d, dtype=torch.float64):
    """u_t + u_x + 0.01 u_xx = 0, u = c sin(pi x) at the beginning: for c = 1 or for all c."""
    at = {name: tensor.to(dtype) for name, tensor in places(d).items()}
    initial = height(at["start"], d) * torch.sin(math.pi * at["start"][:, 1])
    return ax.Problem(
        ("t", "x", "c")[:d],
        ("u",),
        {
            "equation": ax.Condition(
                lambda u, x: u.d("t") + u.d("x") + 0.01 * u.d("xx"), at["equation"]
            ),
            "start": ax.Condition(lambda u, x: u - initial, at["start"]),
        },
    )


def by_reverse_mode(model, theta, d):
    """The residual, each condition over the root of its number of points."""
    grad = lambda f, x: torch.autograd.grad(f.sum(), x, create_graph=True)[0]
    parts = []
    for name, tensor in places(d).items():
        at = tensor.clone().requires_grad_()
        u = model.flat.call(theta, lambda module, at=at: module(at))[:, 0]
        first = grad(u, at)
        equation = first[:, 0] + first[:, 1] + 0.01 * grad(first[:, 1], at)[:, 1]
        start = u - height(at, d) * torch.sin(math.pi * at[:, 1])
        parts.append((equation if name == "equation" else start) / len(at) ** 0.5)
    return torch.cat(parts)


@pytest.mark.parametrize("make", [Convolved, Attending, Kolmogorov, Operator])
def test_architectures_are_models(make):
    """r and J are those of nested reverse mode, and natural_lm trains them."""
    module = drawn(make())
    d = 3 if make is Operator else 2
    problem, model = advection(d), ax.TorchModel(module, d)
    theta = model.init(0).requires_grad_()
    r, J = ax.jacobian(problem, model, theta.detach())
    expected = by_reverse_mode(model, theta, d)
    rows = [torch.autograd.grad(value, theta, retain_graph=True)[0] for value in expected]
    torch.testing.assert_close(r, expected.detach(), rtol=0, atol=1e-10 * float(r.norm()))
    torch.testing.assert_close(J, torch.stack(rows), rtol=0, atol=1e-10 * float(J.norm()))
    run = ax.train(problem, module, steps=5, progress=False)
    assert run.loss < 0.1 * run.history["loss"][0]
    assert torch.equal(nn.utils.parameters_to_vector(module.parameters()).detach(), run.theta)


def test_single_precision_stays_single():
    module = drawn(Kolmogorov()).float()
    run = ax.train(advection(2, torch.float32), module, steps=3, progress=False)
    assert run.theta.dtype == torch.float32
    assert module.centres.dtype == torch.float32
    assert run.loss < run.history["loss"][0]
