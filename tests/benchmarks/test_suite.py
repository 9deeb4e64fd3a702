"""The published problems: their references, their runner, and that each of them trains."""

from __future__ import annotations

import importlib
import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp
from scipy.special import erfcx

import anagram_ext as ax

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NOT_QUICK = {
    "kdv_cosine",
    "advection_30",
    "advection_50",
    "advection_80",
}  # failing windows are halved


@pytest.fixture
def module(monkeypatch):
    """Imports a module of the suite by name."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.syspath_prepend(str(BENCHMARKS / "suite"))
    return importlib.import_module


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::anagram_ext.TrainingWarning")
@pytest.mark.filterwarnings("ignore::anagram_ext.HeldOutWarning")
def test_every_problem_takes_steps_and_is_measured(module):
    suite = module("run")
    assert len(suite.names()) >= 15
    for name in suite.names():
        if name in NOT_QUICK:
            continue
        case = suite.case(name)
        found = case.run(0, steps=1)
        assert 0 < found.error < 1e4, name
        assert found.rows > 20, name
        assert 30 < found.parameters < 5000, name
        assert 0 < case.target < 1, name
        assert found.verdict != "solved", name


def test_a_run_on_file_is_not_repeated_and_wrong_verdicts_are_listed(module, tmp_path, monkeypatch):
    suite = module("run")
    path = tmp_path / "runs" / "unknown_source-0.json"
    first = suite.recorded(path, "unknown_source", 0, steps=20)
    monkeypatch.setattr(suite, "case", lambda name: pytest.fail("ran again"))
    assert suite.recorded(path, "unknown_source", 0) == first == json.loads(path.read_text())
    monkeypatch.undo()
    suite.write_table(tmp_path)
    assert "| unknown_source | 1 |" in (tmp_path / "suite.md").read_text(encoding="utf-8")
    wrong = suite.wrong_verdicts([first | {"verdict": "solved", "error": 0.5}])
    assert wrong == ["- unknown_source, seed 0: solved, error 5.0e-01"]
    assert suite.wrong_verdicts([first | {"verdict": "solved", "error": math.nan}])
    assert not suite.wrong_verdicts([first | {"verdict": "solved", "error": 1e-6}])


def test_seeds_are_a_range_or_a_list(module):
    seeds_of = module("run").seeds_of
    assert (seeds_of("0-4"), seeds_of("0,3")) == ([0, 1, 2, 3, 4], [0, 3])


def test_harmonic_references_hold_at_the_boundary(module):
    discs, l_shape = module("fundamental_solutions"), module("l_reference")
    points, values = discs.boundary(777)
    assert np.abs(discs.solution(points) - values).max() < 1e-10
    assert np.abs(l_shape.solution(l_shape.boundary(777))).max() < 1e-12
    inside, step = np.array([[-0.3, 0.4]]), 1e-3
    neighbours = [inside + step * np.array(by) for by in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    curvature = sum(l_shape.solution(p) for p in neighbours) - 4 * l_shape.solution(inside)
    assert float(curvature[0]) / step**2 == pytest.approx(-1, abs=1e-5)


def test_evolutions_agree_with_independent_ones(module):
    # Burgers: the closed form beside the zoo's; KdV: mass and energy do not change.
    burgers, kdv = module("cole_hopf"), module("spectral_kdv")
    zoo = ax.problems.burgers()
    strip = ax.Box(t=(0, 1), x=(-1, 1))
    points = strip.uniform(500)(0)
    expected = zoo.solution(ax.Coordinates(("t", "x"), points)).numpy()
    found = burgers.solution(points[:, 0].numpy(), points[:, 1].numpy())
    assert np.abs(found - expected).max() < 1e-10
    x = -1 + 2 * np.arange(512) / 512
    start, end = (kdv.solution(np.full(512, t), x, 256, 2000) for t in (0.0, 1.0))
    assert np.abs(start - np.cos(np.pi * x)).max() < 1e-12
    assert abs(end.mean()) < 1e-10
    assert (end**2).mean() == pytest.approx(0.5, rel=1e-5)
    assert np.abs(end - start).max() > 1


def test_first_values_with_a_kink_have_their_exact_fourier_coefficients(module):
    allen_cahn = module("allen_cahn_periodic")
    nodes, weights = np.polynomial.legendre.leggauss(200)
    at = 0.5 * (nodes + 1)  # even: half of the ring is enough
    n = 256
    found = np.fft.fft(allen_cahn.first_values(-1 + 2 * np.arange(n) / n)) / n
    for k in (0, 1, 2, 5, 100):
        wave = np.cos(np.pi * k * (at + 1))
        exact = 0.5 * weights @ (at**2 * np.cos(np.pi * at) * wave)
        assert found[k] == pytest.approx(exact, abs=1e-14)


def test_substances_are_rescaled_in_double_precision(module):
    robertson, ode = module("robertson"), module("ode")
    assert robertson.in_units(torch.ones(1, 3, dtype=torch.float64)).tolist() == [[1.0, 1e-4, 1.0]]

    # The reference beside the balance of the fast substance, of which nothing is left late.
    times = np.array([0.0, 1e2, 1e4])
    a, b, c = ode.reference(robertson.rates, robertson.START, times)[:, 1:]
    assert np.abs(a + b + c - 1).max() < 1e-12
    assert 0.04 * a == pytest.approx(1e4 * b * c + 3e7 * b * b, rel=1e-2)
    assert b[1] == pytest.approx(0, abs=1e-6)


def test_flows_hold_at_the_boundary_and_carry_their_vorticity(module):
    stokes, cavity = module("stokes_reference"), module("cavity_parabolic_reference")
    z, values = stokes.boundary(301)
    there = stokes.velocity(np.stack([z.real, z.imag], axis=1), 60)
    assert np.abs(there[:, 0] - 1j * there[:, 1] - values).max() < 2e-4
    lid = np.stack([np.linspace(0.1, 0.9, 9), np.full(9, 1 - 1e-9)], axis=1)
    assert np.abs(cavity.velocity(lid, 20)[:, 0] - 4 * lid[:, 0] * (1 - lid[:, 0])).max() < 1e-4

    # u . grad w = nu Laplacian w, with nu = 0.01 in the cavity and nothing carried in Stokes flow.
    places = ((cavity, np.array([0.6, 0.4]), 0.01, 1.0), (stokes, np.array([3.0, 1.5]), 1.0, 0.0))
    for flow, place, viscosity, carried in places:
        h, velocity = 0.02, partial(flow.velocity, degree=24 if flow is cavity else 60)
        five = h * np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]) + place
        vorticity = curl(velocity, five)
        slopes = np.array([vorticity[1] - vorticity[2], vorticity[3] - vorticity[4]]) / (2 * h)
        bent = viscosity * (vorticity[1:].sum() - 4 * vorticity[0]) / h**2
        size = viscosity * np.abs(vorticity[1:] - vorticity[0]).max() / h**2
        assert carried * velocity(place[None])[0] @ slopes == pytest.approx(bent, abs=0.02 * size)


def curl(velocity, points, h=1e-4):
    """v_x - u_y by central differences."""
    ends = [velocity(points + h * np.array(by)) for by in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    return (ends[0][:, 1] - ends[1][:, 1] - ends[2][:, 0] + ends[3][:, 0]) / (2 * h)


def test_the_bound_on_the_viscosity_is_that_of_known_initial_values_or_more(module):
    bounds, closed_form = module("burgers_bound"), module("cole_hopf")
    t, x = np.random.default_rng(0).uniform(size=(2, 50))
    same = bounds.velocity(t, x, closed_form.NU, np.zeros((2, 1)))
    assert np.abs(same - closed_form.solution(t, x)).max() < 1e-13
    known, unknown = bounds.bound(0, 0), bounds.bound(0, 2)
    assert 0.005 < known < unknown < 0.02


def test_the_table_of_identifications_counts_what_is_better(module):
    table = module("burgers_identification")
    at, exact, sigma = table.values(500, 0, 0)
    assert tuple(at.shape) == (500, 2)
    assert sigma == table.SIGMA
    assert float(exact.abs().max()) < 1.001
    cell = {"number": 2000, "noise": 1, "seconds": 1.0, "seed": 0}
    cell |= {"l1": 0.03, "l1 std": 0.1, "l1 inside": True}
    cell |= {"l2": 0.5, "l2 std": 1.0, "l2 inside": False}
    text = table.written([cell, {**cell, "seed": 1}, {**cell, "l1": 0.5, "seed": 2}])
    assert "| 2000 | 1 % | 3 | 0.03 | 0.1 | " in text
    assert " | 0.039 | yes | " in text
    assert "| 3 of 3 |" in text
    assert " | 0.008 | no | " in text
    assert "| 0 of 3 |" in text


def test_the_bounds_of_the_cells_scale_as_they_should(module):
    bounds = module("burgers_cells_bound")
    known, unknown = bounds.least_stds(200, 0), bounds.least_stds(200, 2)
    assert all(0 < a < b for a, b in zip(known, unknown, strict=True))
    assert bounds.chance_below(1.96, 1.0) == pytest.approx(0.95, abs=1e-3)
    assert bounds.chance_below(1.0, 0.0) == 1.0


def test_fourier_modes_agree_with_closed_forms(module):
    spectral = module("spectral")
    # The linear part alone, a soliton of Schroedinger's equation, and Burgers' by Cole and Hopf.
    wave = spectral.Periodic(
        (-1, 1),
        0.3,
        lambda x: np.sin(np.pi * x),
        lambda k: 1j * k**3 - 0.1 * k**2,
        lambda u: (0 * u, 0 * u),
        modes=32,
        steps=40,
        levels=4,
    )
    t, x = np.repeat(0.3, 9), np.linspace(-1, 1, 9)
    exact = np.exp(-0.1 * np.pi**2 * t) * np.sin(np.pi * x + np.pi**3 * t)
    assert np.abs(wave(t, x) - exact).max() < 1e-12
    soliton = spectral.Periodic(
        (-20, 20),
        1.0,
        lambda x: 1 / np.cosh(x),
        lambda k: -0.5j * k**2,
        lambda h: (1j * np.abs(h) ** 2 * h, 0 * h),
        steps=400,
    )
    t, x = np.repeat(1.0, 9), np.linspace(-4, 4, 9)
    assert np.abs(soliton(t, x) - np.exp(0.5j) / np.cosh(x)).max() < 1e-7
    burgers = spectral.Periodic(
        (-1, 1),
        1.0,
        lambda x: -np.sin(np.pi * x),
        lambda k: -0.05 * k**2,
        lambda u: (0 * u, -(u**2) / 2),
        modes=128,
        steps=400,
    )
    closed_form = module("cole_hopf")
    exact = closed_form.solution(t, x / 5, 0.05)
    assert np.abs(burgers(t, x / 5) - exact).max() < 1e-7


def test_the_flow_under_the_lid_has_its_boundary_values_and_no_divergence(module):
    reference = module("cavity_reference")
    side = np.linspace(0, 1, 30)
    lid = reference.velocity(np.stack([side, np.ones(30)], axis=1), 20)
    assert np.abs(lid - np.stack([reference.lid_velocity(side), 0 * side], axis=1)).max() < 1e-3
    wall = reference.velocity(np.stack([np.zeros(30), side], axis=1), 20)
    assert np.abs(wall).max() < 1e-3
    middle = reference.velocity(np.array([[0.5, 0.5]]), 20)[0]
    assert middle[0] < -0.1  # what the lid takes along comes back below


def test_sources_and_layers_hold_at_the_boundary(module):
    reference = module("poisson_boltzmann_reference")
    points, values = reference.boundary(500)
    assert np.abs(reference.solution(points, 14) - values).max() < 1e-3
    inside, step = np.array([[0.1, 0.3]]), 1e-3
    x, y = inside[0]
    source = 10 * (17 + x**2 + y**2) * np.sin(np.pi * x) * np.sin(4 * np.pi * y)
    neighbours = [inside + step * np.array(by) for by in ((1, 0), (-1, 0), (0, 1), (0, -1))]
    middle = reference.solution(inside, 14)[0]
    around = sum(reference.solution(p, 14)[0] for p in neighbours)
    assert 64 * middle - (around - 4 * middle) / step**2 == pytest.approx(source, rel=1e-4)


def test_heat_around_holes_obeys_its_equation_and_its_boundary(module):
    reference = module("heat_holes_reference")
    # A transform with a known inverse: that of 1 / (s (1 + sqrt s)) is 1 - erfcx(sqrt t).
    s, weights = reference.contour(1.0, 14)
    for t in (0.06, 0.3, 1.0):
        found = (weights * np.exp(s * t) / (s * (1 + np.sqrt(s)))).sum().real
        assert found == pytest.approx(1 - erfcx(np.sqrt(t)), abs=1e-4)

    solution = partial(reference.solution, order=6, nodes=10)
    points, normals, given = reference.boundary(15)
    there = solution(np.full(len(points), 1.0), points, slope=normals)
    assert np.abs(there - given).max() < 5e-3
    t, step = np.full(5, 1.0), 0.02
    five = np.array([2.0, 4.5]) + step * np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])
    values = solution(t, five)
    bent = (values[1:].sum() - 4 * values[0]) / step**2
    later, before = (solution(np.array([1 + by]), five[:1])[0] for by in (step, -step))
    assert (later - before) / (2 * step) == pytest.approx(bent, rel=0.01)


def test_a_reaction_agrees_with_another_integrator(module):
    reference = module("gray_scott_reference")
    modes, t = 48, reference.END / reference.LEVELS
    x, y = (axis.ravel() for axis in np.meshgrid(*2 * (-1 + 2 * np.arange(modes) / modes,)))
    k = np.pi * np.fft.fftfreq(modes, 1 / modes)
    square = k[:, None] ** 2 + k[None] ** 2

    def rates(_, state):
        u, v = fields = state.reshape(2, modes, modes)
        bent = np.fft.ifft2(-square * np.fft.fft2(fields)).real
        eaten = 1000 * u * v * v
        both = 0.2 * bent[0] + 40 * (1 - u) - eaten, 0.1 * bent[1] - 100 * v + eaten
        return np.stack(both).ravel()

    first = np.concatenate(reference.start(x, y))
    expected = solve_ivp(rates, (0, t), first, rtol=1e-8, atol=1e-10).y[:, -1].reshape(2, -1)
    points = np.stack((x, y), axis=1)
    found = reference.solution(np.full(len(x), t), points, modes, 400)
    assert np.abs(found.T - expected).max() < 1e-3  # of the jump where the torus closes
    assert np.abs(expected - first.reshape(2, -1)).max() > 0.1


def test_integrators_agree_with_a_closed_form_and_give_up_loudly(module):
    ode = module("ode")
    times = ode.fresh_times(2.0)
    assert len(times) == 10_001
    assert (np.diff(times) >= 0).all()
    circle = ode.reference(lambda a, b: (b, -a), (0.0, 1.0), times[::500], method="DOP853")
    assert np.abs(circle - np.stack([np.sin(times[::500]), np.cos(times[::500])])).max() < 1e-10
    with pytest.raises(RuntimeError, match="step size"):
        ode.reference(lambda a: (a * a,), (1.0,), times, method="Radau")


def test_what_networks_see_solves_the_equation_near_walls(module):
    # The kink of Allen-Cahn's first values under diffusion, the layer of heat at a flat wall, and
    # the function of a corner.
    kink, layer = module("allen_cahn_periodic"), module("heat_holes").layer
    t = torch.tensor([0.01, 0.2], dtype=torch.float64, requires_grad=True)
    x = torch.tensor([0.999, 0.99], dtype=torch.float64, requires_grad=True)
    assert diffuses(kink.kink(ax.Coordinates(("t", "x"), torch.stack((t, x), 1))), t, x, kink.NU)
    distance = torch.tensor([0.05, 0.3], dtype=torch.float64, requires_grad=True)
    assert diffuses(layer(distance, t), t, distance, 1.0)
    wall = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    (inwards,) = torch.autograd.grad(layer(wall, t).sum(), wall)
    torch.testing.assert_close(layer(wall, t) - inwards, torch.ones_like(t))
    assert layer(torch.tensor(1.0), torch.tensor(0.0)) == 0

    corner = module("poisson_boltzmann").corner(t, x)
    z = torch.complex(t, x)
    torch.testing.assert_close(corner, (z * z * torch.log(z)).imag)


def diffuses(values, t, x, rate):
    """Whether values of t and x solve the heat equation."""
    by_t, by_x = torch.autograd.grad(values.sum(), (t, x), create_graph=True)
    (by_xx,) = torch.autograd.grad(by_x.sum(), x)
    return torch.allclose(by_t, rate * by_xx, rtol=1e-6)
