"""Any torch module as a least-squares system: r, J and steps against torch.func's jacrev."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad
from torch.func import functional_call, jacrev, jvp, vmap

import anagram_ext as ax
from anagram_ext.methods.anagram import Anagram
from anagram_ext.native.plan import Plan
from anagram_ext.systems.torch_system import TorchSystem
from conformance import check_system


def numbers(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=rng, dtype=torch.float64)


def seeded(make):
    """The module with the same parameters whoever made random numbers before."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make().double()


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.MultiheadAttention(8, 2, batch_first=True)
        self.last = nn.Linear(8, 1)

    def forward(self, x):
        return self.last(self.heads(x, x, x, need_weights=False)[0]).mean(dim=1)


class DeepONet(nn.Module):
    """Branch of sensor values times trunk of places: every output sees every parameter."""

    def __init__(self):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 6))
        self.trunk = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 6))

    def forward(self, functions, places):
        return self.branch(functions) @ self.trunk(places).T


class Splines(nn.Module):
    """KAN-like: a sum of one-dimensional functions, each by radial functions of its own."""

    def __init__(self):
        super().__init__()
        self.register_buffer("centres", torch.linspace(-1, 2, 7))
        self.weights = nn.Parameter(torch.randn(2, 4, 7))
        self.outer = nn.Parameter(torch.randn(4, 7))

    def forward(self, x):
        inner = self._bumps(x[..., None, :, None]) * self.weights.transpose(0, 1)  # [.., 4, 2, 7]
        return (self._bumps(inner.sum(dim=(-1, -2))[..., None]) * self.outer).sum(dim=(-1, -2))

    def _bumps(self, x):
        return torch.exp(-2 * (x - self.centres) ** 2)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.b.weight = self.a.weight
        self.first = nn.Linear(2, 4)
        self.first.bias.requires_grad_(False)

    def forward(self, x):
        return self.b(torch.tanh(self.a(self.first(x))))


def network():
    return nn.Sequential(nn.Linear(2, 7), nn.Tanh(), nn.Linear(7, 1))


class Around(nn.Module):
    """Something done to the outputs of a network."""

    def __init__(self, net, then):
        super().__init__()
        self.inner = nn.ModuleDict({"net": net})
        self.then = then

    def forward(self, x):
        return self.then(self.inner["net"](x))


class Within(nn.Module):
    def __init__(self, then=lambda u: u, activation=nn.Tanh, outputs=1):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(2, 7), activation(), nn.Linear(7, 6), activation(), nn.Linear(6, outputs)
        )
        self.then = then

    def forward(self, x):
        return self.then(self.net(x))


def normalised():
    return nn.Sequential(nn.Linear(2, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 1)).eval()


def by_the_batch():
    """Normalises over the samples it is given, and refuses to be given one."""
    norm = nn.BatchNorm1d(5, track_running_stats=False)
    return nn.Sequential(nn.Linear(2, 5), norm, nn.Tanh(), nn.Linear(5, 1))


def convolution():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.GELU(), nn.Flatten(), nn.Linear(72, 3))


X, IMAGES, SEQUENCES = numbers(40, 2), numbers(10, 1, 8, 8), numbers(6, 5, 8)
FUNCTIONS, PLACES, VALUES = numbers(4, 5), numbers(9, 1), numbers(4, 9, seed=1)

CASES = {
    "convolution": (convolution, lambda net: net(IMAGES) - 0.3),
    "attention": (Attention, lambda net: net(SEQUENCES).exp() - 1),
    "encoder": (
        lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval(),
        lambda net: net(SEQUENCES),
    ),
    "deeponet": (DeepONet, lambda net: net(FUNCTIONS, PLACES) - VALUES),
    "splines": (Splines, lambda net: net(X) - X[:, 0] * X[:, 1]),
    "tied": (Tied, lambda net: net(X) ** 2 - 0.1),
    "batch norm": (normalised, lambda net: net(X) - 0.2),
    "recurrent": (
        lambda: nn.LSTM(8, 4, batch_first=True),
        lambda net: net(SEQUENCES)[0][:, -1] - 0.2,
    ),
    "several": (
        network,
        lambda net: (net(X) - 0.5, 1e-2 * net[0].weight, net(X[:5]) - net(X[5:10]), net(X[:3])),
    ),
    # The engine computes the network inside, where that is what the module does.
    "within": (Within, lambda net: net(X) - 0.5),
    "outputs": (lambda: Within(outputs=3), lambda net: net(X)[:, 1:] * net(X)[:, :2] - X),
    "vectors": (lambda: Within(outputs=3, activation=nn.GELU), lambda net: net(X) - 0.5),
    "squared": (lambda: Within(torch.square), lambda net: net(X) - 0.5),
    "shifted": (lambda: Within(lambda u: u + 1), lambda net: net(X).sin()),
    "around": (lambda: Around(network(), torch.exp), lambda net: net(X) - 0.5),
    "cut": (lambda: Within(activation=nn.Softplus), lambda net: net(30 * X) - 0.5),
    # Where samples mix, behind the module or in it, J is not found sample by sample.
    "sums": (network, lambda net: net(X).cumsum(dim=0)),
    "softmax": (lambda: nn.Sequential(network(), nn.Softmax(dim=0)), lambda net: net(X)),
    "by the batch": (by_the_batch, lambda net: net(X) - 0.2),
    "wide": (network, lambda net: net(X).reshape(8, 5).sum(dim=1)),
    "long": (lambda: nn.Sequential(nn.Linear(2, 1), nn.Tanh()), lambda net: net(X) - net(X).mean()),
}


