"""Networks that see features of the coordinates, against autograd through features and network."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor

import anagram_ext as ax
import reference
from anagram_ext.models.inputs import InputMap, embedded_jets, fourier, periodic, scaled
from anagram_ext.pde import operators
from anagram_ext.pde.coordinates import Coordinates

TX, XY = ("t", "x"), ("x", "y")
B = fourier(3, t=0.3, x=0.5).function.frequencies()


# name: (map, the same written by hand, coordinates, features, lowest corner of the points)
MAPS = {
    "periodic": (
        periodic(x=2.0),
        (lambda t, x: (t, torch.cos(math.pi * x), torch.sin(math.pi * x))),
        TX,
        3,
        0.0,
    ),
    "harmonics": (
        periodic(harmonics=2, t=3.0),
        (
            lambda t, x: (
                torch.cos(2 * math.pi * t / 3),
                torch.sin(2 * math.pi * t / 3),
                torch.cos(4 * math.pi * t / 3),
                torch.sin(4 * math.pi * t / 3),
                x,
            )
        ),
        TX,
        5,
        0.0,
    ),
    "fourier": (
        fourier(3, t=0.3, x=0.5),
        lambda t, x: [
            wave(2 * math.pi * (float(f[0]) * t + float(f[1]) * x))
            for wave in (torch.cos, torch.sin)
            for f in B
        ],
        TX,
        6,
        0.0,
    ),
    "corner": (
        InputMap(lambda x: (x.x, x.y, singular(x.x, x.y))),
        (lambda x, y: (x, y, singular(x, y))),
        XY,
        3,
        0.3,
    ),
    "one tensor": (
        InputMap(lambda x: torch.stack([x.x * x.y, torch.exp(x["x"])], dim=1)),
        (lambda x, y: (x * y, torch.exp(x))),
        XY,
        2,
        0.0,
    ),
    "scaled": (
        scaled(t=(0.0, 0.5), x=(-3.0, 1.0)),
        (lambda t, x: (4 * t - 1, (x + 1) / 2)),
        TX,
        2,
        0.0,
    ),
}


def singular(x: Tensor, y: Tensor) -> Tensor:
    """r^(2/3) sin(2 phi / 3)"""
    return (x**2 + y**2) ** (1 / 3) * torch.sin(2 / 3 * torch.atan2(y, x))


def some_points(n: int, lowest: float = 0.0, dtype: torch.dtype = torch.float64) -> Tensor:
    rng = torch.Generator().manual_seed(1)
    return (lowest + torch.rand((n, 2), generator=rng, dtype=torch.float64)).to(dtype)


def some_operators(names):
    """Orders 0 to 4, mixed ones, and two that are collapsed into one slot each."""
    a, b = names
    words = ("", b, a + b, b + b + b, a + a + b + b)
    return (
        *(operators.derivative((word,), names) for word in words),
        operators.combination({a + a: 1.0, b + b: -0.5}, names),
        operators.biharmonic((), names),
    )


class Expected:
    """N(phi(x)) in plain torch, differentiated by nested reverse mode: jets and rows of J."""

    def __init__(self, mlp: ax.MLP, phi, wanted, points: Tensor, theta: Tensor):
        self.theta = theta.detach().clone().requires_grad_()
        at = points.detach().clone().requires_grad_()
        network = reference.Network(mlp.widths, mlp.activation)
        outputs = network(self.theta, torch.stack(phi(*at.unbind(dim=1)), dim=1)).unbind(dim=1)
        self._at, self._made = at, {}
        self.jets = torch.stack(
            [torch.stack([self._applied(op, u) for u in outputs]) for op in wanted]
        )  # [K, m, n]
        self._made.clear()

    def rows(self, seeds: Tensor) -> Tensor:
        """J [C * n, P]"""
        r = (seeds * self.jets).sum(dim=(1, 2)).reshape(-1)
        each = [torch.autograd.grad(row, self.theta, retain_graph=True)[0] for row in r]
        return torch.stack(each)

    def _applied(self, operator, values: Tensor) -> Tensor:
        return sum(c * self._derivative(values, index) for index, c in operator.terms)

    def _derivative(self, values: Tensor, index) -> Tensor:
        for axis, count in enumerate(index):
            for _ in range(count):
                if (values, axis) not in self._made:
                    (slope,) = torch.autograd.grad(values.sum(), self._at, create_graph=True)
                    self._made[values, axis] = slope[:, axis]
                values = self._made[values, axis]
        return values


def close(found: Tensor, expected: Tensor, relative: float) -> None:
    """Every operator compared with its own largest value."""
    expected = expected.detach()
    scale = float(expected.abs().max())
    torch.testing.assert_close(found, expected.to(found.dtype), rtol=0.0, atol=relative * scale)


def six_entries(jet_map, theta, points, m, K):
    """All that a JetMap gives: jets twice, rows twice, J^T w, J v."""
    n, P = len(points), len(theta)
    rng = torch.Generator().manual_seed(5)
    seeds, w, v = (
        torch.randn(shape, generator=rng, dtype=torch.float64).to(theta)
        for shape in ((2, K, m, n), (2 * n,), (P,))
    )
    rows, image, gradient = theta.new_empty(2 * n, P), theta.new_empty(2 * n), theta.new_zeros(P)
    jets = jet_map.jets(theta, points)
    many = jet_map.jets_many(torch.stack([theta, 0.5 * theta]), points)
    jet_map.jacobian(theta, points, seeds, rows)
    jet_map.vjp(theta, points, seeds, w, gradient)
    jet_map.jvp(theta, points, seeds, v, image)
    return jets, many, rows, gradient, image, (seeds, w, v)


@pytest.mark.parametrize(
    ("name", "activation"),
    [
        *((name, "tanh") for name in MAPS),
        *(("corner", activation) for activation in ("sin", "softplus", "gelu", "silu")),
        ("periodic", "sin"),
    ],
)
def test_all_entries(name, activation):
    input_map, phi, names, features, lowest = MAPS[name]
    mlp = ax.MLP([features, 6, 5, 2], activation)
    points, wanted, theta = some_points(5, lowest), some_operators(names), mlp.init(0)
    assert input_map.n_features(names) == features
    jet_map = embedded_jets(mlp, input_map, names, wanted)
    expected = Expected(mlp, phi, wanted, points, theta)
    half = Expected(mlp, phi, wanted, points, 0.5 * theta)
    jets, many, rows, gradient, image, (seeds, w, v) = six_entries(
        jet_map, theta, points, 2, len(wanted)
    )
    for k in range(len(wanted)):
        close(jets[k], expected.jets[k], 1e-12)
        close(many[1, k], half.jets[k], 1e-12)
    torch.testing.assert_close(many[0], jets, rtol=0.0, atol=0.0)
    J = expected.rows(seeds)
    close(rows, J, 1e-12)
    close(gradient, J.T @ w, 1e-12)
    close(image, J @ v, 1e-12)
    along, again = torch.empty_like(jets), torch.empty_like(rows)
    jet_map.jacobian_with_jets(theta, points, seeds, again, along)
    assert torch.equal(again, rows)
    assert torch.equal(along, jets)


@pytest.mark.parametrize("widths", [[3, 1], [3, 20, 2]])
def test_networks_with_none_and_one_hidden_layer(widths):
    input_map, phi, names, _, _ = MAPS["periodic"]
    mlp = ax.MLP(widths)
    points, wanted, theta = some_points(5), some_operators(names), mlp.init(3)
    expected = Expected(mlp, phi, wanted, points, theta)
    jets, _, rows, *_, (seeds, _, _) = six_entries(
        embedded_jets(mlp, input_map, names, wanted), theta, points, widths[-1], len(wanted)
    )
    close(jets, expected.jets, 1e-12)
    close(rows, expected.rows(seeds), 1e-12)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_every_device_and_dtype(name, dtype, device):
    input_map, phi, names, features, lowest = MAPS[name]
    on_cpu = ax.MLP([features, 9, 9, 2])
    mlp = ax.MLP([features, 9, 9, 2], dtype=dtype, device=device)
    theta, points, wanted = mlp.init(0), some_points(40, lowest, dtype), some_operators(names)
    found = six_entries(
        embedded_jets(mlp, input_map, names, wanted), theta, points.to(device), 2, len(wanted)
    )
    exact = Expected(on_cpu, phi, wanted, points.double(), theta.cpu().double()).jets
    # Float32 loses three digits to the orders 3 and 4: sums of terms larger than themselves.
    relative = 1e-12 if dtype == torch.float64 else 1e-4
    for k in range(len(wanted)):
        close(found[0][k].cpu(), exact[k], relative)
    double = six_entries(
        embedded_jets(on_cpu, input_map, names, wanted),
        theta.cpu().double(),
        points.double(),
        2,
        len(wanted),
    )
    for one, other in zip(found[1:5], double[1:5], strict=True):
        close(one.cpu(), other, relative)


def test_the_coordinates_themselves_are_the_plain_network():
    mlp = ax.MLP([2, 12, 12, 1])
    theta, points, wanted = mlp.init(0), some_points(30), some_operators(TX)
    K = len(wanted)
    same = embedded_jets(mlp, InputMap(lambda x: x.points), TX, wanted)
    found, plain = (six_entries(j, theta, points, 1, K) for j in (same, mlp.jets(wanted)))
    for one, other in zip(found[:5], plain[:5], strict=True):
        close(one, other, 1e-13)


def test_a_periodic_network_is_periodic_with_all_derivatives():
    mlp, wanted = ax.MLP([3, 8, 1]), some_operators(TX)
    jet_map = embedded_jets(mlp, periodic(x=0.7), TX, wanted)
    points, theta = some_points(9), mlp.init(0)
    shifted = points + torch.tensor([0.0, 0.7], dtype=torch.float64)
    close(jet_map.jets(theta, shifted), jet_map.jets(theta, points), 1e-13)


def test_scaling_reaches_the_unit_square():
    """The jets in x are those in x_hat times powers of the slope, at any scale."""
    mlp, names = ax.MLP([2, 8, 1]), TX
    wide = scaled(t=(0.0, 1e-6), x=(1e6, 3e6))
    wanted = tuple(operators.derivative((w,), names) for w in ("", "t", "xx", "tx", "xxxx"))
    unit = 2 * some_points(20) - 1  # in [-1, 1]
    points = torch.stack([(unit[:, 0] + 1) * 0.5e-6, 2e6 + 1e6 * unit[:, 1]], dim=1)
    theta = mlp.init(0)
    found = embedded_jets(mlp, wide, names, wanted).jets(theta, points)
    plain = mlp.jets(wanted).jets(theta, unit)
    for k, slope in enumerate((1.0, 2e6, 1e-12, 2e6 * 1e-6, 1e-24)):
        close(found[k], slope * plain[k], 1e-12)


class Counted:
    """Features that count how often, and at how many points, they are asked for."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x: Coordinates):
        self.calls += 1
        return x.t, torch.cos(x.x), torch.sin(x.x)


