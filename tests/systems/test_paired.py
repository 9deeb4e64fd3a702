"""Conditions between two points: rows against torch.func, and the problems they are made for."""

from __future__ import annotations

import math

import pytest
import torch
from torch.func import jvp, vmap

import anagram_ext as ax
from anagram_ext.systems import paired
from anagram_ext.systems.pde_system import PdeSystem
from conformance import check_rows_of
from reference import Network

RNG = torch.Generator().manual_seed(1)
A = torch.rand((7, 2), generator=RNG, dtype=torch.float64)
B = torch.rand((7, 2), generator=RNG, dtype=torch.float64)
T, X = torch.eye(2, dtype=torch.float64)
STRIP = ax.Box(t=(0, 1), x=(0, 2))


def along(f, direction):
    return lambda at: jvp(f, (at,), (direction,))[1]


def problem_of(residual, points, fields=("u",), **more):
    return ax.Problem(("t", "x"), fields, {"seam": ax.Paired(residual, points)}, **more)


def by_pair(row):
    """The residual vector of ``row(theta, a, b)`` -> [C], rows weighted as in a mean."""

    def residual(theta):
        return vmap(lambda a, b: row(theta, a, b), out_dims=1)(A, B).reshape(-1) / 7**0.5

    return residual


@pytest.mark.parametrize("tile_bytes", [None, 1])
def test_rows_of_pairs_against_torch(device, monkeypatch, tile_bytes):
    if tile_bytes:
        monkeypatch.setattr(paired, "_TILE_BYTES", tile_bytes)
    net = Network([2, 6, 1], "tanh")

    def residual(a, b):
        return a.u - b.u, a.u.d("x") * b.at.t - b.u.d("xx") * a.u + a.at.x

    def row(theta, a, b):
        u = lambda at: net(theta, at)[0]
        return torch.stack(
            [u(a) - u(b), along(u, X)(a) * b[0] - along(along(u, X), X)(b) * u(a) + a[1]]
        )

    check_rows_of(problem_of(residual, (A, B)), ax.MLP([2, 6, 1]), by_pair(row), device)


def test_several_networks_unknowns_output_maps_and_derivatives_of_expressions(device):
    first, second = Network([2, 5, 1], "tanh"), Network([2, 4, 1], "sin")
    P, Q = 21, 17

    def residual(a, b, x, c):
        flux = ax.d(a.k * a.u.d("x"), "x")
        together = ax.d(a.u * b.k * torch.sin(x.t) * b.at.x, "t")
        return flux - c.jump * ax.d(b.k * b.u, "t"), together

    def row(theta, a, b):
        u = lambda at: at[1] * first(theta[:P], at)[0]
        k = lambda at: second(theta[P : P + Q], at)[0]
        jump = -3 * theta[-1] * -1
        flux = along(lambda at: k(at) * along(u, X)(at), X)(a)
        both = lambda ab: u(ab[:2]) * k(ab[2:]) * torch.sin(ab[0]) * ab[3]
        moved = along(both, torch.cat([T, T]))(torch.cat([a, b]))
        return torch.stack([flux - jump * along(lambda at: k(at) * u(at), T)(b), moved])

    model = ax.Model(
        {"u": ax.MLP([2, 5, 1]), "k": ax.MLP([2, 4, 1], "sin")},
        outputs=lambda u, k, x: (x.x * u, k),
    )
    unknowns = {"jump": ax.Unknown(-3.0)}
    problem = problem_of(residual, (A, B), ("u", "k"), unknowns=unknowns)
    check_rows_of(problem, model, by_pair(row), device)


def test_opposite_faces_face_each_other():
    box = ax.Box(t=(0, 1), x=(0, 2), y=(-1, 3))
    pairs = box.opposite("x", "y").grid(3)
    a, b = pairs.chunk(2, dim=1)
    assert pairs.shape == (18, 6)
    assert torch.equal(a[:9, 1], torch.zeros(9).double())
    assert torch.equal(b[:9, 1], torch.full((9,), 2.0).double())
    assert torch.equal(b[9:, 2], torch.full((9,), 3.0).double())
    assert torch.equal(a[:9][:, [0, 2]], b[:9][:, [0, 2]])
    assert torch.equal(a[9:][:, [0, 1]], b[9:][:, [0, 1]])
    region = box.opposite("x", "y")
    for sampler in (region.sobol(11), region.uniform(11), region.latin_hypercube(11)):
        assert bool(region.contains(sampler(3)).all())
        assert torch.equal(sampler(3), sampler(3))
    assert not bool(region.contains(torch.cat([a, b + 0.1], dim=1)).any())
    assert region.bounds == ((0, 1), (0, 2), (-1, 3))
    assert region.stratified(2, 3).n_points == 12