def jacrev_of(module, residual):
    """r [S] and J [S, P] by torch.func alone, parameters in the order of the module."""
    named = {name: p for name, p in module.named_parameters() if p.requires_grad}

    class Applied(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = module

        def forward(self):
            parts = residual(self.net)
            parts = parts if isinstance(parts, tuple) else (parts,)
            return torch.cat([part.reshape(-1) for part in parts])

    applied = Applied()
    call = lambda named: functional_call(applied, {f"net.{n}": p for n, p in named.items()}, ())
    detached = {name: p.detach() for name, p in named.items()}
    blocks = jacrev(call)(detached)
    r = call(detached)
    return r, torch.cat([blocks[name].reshape(len(r), -1) for name in named], dim=1)


def check_rows(jacobian, J):
    """The rows of J, or what random vectors show of them where J is streamed."""
    scale = float(J.abs().max())
    if hasattr(jacobian, "matrix"):
        torch.testing.assert_close(jacobian.matrix, J, rtol=0, atol=1e-12 * scale)
        return
    for vector in numbers(3, J.shape[1]) - 0.5:
        torch.testing.assert_close(
            jacobian.matvec(vector), J @ vector, rtol=0, atol=1e-12 * scale * J.shape[1]
        )


def in_a_gap(sigma):
    """A cutoff in the widest gap of the larger singular values: there directions are certain."""
    relative = sigma[sigma > 1e-6 * sigma[0]] / sigma[0]
    if len(relative) < 2:
        return 0.5
    widest = int((relative[:-1] / relative[1:]).argmax())
    return float((relative[widest] * relative[widest + 1]).sqrt())


@pytest.mark.parametrize("memory", ["stored", "streamed"])
@pytest.mark.parametrize("name", CASES)
def test_residual_jacobian_and_step(name, memory):
    make, residual = CASES[name]
    module = seeded(make)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    system = TorchSystem(residual, module, memory)
    theta = system.flat.theta()
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        r, J = jacrev_of(module, residual)
    here = system.linearise(theta)
    torch.testing.assert_close(here.residual, r, rtol=1e-12, atol=1e-14)
    check_rows(here.jacobian, J)
    check_system(system, theta)
    cutoff = in_a_gap(torch.linalg.svdvals(J))
    method = Anagram(cutoff=cutoff)
    method.start(system, theta)
    method.step()
    expected = torch.linalg.pinv(J, rtol=cutoff) @ r
    size = float(expected.norm())
    torch.testing.assert_close(method.direction, expected, rtol=0, atol=1e-10 * size)
    after = module.state_dict()
    assert all(torch.equal(after[key], before[key]) for key in before)


def test_samples_cost_one_sweep_each():
    """The work is that of one backward sweep, not of as many as there are rows."""
    module = seeded(network)
    many = numbers(4000, 2)
    rows = 0

    def forward(_, inputs, __):
        nonlocal rows
        rows += inputs[0].numel() if inputs[0].ndim == 2 else 0

    module[0].register_forward_hook(forward)
    system = TorchSystem(lambda net: net(many), module)
    rows = 0
    system.linearise(system.flat.theta())
    assert rows <= 10 * many.numel()


def test_a_module_that_differentiates_itself():
    """A residual with derivatives in the inputs, the way PINNs are written in plain torch."""
    module = seeded(network)

    def residual(net):
        points = X.clone().requires_grad_()
        u = net(points)
        (first,) = torch.autograd.grad(u.sum(), points, create_graph=True)
        (second,) = torch.autograd.grad(first[:, 1].sum(), points, create_graph=True)
        return first[:, 0] - 0.25 * second[:, 1]

    box = ax.Box(t=(0, 1), x=(0, 1))
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {"pde": ax.Condition(lambda u, x: u.d("t") - 0.25 * u.d("xx"), box.grid(2))},
        row_scaling="none",
    )
    problem.conditions["pde"] = ax.Condition(problem.conditions["pde"].residual, X)
    model, theta = ax.MLP.from_torch(module)
    r, J = ax.jacobian(problem, model, theta)
    system = TorchSystem(residual, module)
    check_system(system, theta)
    here = system.linearise(theta)
    torch.testing.assert_close(here.residual, r, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(here.jacobian.matrix, J, rtol=1e-12, atol=1e-13)


def engine_calls(monkeypatch):
    """Which calls of the engine are made."""
    calls = []
    for name in ("jets", "jacobian"):
        original = getattr(Plan, name)

        def noted(*arguments, original=original, name=name):
            calls.append(name)
            return original(*arguments)

        monkeypatch.setattr(Plan, name, noted)
    return calls


@pytest.mark.parametrize(
    ("then", "rows"), [(lambda u: u, ["jacobian"]), (torch.square, ["jacobian"])]
)
def test_the_engine_computes_the_network_inside(monkeypatch, then, rows):
    """Values always; rows where nothing is done to them: the first linearisation finds out."""
    module = seeded(lambda: Within(then))
    calls = engine_calls(monkeypatch)
    system = TorchSystem(lambda net: net(X) - 0.5, module)
    theta = system.flat.theta()
    calls.clear()
    values = system.residuals(theta[None])[0]
    assert calls == ["jets"]
    expected = (module(X) - 0.5).detach()[:, 0]
    torch.testing.assert_close(values, expected, rtol=1e-13, atol=1e-14)
    calls.clear()
    system.linearise(theta)
    assert calls == rows
    calls.clear()
    system.linearise(theta)
    assert calls == (rows if then is not torch.square else [])
    assert "forward" not in module.net.__dict__


@pytest.mark.parametrize("how", ["requires_grad", "vmap", "jvp", "dual", "three dimensions"])
def test_inputs_that_the_engine_must_not_read(how):
    """The residual differentiates in them or vmaps over them: torch computes the network."""
    module = seeded(Within)

    def residual(net):
        if how == "vmap":
            return vmap(lambda x: net(x[None])[0])(X)
        if how == "jvp":
            return jvp(net, (X,), (torch.ones_like(X),))[1]
        if how == "dual":
            with forward_ad.dual_level():
                u = net(forward_ad.make_dual(X, torch.ones_like(X)))
                return forward_ad.unpack_dual(u).tangent
        if how == "three dimensions":
            return net(X.view(8, 5, 2))
        points = X.clone().requires_grad_()
        return torch.autograd.grad(net(points).sum(), points, create_graph=True)[0]

    system = TorchSystem(residual, module)
    theta = system.flat.theta()
    r, J = jacrev_of(module, residual) if how not in {"dual", "requires_grad"} else (None, None)
    here = system.linearise(theta)
    torch.testing.assert_close(system.residuals(theta[None])[0], here.residual)
    check_system(system, theta)
    if J is not None:
        torch.testing.assert_close(here.residual, r, rtol=1e-12, atol=1e-14)
        check_rows(here.jacobian, J)


def test_networks_that_are_left_to_torch():
    """Frozen layers, a patched forward, hooks: what they compute is not the engine's."""
    frozen = seeded(Within)
    frozen.net[0].weight.requires_grad_(False)
    patched = seeded(Within)
    patched.net.forward = lambda x: 2 * nn.Sequential.forward(patched.net, x)
    hooked = seeded(Within)
    hooked.net[0].register_forward_hook(lambda layer, inputs, output: output + 0.1)
    for module in (frozen, patched, hooked):
        residual = lambda net: net(X) - 0.5
        system = TorchSystem(residual, module)
        theta = system.flat.theta()
        r, J = jacrev_of(module, residual)
        here = system.linearise(theta)
        torch.testing.assert_close(here.residual, r, rtol=1e-13, atol=1e-15)
        torch.testing.assert_close(system.residuals(theta[None])[0], r, rtol=1e-13, atol=1e-15)
        check_rows(here.jacobian, J)
    assert "forward" in patched.net.__dict__


class Doubling(torch.autograd.Function):
    """A derivative in NumPy, which no vmap and no forward mode can see through."""

    @staticmethod
    def forward(_, x):
        return 2 * x

    @staticmethod
    def backward(_, slope):
        return torch.from_numpy(2 * slope.numpy())


def test_rows_one_by_one_where_vmap_does_not_work():
    module = seeded(network)
    system = TorchSystem(lambda net: Doubling.apply(net(X)).cumsum(dim=0), module)
    theta = system.flat.theta()
    with pytest.warns(ax.SlowWarning, match="row by row"):
        first = system.linearise(theta)
    second = system.linearise(theta)  # says it once: warnings are errors here
    r, J = jacrev_of(module, lambda net: 2 * net(X).cumsum(dim=0))
    for here in (first, second):
        torch.testing.assert_close(here.residual, r, rtol=1e-13, atol=0)
        torch.testing.assert_close(here.jacobian.matrix, J, rtol=1e-12, atol=1e-13)


def test_single_precision():
    module = seeded(network).float()
    inputs = X.float()
    system = TorchSystem(lambda net: net(inputs) - 1, module)
    here = system.linearise(system.flat.theta())
    assert here.residual.dtype == here.jacobian.matrix.dtype == torch.float32
    _, J = jacrev_of(module.double(), lambda net: net(X) - 1)
    torch.testing.assert_close(here.jacobian.matrix.double(), J, rtol=0, atol=1e-5)


def test_non_finite_numbers_are_named():
    module = seeded(network)
    system = TorchSystem(lambda net: (net(X), torch.sqrt(net(X[:6]).reshape(2, 3))), module)
    theta = system.flat.theta()
    low = theta.clone()
    low[-1] -= 10  # bias of the last layer
    with pytest.raises(ax.NonFiniteError, match=r"residual is nan at index \[0, 0\] of tensor 1"):
        system.linearise(low)
    with pytest.raises(ax.NonFiniteError, match="residual is nan"):
        system.gradient(low)
    assert float(system.losses(low[None])[0]) == float("inf")
    cusp = TorchSystem(lambda net: net(X).abs().sqrt(), nn.Sequential(nn.Linear(2, 1)).double())
    with pytest.raises(ax.NonFiniteError, match="derivative of the residual is not finite"):
        cusp.linearise(torch.zeros(3, dtype=torch.float64))


def no_grad(net):
    with torch.no_grad():
        return net(X)


def clamped(net):
    with torch.no_grad():
        net[0].weight.clamp_(min=0.0)
    return net(X)


def by_numpy(net):
    return torch.from_numpy(net(X).detach().numpy())


@pytest.mark.parametrize(
    ("residual", "make", "error", "message"),
    [
        (3, network, TypeError, "residual must be callable, got 3"),
        (no_grad, network, ValueError, "values without a graph"),
        (by_numpy, network, ValueError, "values without a graph"),
        (clamped, network, ValueError, "must change nothing"),
        (lambda net: net(X).square().mean(), network, ValueError, "not the sum"),
        (lambda net: net(X[:0]), network, ValueError, "at least one number"),
        (lambda net: [], network, ValueError, "at least one number"),
        (lambda net: {"u": net(X)}, network, TypeError, "several in a tuple, got dict"),
        (lambda net: None, network, TypeError, "several in a tuple, got NoneType"),
        (lambda net: net(X).float(), network, TypeError, "torch.float64 like the parameters"),
        (lambda net: net(X).to(torch.complex128), network, TypeError, "view_as_real makes two"),
        (lambda net: net(X) + torch.rand(40, 1), network, ValueError, "same values twice"),
        (
            lambda net: net(X),
            lambda: nn.Sequential(nn.Linear(2, 9), nn.Dropout(0.5)),
            ValueError,
            "same values twice",
        ),
        (lambda net: net(X), lambda: normalised().train(), ValueError, "'1.running_mean'"),
        (lambda net: net(X), lambda: network().requires_grad_(False), ValueError, "requires grad"),
        (lambda net: net(X), lambda: nn.Sequential(nn.LazyLinear(1)), ValueError, "has no shape"),
    ],
)
def test_what_is_no_residual(residual, make, error, message):
    module = seeded(make) if "LazyLinear" not in str(make()) else make()
    before = None
    if message != "has no shape":
        before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(error, match=message):
        TorchSystem(residual, module)
    if before is not None:
        after = module.state_dict()
        assert all(torch.equal(after[key], before[key]) for key in before)


def test_what_is_no_module():
    with pytest.raises(TypeError, match=r"module must be a torch.nn.Module, got 3"):
        TorchSystem(lambda net: net, 3)
    with pytest.raises(TypeError, match=r"float64 or float32, got torch\.float16 in '0\.weight'"):
        TorchSystem(lambda net: net(X), network().half())
    with pytest.raises(TypeError, match=r"float64 or float32, got torch\.complex128 in 'weight'"):
        TorchSystem(lambda net: net(X), nn.Linear(2, 1, dtype=torch.complex128))
    with pytest.raises(ValueError, match="at least one number, got none in 0"):
        TorchSystem(lambda net: net[0], nn.ParameterList([torch.empty(0, dtype=torch.float64)]))
    mixed = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1).double())
    with pytest.raises(ValueError, match=r"one dtype, got torch\.float32 and torch\.float64"):
        TorchSystem(lambda net: net(X), mixed)


def test_a_residual_of_another_length_later():
    module = seeded(network)
    length = [40]
    system = TorchSystem(lambda net: net(X[: length[0]]), module)
    length[0] = 30
    with pytest.raises(ValueError, match=r"shapes \[\[40, 1\]\] as in its first call"):
        system.residuals(system.flat.theta()[None])