@pytest.fixture
def counted():
    """Features, and the jets of a network of them, past the calls that only check."""
    features, mlp = Counted(), ax.MLP([3, 5, 1])
    jet_map = embedded_jets(mlp, InputMap(features), TX, some_operators(TX))
    theta = mlp.init(0)
    jet_map.jets(theta, some_points(4))
    features.calls = 0
    return features, lambda points: jet_map.jets(theta, points)


def test_features_are_made_once_for_a_point_set_and_its_parts(counted):
    features, jets = counted
    points = some_points(30)
    whole = jets(points)
    for part in (slice(0, 10), slice(10, 30), slice(7, 8)):
        assert torch.equal(jets(points[part]), whole[..., part])
    assert torch.equal(jets(points), whole)
    assert features.calls == 1


def test_row_tiles_without_the_whole_are_made_once_each(counted):
    features, jets = counted
    points = some_points(30)
    for _ in range(3):
        for start in range(0, 30, 10):
            jets(points[start : start + 10])
    assert features.calls == 3


def test_points_changed_in_place_are_seen(counted):
    _, jets = counted
    points = some_points(5)
    before = jets(points)
    points += 0.5
    assert not torch.equal(jets(points), before)
    assert torch.equal(jets(points), jets(points.clone()))


def test_strided_points_and_none_at_all(counted):
    _, jets = counted
    points = some_points(8)
    assert torch.equal(jets(points[::2]), jets(points)[..., ::2])
    assert torch.equal(jets(points.T.contiguous().T), jets(points))
    assert jets(points[:0]).shape == (7, 1, 0)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradients_may_be_switched_off(mode):
    input_map, phi, names, _, _ = MAPS["periodic"]
    mlp, wanted = ax.MLP([3, 5, 1]), some_operators(names)
    with mode():
        points = some_points(6)
        found = embedded_jets(mlp, input_map, names, wanted).jets(mlp.init(0), points)
    expected = Expected(mlp, phi, wanted, some_points(6), mlp.init(0))
    close(found.clone(), expected.jets, 1e-12)