def test_redrawn_pairs_change_and_held_out_ones_are_pairs():
    walls = STRIP.opposite("x")
    seam = lambda a, b: (a.u - b.u, a.at.x - b.at.x + 2 + 0 * a.u)
    model = ax.MLP([2, 5, 1])
    theta = model.init(0)
    drawn = PdeSystem(problem_of(seam, walls.sobol(8).redrawn()), model)
    before = drawn.residual(theta)
    drawn.redraw(theta)
    after = drawn.residual(theta)
    assert not torch.allclose(before[:8], after[:8])
    assert torch.equal(after[8:], torch.zeros(8).double())
    chosen = PdeSystem(problem_of(seam, walls.sobol(40).adaptive(8)), model)
    chosen.redraw(theta)
    assert torch.equal(chosen.residual(theta)[8:], torch.zeros(8).double())
    fixed = PdeSystem(problem_of(seam, walls.grid(8)), model).held_out()["seam"]
    held = fixed.residuals(theta[None])[0]
    assert held.shape == (16,)
    assert torch.equal(held[8:], torch.zeros(8).double())
    assert PdeSystem(problem_of(seam, (A, B)), model).held_out() == {"seam": None}


def test_a_periodic_wave_is_found():
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x: u.d("t") + u.d("x"), STRIP.grid(24)),
            "start": ax.Condition(
                lambda u, x: u - torch.sin(math.pi * x.x), STRIP.face(t=0).grid(30)
            ),
            "seam": ax.Paired(
                lambda a, b: (a.u - b.u, a.u.d("x") - b.u.d("x")), STRIP.opposite("x").sobol(30)
            ),
        },
        solution=lambda x: torch.sin(math.pi * (x.x - x.t)),
    )
    assert ax.train(problem, ax.MLP([2, 20, 1]), steps=60, progress=False).l2_error < 1e-6


@pytest.mark.parametrize("random", [False, True])
def test_pairs_go_with_windows_of_time(random):
    walls = STRIP.opposite("x")
    start = lambda u, x: u - torch.sin(math.pi * x.x)
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x: u.d("t") + u.d("x"), STRIP.grid(16)),
            "start": ax.Condition(start, STRIP.face(t=0).grid(30)),
            "seam": ax.Paired(
                lambda a, b: (a.u - b.u, a.u.d("x") - b.u.d("x"), a.at.t - b.at.t + 0 * a.u),
                walls.sobol(20).redrawn() if random else walls.grid(20),
            ),
        },
        solution=lambda x: torch.sin(math.pi * (x.x - x.t)),
    )
    found = ax.march(problem, ax.MLP([2, 16, 1]), windows=2, steps=80, progress=False)
    assert found.l2_error < 1e-5


def test_an_integral_over_all_times_is_not_marched():
    conditions = {
        "start": ax.Condition(lambda u, x: u, STRIP.face(t=0).grid(3)),
        "mass": ax.Integral(lambda u, x: u, STRIP.quadrature(3)),
    }
    problem = ax.Problem(("t", "x"), ("u",), conditions)
    with pytest.raises(ValueError, match="'mass': an Integral must not be marched"):
        ax.march(problem, ax.MLP([2, 4, 1]), windows=2)


@pytest.mark.filterwarnings("ignore::anagram_ext.HeldOutWarning")  # far below what is asked for
def test_units_far_from_one_go_with_pairs():
    # Metres and seconds of light: x in 1e-7, t in 1e-15; periodic transport.
    length, time = 2e-7, 1e-15
    strip = ax.Box(t=(0, time), x=(0, length))
    k = 2 * math.pi / length
    speed = length / time
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x: (u.d("t") + speed * u.d("x")) * time, strip.grid(24)),
            "start": ax.Condition(lambda u, x: u - torch.sin(k * x.x), strip.face(t=0).grid(30)),
            "seam": ax.Paired(lambda a, b: a.u - b.u, strip.opposite("x").grid(40)),
            "mass": ax.Integral(lambda u, x: u / length, strip.face(t=0).quadrature(12)),
        },
        solution=lambda x: torch.sin(k * (x.x - speed * x.t)),
    )
    assert ax.train(problem, ax.MLP([2, 20, 1]), steps=60, progress=False).l2_error < 1e-4


def test_a_bloch_wave_takes_its_phase_across_the_cell():
    # -psi'' = E psi on a cell of length 1 with psi(1) = exp(i kappa) psi(0): E = kappa^2.
    kappa, cell = 1.3, ax.Box(x=(0, 1))
    c, s = math.cos(kappa), math.sin(kappa)

    def seam(a, b):
        rows = []
        for order in ((), ("x",)):
            re, im = (a[name].d(*order) if order else a[name].value for name in ("re", "im"))
            far = (b[name].d(*order) if order else b[name].value for name in ("re", "im"))
            rows += [x - y for x, y in zip(far, (c * re - s * im, s * re + c * im), strict=True)]
        return tuple(rows)

    problem = ax.Problem(
        ("x",),
        ("re", "im"),
        {
            "equation": ax.Condition(
                lambda re, im, x, k: (re.d("xx") + k.E * re, im.d("xx") + k.E * im), cell.grid(24)
            ),
            "phase": ax.Paired(seam, cell.opposite("x").grid(1)),
            "gauge": ax.Condition(lambda re, im, x: (re - 1, im), cell.face(x=0).grid(1)),
        },
        unknowns={"E": ax.Unknown(1.0, positive=True)},
    )
    run = ax.train(problem, ax.MLP([1, 12, 2]), steps=60, progress=False)
    assert abs(run.model.values(run.theta)["E"] - kappa**2) < 1e-8


