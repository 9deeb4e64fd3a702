"""Units of a problem's own: what is far from one trains like what is near it."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax


def heat(length=1.0, duration=1.0, offset=0.0, amplitude=1.0):
    """Heat in any units: the same problem as on the unit square."""
    box = ax.Box(t=(0, duration), x=(offset, offset + length))
    k = math.pi / length
    a = 1 / (duration * k * k)
    sine = lambda x: amplitude * torch.sin(k * (x.x - offset))
    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x: u.d("t") - a * u.d("xx"), box.grid(14)),
            "initial": ax.Condition(lambda u, x: u - sine(x), box.face(t=0).grid(20)),
            "walls": ax.Condition(lambda u, x: u, box.faces("x").grid(20)),
        },
        solution=lambda x: torch.exp(-x.t / duration) * sine(x),
    )


def trained(problem, **options):
    return ax.train(problem, ax.MLP([2, 16, 1]), steps=40, progress=False, **options)


@pytest.fixture(scope="module")
def unit_square():
    return trained(heat()).l2_relative


@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
@pytest.mark.parametrize(
    "units",
    [
        {"length": 1e6, "duration": 1e-6},
        {"length": 1e-6, "duration": 1e6},
        {"offset": 1e6},
        {"amplitude": 3000.0},
        {"amplitude": 1e-6},
    ],
)
def test_any_units_train_like_the_unit_square(units, unit_square):
    assert trained(heat(**units)).l2_relative < 10 * unit_square


@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
def test_they_can_be_turned_off_and_make_the_difference():
    far = heat(length=1e6, duration=1e-6)
    assert trained(far, scales=False).l2_relative > 1e-2
    assert trained(far, scales=True).l2_relative < 1e-4


def test_problems_near_one_stay_as_they_are():
    problem = heat()
    for_sure, without = (trained(problem, scales=scales) for scales in (True, False))
    assert isinstance(for_sure.model, ax.MLP)
    assert torch.equal(for_sure.theta, without.theta)


@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
def test_boundary_values_that_are_zero_but_for_rounding_are_no_unit():
    square = ax.Box(x=(-1, 1), y=(-1, 1))
    exact = lambda x: torch.sin(math.pi * x.x) * torch.sin(math.pi * x.y)
    pde = lambda u, x: u.laplacian() + 2 * math.pi**2 * exact(x)
    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "pde": ax.Condition(pde, square.grid(14)),
            "walls": ax.Condition(lambda u, x: u - exact(x), square.boundary().grid(14)),
        },
        solution=exact,
    )
    assert float(exact(ax.Coordinates(("x", "y"), square.boundary().grid(14))).abs().max()) > 0
    assert trained(problem).l2_relative < 1e-2


@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
def test_a_checkpoint_says_so(tmp_path):
    run = ax.train(heat(amplitude=3000.0), ax.MLP([2, 8, 1]), steps=3, progress=False, out=tmp_path)
    model, theta = ax.load(tmp_path / "model.safetensors")
    points = torch.rand((5, 2), dtype=torch.float64)
    torch.testing.assert_close(model(theta, points), run.model(run.theta, points), rtol=0, atol=0)


@pytest.mark.parametrize("name", ["", "t", "x", "xx", "tx"])
def test_derivatives_are_those_of_the_coordinates_that_the_user_sees(name):
    run = ax.train(heat(length=1e3, amplitude=50.0), ax.MLP([2, 8, 1]), steps=1, progress=False)
    points = torch.tensor([[0.3, 200.0], [0.7, 900.0]], dtype=torch.float64)
    found = run.model.jet(run.theta, points, (name,))[name][:, 0]
    steps = {"t": (0, 1e-3), "x": (1, 1.0)}
    stencil = {(): 1.0}  # central differences of the values
    for letter in name:
        axis, h = steps[letter]
        stencil = {
            (*shifts, (axis, sign * h)): weight * sign / (2 * h)
            for shifts, weight in stencil.items()
            for sign in (1, -1)
        }
    expected = torch.zeros(2, dtype=torch.float64)
    for shifts, weight in stencil.items():
        moved = points.clone()
        for axis, h in shifts:
            moved[:, axis] += h
        expected += weight * run.model(run.theta, moved)[:, 0]
    torch.testing.assert_close(found, expected, rtol=2e-4, atol=1e-9)


def test_a_given_first_iterate_keeps_its_units():
    problem, model = heat(length=1e6), ax.MLP([2, 8, 1])
    run = ax.train(problem, model, steps=1, theta=model.init(0), progress=False)
    assert isinstance(run.model, ax.MLP)


def test_a_condition_that_holds_by_itself_is_no_measure_for_the_others():
    """Behind a periodic map the sides of a pair cancel up to rounding, which is no small unit."""
    ring = ax.Box(t=(0, 1), x=(0, 2))
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.d("t") + u.d("x"), ring.stratified(16)),
            "start": ax.Condition(
                lambda u, x: u - torch.sin(torch.pi * x.x), ring.face(t=0).grid(24)
            ),
            "seam": ax.Paired(
                lambda a, b: (a.u - b.u, a.u.d("x") - b.u.d("x")), ring.opposite("x").grid(20)
            ),
        },
        solution=lambda x: torch.sin(torch.pi * (x.x - x.t)),
    )
    model = ax.Model(ax.MLP([3, 20, 1]), inputs=ax.periodic(x=2.0))
    run = ax.train(problem, model, steps=40, progress=False)
    assert run.l2_error < 1e-3


def test_residuals_of_one_condition_have_units_of_their_own():
    """A plane wave in V/m and A/m: Maxwell's equations are 1e5 times apart."""
    permittivity, permeability, length, volts = 8.854e-12, 4e-7 * math.pi, 0.1, 1000.0
    speed = 1 / math.sqrt(permittivity * permeability)
    box = ax.Box(t=(0, length / speed), x=(0, length))
    k = math.pi / length

    def exact(x):
        electric = volts * torch.sin(k * x.x) * torch.cos(k * speed * x.t)
        magnetic = -volts * speed * permittivity * torch.cos(k * x.x) * torch.sin(k * speed * x.t)
        return electric, magnetic

    problem = ax.Problem(
        ("t", "x"),
        ("E", "H"),
        {
            "maxwell": ax.Condition(
                lambda e, h, x: (
                    permittivity * e.d("t") + h.d("x"),
                    permeability * h.d("t") + e.d("x"),
                ),
                box.stratified(16),
            ),
            "start": ax.Condition(
                lambda e, h, x: (e - volts * torch.sin(k * x.x), h), box.face(t=0).grid(20)
            ),
            "plates": ax.Condition(lambda e, h, x: e, box.faces("x").grid(20)),
        },
    )
    run = ax.train(problem, ax.MLP([2, 16, 2]), steps=60, progress=False)
    points = box.sobol(300)(3)
    found = run.model(run.theta, points)
    for j, expected in enumerate(exact(ax.Coordinates(("t", "x"), points))):
        assert (found[:, j] - expected).norm() < 1e-3 * expected.norm()