def test_threads_that_share_a_map_get_their_own_numbers(counted):
    _, jets = counted
    sets = [some_points(20) + k for k in range(8)]
    alone = [jets(points.clone()) for points in sets]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(jets, sets * 5))
    assert all(torch.equal(found, alone[i % 8]) for i, found in enumerate(together))


# ---------------------------------------------------------------- named maps


@pytest.mark.parametrize(
    "input_map",
    [periodic(x=2.0), periodic(harmonics=3, y=1, x=2), fourier(4, seed=7, x=0.5), scaled(x=(0, 9))],
)
def test_named_maps_are_plain_data(input_map):
    text = json.dumps(input_map.to_dict())
    restored = InputMap.from_dict(json.loads(text))
    assert restored == input_map
    assert torch.equal(restored(XY, some_points(5)), input_map(XY, some_points(5)))


def test_functions_are_no_plain_data():
    assert InputMap(lambda x: (x.x,)).to_dict() is None


def test_features_of_names_not_given_pass_unchanged():
    points = some_points(5)
    features = fourier(2, seed=1, y=0.5)(XY, points)
    assert features.shape == (5, 5)
    assert torch.equal(features[:, 0], points[:, 0])
    assert torch.equal(scaled(y=(0, 2))(XY, points)[:, 0], points[:, 0])
    assert not torch.equal(features, fourier(2, seed=2, y=0.5)(XY, points))


