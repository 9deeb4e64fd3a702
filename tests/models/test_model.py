"""Models of several networks, with output maps and unknown coefficients, against torch.func."""

from __future__ import annotations

import math

import pytest
import torch
from torch.func import jacrev, jvp, vmap

import anagram_ext as ax
from anagram_ext.pde import operators
from conformance import check_jet_map
from reference import Network

POINTS = torch.rand((9, 2), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
X, Y = torch.eye(2, dtype=torch.float64)


def partial(f, *directions):
    """The derivative of ``f(point)`` along one direction after the other."""
    if not directions:
        return f
    first, *others = directions
    return partial(lambda at: jvp(f, (at,), (first,))[1], *others)


def check_rows(problem, model, row, device="cpu"):
    """``ax.jacobian`` against ``row(theta, point)`` -> [C] in torch, rows weighted equally."""
    model = ax.Model(model) if isinstance(model, ax.MLP) else model
    whole = model.bound(problem, device)
    theta = whole.init(3)
    r, J = ax.jacobian(problem, whole, theta)
    here = theta.cpu()
    expected = vmap(lambda p: row(here, p), out_dims=1)(POINTS).reshape(-1)
    dense = vmap(lambda p: jacrev(lambda t: row(t, p))(here), out_dims=1)(POINTS)
    dense = dense.reshape(-1, len(here))
    expected, dense = expected / 3, dense / 3  # sqrt of 9 points
    # Of the largest entry: both sides round at 1e-16 of it, and were 1e-15 apart on CPUs.
    for found, right in ((r, expected), (J, dense)):
        allowed = 1e-12 * float(right.abs().max())
        torch.testing.assert_close(found.cpu(), right, rtol=0.0, atol=allowed)
    # The products that a streamed Jacobian is made of, and the gradient.
    streamed = ax.step(problem, whole, theta, cutoff=1e-3, memory="streamed")
    stored = ax.step(problem, whole, theta, cutoff=1e-3, memory="stored")
    torch.testing.assert_close(streamed.theta, stored.theta, rtol=1e-6, atol=1e-7)


def problem_of(residual, fields=("u",), **more):
    return ax.Problem(("x", "y"), fields, {"here": ax.Condition(residual, POINTS)}, **more)


def test_several_networks_and_unknowns(device):
    first, second = Network([2, 6, 1], "tanh"), Network([2, 4, 3, 1], "sin")
    P, Q = 25, 31
    unknowns = {
        "free": ax.Unknown(-2.0),
        "nu": ax.Unknown(0.3, positive=True),
        "share": ax.Unknown(0.5, between=(-1.0, 3.0)),
        "pair": ax.Unknown([0.7, -0.4], size=2),
    }

    def residual(u, k, x, c):
        return (
            c.free * u.d("x") + c.nu * k.d("xy") + c.share * x.x,
            c.pair[0] * u + c.pair[1] * k * u.laplacian(),
        )

    def row(theta, p):
        u = lambda at: first(theta[:P], at)[0]
        k = lambda at: second(theta[P : P + Q], at)[0]
        raw = theta[P + Q :]
        free, nu = 2 * raw[0], 0.3 * raw[1].exp()
        share, pair = -1 + 4 * raw[2].sigmoid(), (0.7 * raw[3], 0.4 * raw[4])
        laplacian = partial(u, X, X)(p) + partial(u, Y, Y)(p)
        return torch.stack(
            [
                free * partial(u, X)(p) + nu * partial(k, X, Y)(p) + share * p[0],
                pair[0] * u(p) + pair[1] * k(p) * laplacian,
            ]
        )

    model = ax.Model({"u": ax.MLP([2, 6, 1]), "k": ax.MLP([2, 4, 3, 1], "sin")})
    problem = problem_of(residual, ("u", "k"), unknowns=unknowns)
    check_rows(problem, model, row, device)
    whole = model.bound(problem)
    assert whole.layout["pair"] == slice(P + Q + 3, P + Q + 5)
    values = whole.values(whole.init(0))
    assert values == {
        "free": pytest.approx(-2.0),
        "nu": pytest.approx(0.3),
        "share": pytest.approx(0.5),
        "pair": pytest.approx((0.7, -0.4)),
    }


MAPS = {
    "affine": lambda u, x: torch.sin(x.x) + x.x * (1 - x.y**2) * u,
    "exponential": lambda u, x: torch.exp(x.y * u),
    "with a derivative": lambda u, x: x.x * u + u.d("y") / (1 + x.y),
}
TWINS = {  # the same functions, of f(point) -> number
    "affine": lambda f: lambda p: torch.sin(p[0]) + p[0] * (1 - p[1] ** 2) * f(p),
    "exponential": lambda f: lambda p: torch.exp(p[1] * f(p)),
    "with a derivative": lambda f: lambda p: p[0] * f(p) + partial(f, Y)(p) / (1 + p[1]),
}


@pytest.mark.parametrize("name", MAPS)
def test_output_maps(name, device):
    net = Network([2, 5, 1], "tanh")

    def residual(u, x):  # noqa: ARG001 -- as the interface wants it
        return u.laplacian() + u * u.d("x"), u.d("xxy") - u.d("y")

    def row(theta, p):
        u = TWINS[name](lambda at: net(theta, at)[0])
        laplacian = partial(u, X, X)(p) + partial(u, Y, Y)(p)
        return torch.stack(
            [laplacian + u(p) * partial(u, X)(p), partial(u, X, X, Y)(p) - partial(u, Y)(p)]
        )

    model = ax.Model(ax.MLP([2, 5, 1]), outputs=MAPS[name])
    check_rows(problem_of(residual), model, row, device)


INPUTS = {
    "periodic": (ax.periodic(x=0.7), lambda p: (torch.cos(W * p[0]), torch.sin(W * p[0]), p[1])),
    "a function": (
        lambda x: (x.x * x.y, torch.exp(-x.x), x.y),
        lambda p: (p[0] * p[1], torch.exp(-p[0]), p[1]),
    ),
}
W = 2 * math.pi / 0.7


@pytest.mark.parametrize("name", INPUTS)
def test_input_maps(name, device):
    net = Network([3, 5, 1], "tanh")
    inputs, twin = INPUTS[name]

    def residual(u, x, c):  # noqa: ARG001 -- as the interface wants it
        return c.a * u.laplacian() + u * u.d("x"), u.d("xxy") - u.d("y")

    def row(theta, p):
        u = TWINS["affine"](lambda at: net(theta[:26], torch.stack(twin(at)))[0])
        laplacian = partial(u, X, X)(p) + partial(u, Y, Y)(p)
        return torch.stack(
            [
                theta[26] * laplacian + u(p) * partial(u, X)(p),
                partial(u, X, X, Y)(p) - partial(u, Y)(p),
            ]
        )

    model = ax.Model(ax.MLP([3, 5, 1]), inputs=inputs, outputs=MAPS["affine"])
    check_rows(problem_of(residual, unknowns={"a": ax.Unknown(1.0)}), model, row, device)


def test_a_periodic_network_is_periodic_and_its_checkpoint_knows(tmp_path):
    model = ax.Model(ax.MLP([3, 5, 1]), inputs=ax.periodic(x=0.7), coordinates=("x", "y"))
    theta = model.init(0)
    shifted = POINTS + torch.tensor([0.7, 0.0])
    torch.testing.assert_close(model(theta, POINTS), model(theta, shifted))
    problem = problem_of(lambda u, x: u.d("x") - 1.0)
    run = ax.train(problem, model, steps=1, progress=False, out=tmp_path)
    loaded, found = ax.load(tmp_path / "model.safetensors")
    torch.testing.assert_close(loaded(found, POINTS), run.model(run.theta, POINTS))


def test_a_checkpoint_with_functions_asks_for_the_model(tmp_path):
    path = tmp_path / "model.safetensors"
    problem = problem_of(lambda u, x: u.d("x") - 1.0)
    for more in ({"inputs": INPUTS["a function"][0]}, {"outputs": MAPS["affine"]}):
        model = ax.Model(ax.MLP([3 if "inputs" in more else 2, 5, 1]), **more)
        run = ax.train(problem, model, steps=1, progress=False, out=tmp_path)
        with pytest.raises(ValueError, match="model must be given"):
            ax.load(path)
        loaded, theta = ax.load(path, run.model)
        torch.testing.assert_close(loaded(theta, POINTS), run.model(run.theta, POINTS))
        other = ax.Model(ax.MLP([2, 6, 1]))
        with pytest.raises(ValueError, match="model must be"):
            ax.load(path, other)


def test_a_stream_function_makes_two_fields():
    net = Network([2, 5, 1], "tanh")
    model = ax.Model(ax.MLP([2, 5, 1]), outputs=lambda psi, x: (psi.d("y"), -psi.d("x")))

    def row(theta, p):
        psi = lambda at: net(theta, at)[0]
        u, v = partial(psi, Y), lambda at: -partial(psi, X)(at)
        return torch.stack([partial(u, X)(p) + u(p) * v(p), partial(v, X)(p) - partial(u, Y)(p)])

    problem = problem_of(lambda u, v, x: (u.d("x") + u * v, v.d("x") - u.d("y")), fields=("u", "v"))
    check_rows(problem, model, row)


def test_fields_and_derivatives_can_be_evaluated():
    net = Network([2, 5, 1], "tanh")
    model = ax.Model(ax.MLP([2, 5, 1]), outputs=MAPS["exponential"], coordinates=("x", "y"))
    theta = model.init(0)
    found = model.jet(theta, POINTS, ("", "xy"))
    u = TWINS["exponential"](lambda at: net(theta, at)[0])
    torch.testing.assert_close(found[""][:, 0], vmap(u)(POINTS))
    torch.testing.assert_close(found["xy"][:, 0], vmap(partial(u, X, Y))(POINTS))
    torch.testing.assert_close(model(theta, POINTS), found[""])


@pytest.mark.parametrize("expression", ["plain", "twice", "mapped"])
def test_derivatives_of_expressions(expression, device):
    first, second = Network([2, 5, 1], "tanh"), Network([2, 4, 1], "tanh")
    P = 21

    def residual(u, k, x):
        flux = (x.y + k) * u.d("x")
        if expression == "twice":
            return ax.d(torch.sin(x.x) * ax.d(k * u, "y"), "x", "y")
        return ax.d(flux, "x") + ax.d(k * k, "y")

    def row(theta, p):
        f = lambda at: first(theta[:P], at)[0]
        u = TWINS["affine"](f) if expression == "mapped" else f
        k = lambda at: second(theta[P:], at)[0]
        if expression == "twice":
            inner = lambda at: torch.sin(at[0]) * partial(lambda q: k(q) * u(q), Y)(at)
            return partial(inner, X, Y)(p)[None]
        flux = lambda at: (at[1] + k(at)) * partial(u, X)(at)
        return (partial(flux, X)(p) + partial(lambda at: k(at) ** 2, Y)(p))[None]

    outputs = None
    if expression == "mapped":
        outputs = lambda u, k, x: (MAPS["affine"](u, x), k)
    networks = {"u": ax.MLP([2, 5, 1]), "k": ax.MLP([2, 4, 1])}
    check_rows(problem_of(residual, ("u", "k")), ax.Model(networks, outputs), row, device)


def test_the_protocol():
    model = ax.Model({"u": ax.MLP([2, 4, 1]), "k": ax.MLP([2, 3, 1])})
    nets = Network([2, 4, 1], "tanh"), Network([2, 3, 1], "tanh")
    wanted = tuple(operators.derivative((name,), ("x", "y")) for name in ("", "xy"))

    def reference(theta):
        parts = theta[:17], theta[17:]
        return torch.stack(
            [
                torch.stack(
                    [
                        vmap(partial(lambda at, n=n, t=t: n(t, at)[0], *along))(POINTS)
                        for n, t in zip(nets, parts, strict=True)
                    ]
                )
                for along in ((), (X, Y))
            ]
        )

    check_jet_map(model, model.init(0), POINTS, wanted, reference)


def test_a_hard_constraint_is_met_before_any_training_and_the_solution_is_found():
    strip = ax.Box(t=(0, 1), x=(0, 1))
    k = 0.25
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {"pde": ax.Condition(lambda u, x: u.d("t") - k * u.d("xx"), strip.grid(24))},
        solution=lambda x: torch.exp(-k * math.pi**2 * x.t) * torch.sin(math.pi * x.x),
    )
    model = ax.Model(
        ax.MLP([2, 24, 1]),
        outputs=lambda u, x: torch.sin(math.pi * x.x) + x.t * x.x * (1 - x.x) * u,
        coordinates=("t", "x"),
    )
    start = strip.face(t=0).grid(30)
    torch.testing.assert_close(model(model.init(0), start)[:, 0], torch.sin(math.pi * start[:, 1]))
    assert ax.train(problem, model, steps=40, progress=False).l2_error < 1e-6


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ax.Model({"u": ax.MLP([2, 3, 1]), "k": ax.MLP([1, 3, 1])}), "number of inputs"),
        (lambda: ax.Model({("u", "v"): ax.MLP([2, 3, 1])}), "one name for each of 1 outputs"),
        (lambda: ax.Model({}), "at least one network"),
        (
            lambda: ax.Model({"k": ax.MLP([2, 3, 1])}).bound(problem_of(lambda u, x: u)),
            "named",
        ),
        (lambda: ax.Model(ax.MLP([3, 3, 1])).bound(problem_of(lambda u, x: u)), "2 inputs"),
        (lambda: ax.Model(ax.MLP([2, 3, 2])).bound(problem_of(lambda u, x: u)), "1 outputs"),
    ],
)
def test_models_that_do_not_fit_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (lambda u, x: (u, u), "each of the fields"),
        (lambda u, x: 3.0, "must return tensors"),
        (lambda u, x: u.value.sum(), "shape"),
        (lambda u, x: u.d("z"), "unknown derivative"),
    ],
)
def test_output_maps_that_break_the_rules_are_refused(outputs, message):
    model = ax.Model(ax.MLP([2, 3, 1]), outputs=outputs)
    with pytest.raises((ValueError, TypeError), match=message):
        ax.jacobian(problem_of(lambda u, x: u.d("x")), model, model.init(0))


def test_expressions_outside_of_a_residual_cannot_be_differentiated():
    with pytest.raises(ValueError, match="within a residual"):
        ax.d(torch.ones(3), "x")