def test_an_interface_of_two_networks_balances_its_flux():
    # (k u')' = 0, k = 1 left and 100 right of 1/2, u(0) = 0, u(1) = 1: a kink with equal flux.
    left, right = ax.Box(x=(0, 0.5)), ax.Box(x=(0.5, 1))
    q = 1 / (0.5 + 0.5 / 100)
    middle = torch.tensor([[0.5]], dtype=torch.float64)

    def kink(a, b):  # the same point, seen from either side
        return a.u1 - b.u2, a.u1.d("x") - 100 * b.u2.d("x")

    at = {"left": lambda u1, u2, x: u1, "right": lambda u1, u2, x: u2 - 1}
    problem = ax.Problem(
        ("x",),
        ("u1", "u2"),
        {
            "first": ax.Condition(lambda u1, u2, x: u1.d("xx"), left.grid(12)),
            "second": ax.Condition(lambda u1, u2, x: u2.d("xx"), right.grid(12)),
            "left": ax.Condition(at["left"], left.face(x=0).grid(1)),
            "right": ax.Condition(at["right"], right.face(x=1).grid(1)),
            "kink": ax.Paired(kink, (middle, middle)),
        },
    )
    model = ax.Model({"u1": ax.MLP([1, 6, 1]), "u2": ax.MLP([1, 6, 1])})
    run = ax.train(problem, model, steps=60, progress=False)
    x = torch.linspace(0, 1, 21, dtype=torch.float64)[:, None]
    found = torch.where(x <= 0.5, run.model(run.theta, x)[:, :1], run.model(run.theta, x)[:, 1:])
    exact = torch.where(x <= 0.5, q * x, 1 - q / 100 * (1 - x))
    torch.testing.assert_close(found, exact, rtol=0.0, atol=1e-7)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ax.Paired(3, (A, B)), TypeError, "residual must be callable"),
        (lambda: ax.Paired(abs, 3), TypeError, "points must be two tensors"),
        (lambda: ax.Paired(abs, (A, B, A)), TypeError, "points must be two tensors"),
        (lambda: ax.Paired(abs, (A, "b")), TypeError, "points must be two tensors"),
        (lambda: ax.Paired(abs, (A, B[:3])), ValueError, "one shape"),
        (lambda: ax.Paired(abs, (A, B.float())), TypeError, "one dtype"),
        (lambda: ax.Paired(abs, STRIP.grid(3)), ValueError, "points must be pairs"),
        (lambda: ax.Paired(abs, STRIP.sobol(3)), ValueError, "points must be pairs"),
        (lambda: ax.Paired(abs, (A, B), weight=-1.0), ValueError, "weight must be positive"),
        (lambda: problem_of(abs, (A[:, :1], B[:, :1])), ValueError, "'seam'.*shape"),
        (lambda: problem_of(abs, (A, B * math.nan)), ValueError, "'seam'.*finite"),
        (
            lambda: problem_of(abs, ax.Box(x=(0, 1), t=(0, 1)).opposite("x").grid(3)),
            ValueError,
            "in this order",
        ),
        (STRIP.opposite, ValueError, "opposite must name"),
        (lambda: STRIP.opposite("z"), ValueError, "unknown coordinate"),
    ],
)
def test_nonsense_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("residual", "message"),
    [
        (lambda a, b: a["v"], "'seam': unknown field"),
        (lambda a, b: a.u.d("z"), "'seam'.*unknown derivative"),
        (lambda a, b: a.u - b.u.value.roll(1), "'seam': residual is not pointwise"),
        (lambda a, b: a.at.x, "'seam': residual component 0 does not depend"),
        (lambda a: a.u, "'seam'"),
    ],
)
def test_residuals_that_break_the_rules_are_refused(residual, message):
    model = ax.MLP([2, 3, 1])
    with pytest.raises((ValueError, TypeError), match=message):
        ax.jacobian(problem_of(residual, (A, B)), model, model.init(0))


def test_an_unknown_field_is_named_with_its_condition():
    model = ax.MLP([2, 3, 1])
    with pytest.raises(AttributeError, match="'seam': unknown field 'v'"):
        ax.jacobian(problem_of(lambda a, b: a.v, (A, B)), model, model.init(0))


def test_a_pair_that_is_not_finite_is_named():
    residual = lambda a, b: a.u / (b.at.x - b.at.x[2])
    model = ax.MLP([2, 3, 1])
    with pytest.raises(ax.NonFiniteError, match=f"'seam'.*t={float(A[2, 0]):.6g}"):
        ax.train(problem_of(residual, (A, B)), model, steps=2, progress=False)