def test_scale_is_the_deviation_of_the_frequencies():
    frequencies = fourier(4000, x=0.5, y=3.0).function.frequencies()
    # the deviation of 4000 normal numbers is known to 1.1 %: five times that
    assert frequencies.std(dim=0).tolist() == pytest.approx([0.5, 3.0], rel=0.056)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"name": "wavelet"},
        {"name": "periodic", "periods": {"x": 2.0}},
        {"name": "periodic", "periods": {"x": 2.0}, "harmonics": 1, "more": 2},
        {"name": "periodic", "periods": {"x": -2.0}, "harmonics": 1},
        {"name": "scaled", "ranges": {}},
    ],
)
def test_wrong_data_are_refused(data):
    with pytest.raises(ValueError, match="inputs"):
        InputMap.from_dict(data)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (periodic, ValueError, "periodic: periods must name at least one coordinate"),
        (lambda: periodic(x=0.0), ValueError, "period of x must be positive and finite, got 0.0"),
        (lambda: periodic(x="2"), TypeError, "period of x must be a number, got '2'"),
        (lambda: periodic(x=2.0, harmonics=0), ValueError, "harmonics must be at least 1, got 0"),
        (lambda: fourier(0, x=1.0), ValueError, "n must be at least 1, got 0"),
        (lambda: fourier(2, x=math.inf), ValueError, "scale of x must be positive and finite"),
        (lambda: scaled(x=(1.0, 1.0)), ValueError, "range of x must increase and be finite"),
        (lambda: scaled(x=3.0), TypeError, "range of x must be a pair of numbers, got 3.0"),
        (lambda: scaled(x=(0.0, math.nan)), ValueError, "range of x must increase"),
        (lambda: InputMap(3), TypeError, "inputs must be a function of the coordinates"),
        (lambda: InputMap.of("x"), TypeError, "inputs must be a function of the coordinates"),
        (lambda: periodic(z=1.0).n_features(TX), ValueError, "got 'z': there are"),
        (lambda: scaled(z=(0, 1)).n_features(TX), ValueError, "got 'z': there are"),
    ],
)
def test_misuse_of_named_maps(make, error, message):
    with pytest.raises(error, match=message):
        make()


