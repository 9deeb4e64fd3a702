"""Conditions that hold integrals: rows against torch.func, and the problems they are made for."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.func import jvp, vmap

import anagram_ext as ax
from anagram_ext.analysis.features import residual_features
from anagram_ext.systems import integral_jets, quadratures
from anagram_ext.systems.pde_system import PdeSystem
from conformance import check_rows_of
from reference import Network

SQUARE = ax.Box(x=(0, 1), y=(-1, 1))
LINE = ax.Box(x=(0, 1))
NODES = SQUARE.quadrature(4, 3)
POINTS = torch.rand((6, 2), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
X, Y = torch.eye(2, dtype=torch.float64)


def along(f, direction):
    return lambda at: jvp(f, (at,), (direction,))[1]


def problem_of(condition, fields=("u",), **more):
    return ax.Problem(("x", "y"), fields, {"whole": condition}, **more)


def gauss(lower, upper, n):
    at, weight = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(n))
    return (lower + upper) / 2 + (upper - lower) / 2 * at, (upper - lower) / 2 * weight


@pytest.fixture(params=["whole", "tiled"])
def tiles(request, monkeypatch):
    """Everything at once, or a node, a row and a parameter vector at a time."""
    if request.param == "tiled":
        monkeypatch.setattr(quadratures, "_TILE_BYTES", 1)
        monkeypatch.setattr(integral_jets, "_BATCH_BYTES", 1)


@pytest.mark.usefixtures("tiles")
def test_rows_of_integrals_against_torch(device):
    first, second = Network([2, 5, 1], "tanh"), Network([2, 4, 1], "sin")
    P, Q = 21, 17

    def integrand(u, k, x, c):
        return u**2 * x.x, k.d("y") * torch.sin(u) - c.mean, ax.d(k * u.d("x"), "y")

    def residual(theta):
        u = lambda at: at[0] * first(theta[:P], at)[0]
        k = lambda at: second(theta[P : P + Q], at)[0]

        def at_node(at):
            flux = along(lambda q: k(q) * along(u, X)(q), Y)
            return torch.stack(
                [
                    u(at) ** 2 * at[0],
                    along(k, Y)(at) * torch.sin(u(at)) - 0.4 * theta[-1].exp(),
                    flux(at),
                ]
            )

        total = NODES.weights @ vmap(at_node)(NODES.as_subclass(torch.Tensor))
        return math.sqrt(2.5) * (total - torch.tensor([1.0, -2.0, 0.5]).double())

    model = ax.Model(
        {"u": ax.MLP([2, 5, 1]), "k": ax.MLP([2, 4, 1], "sin")},
        outputs=lambda u, k, x: (x.x * u, k),
    )
    condition = ax.Integral(integrand, NODES, equals=(1.0, -2.0, 0.5), weight=2.5)
    problem = problem_of(condition, ("u", "k"), unknowns={"mean": ax.Unknown(0.4, positive=True)})
    check_rows_of(problem, model, residual, device)


@pytest.mark.usefixtures("tiles")
@pytest.mark.parametrize("over", ["shared", "up to", "across", "function"])
def test_rows_with_an_integral_each_against_torch(device, over):
    net = Network([2, 6, 1], "tanh")

    def function(points):  # a half circle around each point, of another size
        angle, weight = gauss(0.0, math.pi, 5)
        circle = torch.stack([angle.cos(), angle.sin()], dim=1)
        radius = 0.1 + points[:, :1]
        return points[:, None] + radius[:, :, None] * circle, radius * weight

    rules = {
        "shared": NODES,
        "up to": SQUARE.up_to("y", 4),
        "across": SQUARE.across("x", 4),
        "function": function,
    }

    def nodes_of(p):
        if over == "shared":
            return NODES.as_subclass(torch.Tensor), NODES.weights
        if over == "function":
            nodes, weights = function(p[None])
            return nodes[0], weights[0]
        if over == "up to":
            y, weights = gauss(torch.tensor(-1.0).double(), p[1], 4)
            return torch.stack([p[0].expand(4), y], dim=1), weights
        x, weights = gauss(0.0, 1.0, 4)
        return torch.stack([x, p[1].expand(4)], dim=1), weights

    condition = ax.IntegroDifferential(
        lambda u, x, S: (u.d("xx") * S[0] - x.y * u, S[1] ** 2 + S[0] * x.x),
        POINTS,
        integrand=lambda u, y, x: (torch.exp(x.x * y.y) * u * u.d("y"), ax.d(y.x * u, "x") - x.y),
        over=rules[over],
    )

    def residual(theta):
        u = lambda at: net(theta, at)[0]

        def row(p):
            nodes, weights = nodes_of(p)

            def at_node(at):
                product = lambda q: q[0] * u(q)
                return torch.stack(
                    [
                        torch.exp(p[0] * at[1]) * u(at) * along(u, Y)(at),
                        along(product, X)(at) - p[1],
                    ]
                )

            first, second = weights @ vmap(at_node)(nodes)
            curvature = along(along(u, X), X)(p)
            return torch.stack([curvature * first - p[1] * u(p), second**2 + first * p[0]])

        # Not vmap over points: the rules are plain functions of them.
        return torch.stack([row(p) for p in POINTS], dim=1).reshape(-1) / 6**0.5

    check_rows_of(problem_of(condition), ax.MLP([2, 6, 1]), residual, device)


def test_gauss_quadratures_integrate_polynomials_and_know_areas():
    for region, area in ((SQUARE, 2.0), (SQUARE.face(x=1), 2.0), (SQUARE.boundary(), 6.0)):
        points = region.quadrature(3)
        assert abs(float(points.weights.sum()) - area) < 1e-13
        assert bool(region.contains(points).all())
    x, y = NODES.unbind(1)
    assert abs(float(NODES.weights @ (x**7 * (1 + y) ** 5)) - 64 / 6 / 8) < 1e-13
    assert SQUARE.face(x=1).quadrature(2).normals.tolist() == [[1.0, 0.0]] * 2


def test_integrals_and_equations_have_the_rows_that_they_should():
    conditions = {
        "mean": ax.Integral(lambda u, x: u, NODES),
        "equation": ax.IntegroDifferential(
            lambda u, x, S: u - S,
            SQUARE.sobol(9).redrawn(),
            integrand=lambda u, y, x: u,
            over=SQUARE.up_to("x", 3),
        ),
    }
    system = PdeSystem(ax.Problem(("x", "y"), ("u",), conditions), ax.MLP([2, 4, 1]))
    theta = system.model.init(0)
    assert system.row_slices == {"mean": slice(0, 1), "equation": slice(1, 10)}
    held_out = system.held_out()
    assert held_out["mean"] is None
    assert held_out["equation"].n_rows == 9
    before = system.residual(theta)
    system.redraw(theta)
    after = system.residual(theta)
    assert float(before[0]) == float(after[0])
    assert not torch.allclose(before[1:], after[1:])


def test_an_integral_is_no_residual_of_single_points():
    problem = problem_of(ax.Integral(lambda u, x: u, NODES))
    model = ax.MLP([2, 4, 1])
    with pytest.raises(ValueError, match="'whole' must make sense at single points"):
        residual_features(problem, model, model.init(0), POINTS, "whole")


def test_float32_follows_float64():
    condition = ax.Integral(lambda u, x: u**2, NODES, equals=1.0)
    single = ax.MLP([2, 5, 1], dtype=torch.float32)
    double = ax.MLP([2, 5, 1])
    r, J = ax.jacobian(problem_of(condition), single, single.init(0))
    r64, J64 = ax.jacobian(problem_of(condition), double, single.init(0).double())
    torch.testing.assert_close(r.double(), r64, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(J.double(), J64, rtol=1e-4, atol=1e-6)


def test_neumann_poisson_is_fixed_by_its_mean():
    # -u'' - u_yy = 2 pi^2 cos cos: any constant solves it, the mean makes it one.
    square = ax.Box(x=(0, 1), y=(0, 1))
    f = lambda x: torch.cos(math.pi * x.x) * torch.cos(math.pi * x.y)
    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "pde": ax.Condition(
                lambda u, x: u.laplacian() + 2 * math.pi**2 * f(x), square.grid(20)
            ),
            "x walls": ax.Condition(lambda u, x: u.d("x"), square.faces("x").grid(20)),
            "y walls": ax.Condition(lambda u, x: u.d("y"), square.faces("y").grid(20)),
            "mean": ax.Integral(lambda u, x: u, square.quadrature(16), equals=0.3),
        },
        solution=lambda x: 0.3 + f(x),
    )
    assert ax.train(problem, ax.MLP([2, 24, 1]), steps=80, progress=False).l2_error < 1e-6


def test_an_eigenvalue_is_an_unknown_beside_a_norm():
    # -u'' = lambda u, u(0) = u(1) = 0, integral of u^2 = 1: lambda = pi^2.
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x, c: u.d("xx") + c.E * u, LINE.grid(24)),
            "ends": ax.Condition(lambda u, x: u, LINE.faces("x").grid(1)),
            "norm": ax.Integral(lambda u, x: u**2, LINE.quadrature(20), equals=1.0),
        },
        unknowns={"E": ax.Unknown(8.0)},
    )
    run = ax.train(problem, ax.MLP([1, 16, 1]), steps=100, progress=False)
    assert abs(run.model.values(run.theta)["E"] - math.pi**2) < 1e-10 * math.pi**2


def test_fredholm_of_the_second_kind():
    # u(x) = exp(x) - x + integral of x y u(y) over [0, 1]: u = exp.
    equation = ax.IntegroDifferential(
        lambda u, x, S: u - torch.exp(x.x) + x.x - S,
        LINE.grid(20),
        integrand=lambda u, y, x: x.x * y.x * u,
        over=LINE.quadrature(12),
    )
    problem = ax.Problem(("x",), ("u",), {"eq": equation}, solution=lambda x: torch.exp(x.x))
    assert ax.train(problem, ax.MLP([1, 12, 1]), steps=60, progress=False).l2_error < 1e-9


def test_volterra_with_redrawn_points():
    # u(x) = x - integral of (x - y) u(y) up to x: u = sin.
    equation = ax.IntegroDifferential(
        lambda u, x, S: u - x.x + S,
        LINE.sobol(24).redrawn(),
        integrand=lambda u, y, x: (x.x - y.x) * u,
        over=LINE.up_to("x", 10),
    )
    problem = ax.Problem(("x",), ("u",), {"eq": equation}, solution=lambda x: torch.sin(x.x))
    assert ax.train(problem, ax.MLP([1, 12, 1]), steps=60, progress=False).l2_error < 1e-9


def test_lines_at_one_time_go_with_windows_of_time():
    # u_t = mean of u over x at the time, u = 1 + x at first: u = x - 1/2 + 3/2 exp(t).
    strip = ax.Box(t=(0, 1), x=(0, 1))

    def problem_over(over):
        conditions = {
            "equation": ax.IntegroDifferential(
                lambda u, x, S: u.d("t") - S,
                strip.grid(12),
                integrand=lambda u, y, x: u,
                over=over,
            ),
            "start": ax.Condition(lambda u, x: u - 1 - x.x, strip.face(t=0).grid(12)),
        }
        exact = lambda x: x.x - 0.5 + 1.5 * torch.exp(x.t)
        return ax.Problem(("t", "x"), ("u",), conditions, solution=exact)

    model = ax.MLP([2, 10, 1])
    options = {"windows": 2, "steps": 60, "progress": False}
    assert ax.march(problem_over(strip.across("x", 6)), model, **options).l2_error < 3e-6
    for over in (strip.up_to("t", 6), strip.face(t=0).quadrature(6)):
        with pytest.raises(ValueError, match="'equation': an IntegroDifferential must"):
            ax.march(problem_over(over), model, **options)


def test_a_run_with_integrals_writes_its_files(tmp_path):
    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x: u.laplacian() - 1, SQUARE.grid(5)),
            "mean": ax.Integral(lambda u, x: u, NODES),
            "seam": ax.Paired(lambda a, b: a.u - b.u, SQUARE.opposite("x").grid(5)),
        },
        solution=lambda x: x.x,
    )
    ax.train(problem, ax.MLP([2, 5, 1]), steps=3, progress=False, out=tmp_path)
    assert (tmp_path / "summary.json").is_file()
    assert list(tmp_path.glob("*.png"))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ax.Integral(3, NODES), TypeError, "integrand must be callable"),
        (lambda: ax.Integral(abs, SQUARE.grid(3)), ValueError, "points must be Points that carry"),
        (lambda: ax.Integral(abs, POINTS), TypeError, "points must be Points that carry"),
        (lambda: ax.Integral(abs, SQUARE.sobol(3)), TypeError, "points must be Points that carry"),
        (lambda: ax.Integral(abs, NODES, equals="1"), TypeError, "equals must be numbers"),
        (lambda: ax.Integral(abs, NODES, equals=(1, "1")), TypeError, "equals must be a number"),
        (lambda: ax.Integral(abs, NODES, equals=math.inf), ValueError, "equals must be finite"),
        (lambda: ax.Integral(abs, NODES, weight=0.0), ValueError, "weight must be positive"),
        (
            lambda: ax.Integral(abs, ax.Points(POINTS, weights=torch.full((6,), math.nan))),
            ValueError,
            "finite weights",
        ),
        (
            lambda: ax.Integral(abs, ax.Points(POINTS[:0], weights=torch.ones(0))),
            ValueError,
            "at least one node",
        ),
        (
            lambda: problem_of(ax.Integral(abs, ax.Box(y=(0, 1), x=(0, 1)).quadrature(3))),
            ValueError,
            "'whole'.*in this order",
        ),
        (
            lambda: ax.IntegroDifferential(abs, POINTS, integrand=3, over=NODES),
            TypeError,
            "integrand must be callable",
        ),
        (
            lambda: ax.IntegroDifferential(abs, POINTS, integrand=abs, over=POINTS),
            TypeError,
            "over must be Points that carry weights",
        ),
        (
            lambda: problem_of(
                ax.IntegroDifferential(abs, POINTS, integrand=abs, over=LINE.up_to("x", 3))
            ),
            ValueError,
            "over of condition 'whole'",
        ),
        (lambda: SQUARE.up_to("z", 3), ValueError, "unknown coordinate"),
        (lambda: SQUARE.across("x", 0), ValueError, "count must be at least 1"),
        (lambda: SQUARE.quadrature(0), ValueError, "counts must be at least 1"),
    ],
)
def test_nonsense_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def equation(residual=lambda u, x, S: u - S, integrand=lambda u, y, x: u, over=NODES):
    return ax.IntegroDifferential(residual, POINTS, integrand=integrand, over=over)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (ax.Integral(lambda u, x: u.d("z"), NODES), "'whole'.*unknown derivative"),
        (ax.Integral(lambda u, x: x.x, NODES), "'whole': integrand component 0 does not depend"),
        (ax.Integral(lambda u, x: u.value.roll(1), NODES), "'whole': integrand is not pointwise"),
        (
            ax.Integral(lambda u, x: u.value.sum(), NODES),
            "'whole': integrand component 0 must have",
        ),
        (ax.Integral(lambda u, x: (u, u), NODES), "'whole': equals must hold one value for each"),
        (equation(lambda u, x, S: ax.d(u * S, "x")), "'whole': an integral must not be diff"),
        (equation(lambda u, x, S: S.d("x")), "'whole': an integral must not be differentiated"),
        (equation(over=lambda p: p), "'whole': over must return nodes and weights"),
        (equation(over=lambda p: (p, p)), "'whole': over must return nodes"),
        (equation(over=lambda p: (p[:, None], p[:, :1] * math.nan)), "finite nodes"),
    ],
)
def test_functions_that_break_the_rules_are_refused(condition, message):
    model = ax.MLP([2, 3, 1])
    with pytest.raises((ValueError, TypeError), match=message):
        ax.jacobian(problem_of(condition), model, model.init(0))


@pytest.mark.parametrize(
    ("integrand", "message"),
    [
        (lambda u, x: u / (x.x - x.x[4]), "integrand is not finite at x="),
        (lambda u, x: torch.sqrt(u - u) + u, "derivative of the integrand is not finite at x="),
    ],
)
def test_what_is_not_finite_is_named(integrand, message):
    model = ax.MLP([2, 3, 1])
    problem = problem_of(ax.Integral(integrand, NODES))
    with pytest.raises(ax.NonFiniteError, match=f"'whole': {message}"):
        ax.train(problem, model, steps=2, progress=False)