@pytest.mark.parametrize("paired", [False, True])
def test_a_field_that_is_prescribed_nowhere_has_the_unit_of_one_it_is_tied_to(paired):
    """Two walls in kelvins, the outer one cooled by air: its temperature is prescribed nowhere."""
    inner, outer, copper, brick, air = ax.Box(x=(0, 1)), ax.Box(x=(1, 2)), 400.0, 0.6, 10.0
    here = torch.ones((1, 1), dtype=torch.float64)
    if paired:
        interface = ax.Paired(
            lambda a, b: (a.u - b.v, (copper * a.u.d("x") - brick * b.v.d("x")) / copper),
            (here, here),
        )
    else:
        interface = ax.Condition(
            lambda u, v, x: (u - v, (copper * u.d("x") - brick * v.d("x")) / copper), here
        )
    problem = ax.Problem(
        ("x",),
        ("u", "v"),
        {
            "copper": ax.Condition(lambda u, v, x: u.d("xx"), inner.grid(12)),
            "brick": ax.Condition(lambda u, v, x: v.d("xx"), outer.grid(12)),
            "hot": ax.Condition(lambda u, v, x: u - 1300.0, inner.face(x=0).grid(1)),
            "air": ax.Condition(
                lambda u, v, x: brick * v.d("x") + air * (v - 290.0), outer.face(x=2).grid(1)
            ),
            "interface": interface,
        },
    )
    model = ax.Model({"u": ax.MLP([1, 6, 1]), "v": ax.MLP([1, 6, 1])})
    run = ax.train(problem, model, steps=40, progress=False)
    flux = (1300.0 - 290.0) / (1 / copper + 1 / brick + 1 / air)
    found = run.model(run.theta, torch.tensor([[1.0], [2.0]], dtype=torch.float64))
    assert float(found[0, 1]) == pytest.approx(1300.0 - flux / copper, rel=1e-6)
    assert float(found[1, 1]) == pytest.approx(290.0 + flux / air, rel=1e-6)