# ---------------------------------------------------------------- rules of features


def jets_of(function, points=None, widths=(2, 4, 1), names=TX):
    mlp = ax.MLP(list(widths))
    jet_map = embedded_jets(mlp, InputMap.of(function), names, some_operators(names))
    return jet_map.jets(mlp.init(0), some_points(20) if points is None else points)


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        (lambda x: x, TypeError, "inputs: what they give must be a tuple of tensors"),
        (lambda x: (), ValueError, "inputs must give at least one feature"),
        (lambda x: (x.t, 1.0), TypeError, "feature 1 must be a tensor, got float"),
        (lambda x: (x.t, x.t.sum()), ValueError, r"feature 1 must have shape \[\d+\], got \[\]"),
        (lambda x: (x.t, x.t[:1]), ValueError, r"feature 1 must have shape"),
        (lambda x: x.points[None], ValueError, "inputs must give tensors"),
        (lambda x: (x.t, x.x.float()), TypeError, "feature 1 must be torch.float64"),
        (lambda x: (x.t, x["z"]), ValueError, "inputs: unknown coordinate 'z'"),
        (lambda x: (x.t, x.x, x.x), ValueError, "as its first width, 2, got 3"),
        (lambda x: (x.t, x.x @ x.points @ x.x), ValueError, "inputs: "),
        (lambda x: (x.t, x.x.roll(2)), ValueError, "inputs must be pointwise: feature 1"),
        (lambda x: (x.t, x.x - x.x.mean()), ValueError, "inputs must be pointwise: feature 1"),
        (lambda x: (x.t / len(x.t), x.x), ValueError, "inputs must be pointwise: feature 0"),
        (lambda x: (x.t * WEIGHT, x.x), ValueError, "parameters that require grad.*feature 0"),
        (lambda x: (x.t, torch.log(x.x - 2)), ValueError, "finite derivatives at every point"),
    ],
)
def test_rules_of_features(function, error, message):
    with pytest.raises(error, match=message):
        jets_of(function)


WEIGHT = torch.nn.Parameter(torch.ones((), dtype=torch.float64))


def test_a_singular_point_is_named():
    points = torch.tensor([[0.5, 0.5], [0.0, 0.0]], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"got d\(y\) of feature 0 = .* at x=0, y=0"):
        jets_of(lambda x: (singular(x.x, x.y), x.x), points, names=XY)


def test_a_derivative_that_nobody_asks_for_may_be_infinite():
    """sqrt(x) at 0: its value is all that a boundary condition needs."""
    mlp = ax.MLP([2, 4, 1])
    jet_map = embedded_jets(
        mlp, InputMap(lambda x: (x.t, torch.sqrt(x.x))), TX, (operators.value(2),)
    )
    points = torch.zeros((3, 2), dtype=torch.float64)
    close(jet_map.jets(mlp.init(0), points), mlp(mlp.init(0), points).T[None], 1e-13)


@pytest.mark.parametrize("input_map", [periodic(x=2.0), scaled(x=(0, 2))])
def test_points_and_operators_of_other_coordinates_are_refused(input_map):
    mlp = ax.MLP([input_map.n_features(TX), 4, 1])
    with pytest.raises(ValueError, match="wanted must hold operators of the coordinates"):
        embedded_jets(mlp, input_map, TX, (operators.value(3),))
    jet_map = embedded_jets(mlp, input_map, TX, (operators.value(2),))
    for points in (torch.zeros(3, 3), torch.zeros(4), torch.zeros(2, 2, 2)):
        with pytest.raises(ValueError, match=r"points must have shape \[n, 2\]"):
            jet_map.jets(mlp.init(0), points.double())
