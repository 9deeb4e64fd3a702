"""The zoo: every solution put into every residual, reference data against other computations."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.polynomial import chebyshev
from scipy.integrate import quad, solve_ivp

import anagram_ext as ax
from anagram_ext import problems
from anagram_ext.geometry.sampler import Sampler
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.pde.field import Field
from anagram_ext.problems.zoo.allen_cahn import coefficients
from anagram_ext.problems.zoo.burgers import VISCOSITY, cole_hopf

# name: (parameters, rows of each condition, published cutoff)
PUBLISHED = {
    "laplace_2d": (129, (784, 116), Cutoff(1e-6, relative=False)),
    "heat": (257, (784, 29, 58), Cutoff(1e-5, relative=False)),
    "laplace_5d": (449, (4000, 500), Cutoff(np.sqrt(449 * 2.0**-52))),
    "allen_cahn": (921, (28 * 58, 41, 58), Cutoff(np.sqrt(921 * 2.0**-52))),
    "burgers": (4417, (784, 30, 60), Cutoff(np.sqrt(4417 * 2.0**-52))),
}
OWN_POINTS = {"allen_cahn": (28 * 58, 41, 58), "burgers": (3000, 100, 80)}
CLOSED_FORM = [name for name in problems.names() if name != "allen_cahn"]


class ExactFields:
    """Fields whose values and derivatives are those of a solution, by repeated autograd."""

    def __init__(self, problem, points, factor=1.0):
        self.scale = 1.0  # largest derivative asked for: what round-off is relative to
        self.points = points.clone().requires_grad_()
        self.coordinates = Coordinates(problem.coordinates, self.points)
        values = problem.solution(self.coordinates)
        values = values if isinstance(values, tuple) else (values,)
        self.fields = [
            Field(name, problem.coordinates, lambda operator, u=factor * u: self.apply(operator, u))
            for name, u in zip(problem.fields, values, strict=True)
        ]

    def apply(self, operator, values):
        terms = [factor * self.derivative(values, index) for index, factor in operator.terms]
        self.scale = max(self.scale, *(float(term.detach().abs().max()) for term in terms))
        return torch.stack(terms).sum(dim=0)

    def derivative(self, values, index):
        for axis, order in enumerate(index):
            for _ in range(order):
                gradient = torch.autograd.grad(values.sum(), self.points, create_graph=True)[0]
                values = gradient[:, axis]
        return values


def residuals(condition, exact):
    """The residual components of a condition, as one tensor."""
    result = condition.residual(*exact.fields, exact.coordinates)
    return torch.cat(
        [torch.as_tensor(getattr(r, "value", r)) for r in result]
        if isinstance(result, tuple)
        else [getattr(result, "value", result)]
    ).detach()


def random_points(name, points):
    """Random points where a condition holds: inside the box, or some of the boundary points."""
    generator = torch.Generator().manual_seed(0)
    if name == "interior":
        low, high = points.amin(dim=0), points.amax(dim=0)
        unit = torch.rand(200, points.shape[1], generator=generator, dtype=points.dtype)
        return low + unit * (high - low)
    return points[torch.randperm(len(points), generator=generator)[:200]]


@pytest.mark.parametrize("name", CLOSED_FORM)
def test_exact_solution_solves_the_problem(name):
    problem = problems.get(name)
    for label, condition in problem.conditions.items():
        exact = ExactFields(problem, random_points(label, condition.points_for(0)))
        worst = float(residuals(condition, exact).abs().max())
        # A few hundred operations of round-off 1e-16, relative to the largest term of the residual.
        assert worst <= 1e-13 * exact.scale, (label, worst, exact.scale)


@pytest.mark.parametrize("name", CLOSED_FORM)
def test_a_scaled_solution_does_not(name):
    problem = problems.get(name)
    worst = 0.0
    for label, condition in problem.conditions.items():
        points = random_points(label, condition.points_for(0))
        wrong = ExactFields(problem, points, factor=1.01)
        worst = max(worst, float(residuals(condition, wrong).abs().max()))
    assert worst > 1e-3


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sizes_and_settings(name):
    n_parameters, rows, cutoff = PUBLISHED[name]
    problem = problems.get(name, **({"published": True} if name in OWN_POINTS else {}))
    assert problem.model.n_parameters == n_parameters
    assert tuple(len(c.points_for(0)) for c in problem.conditions.values()) == rows
    assert not any(isinstance(c.points, Sampler) for c in problem.conditions.values()) or (
        name == "laplace_5d"  # random points, drawn once
    )
    assert problem.settings["cutoff"] == cutoff
    assert problem.settings["init"] == "normal"
    assert problem.settings["row_scaling"] == "none"


@pytest.mark.parametrize("name", OWN_POINTS)
def test_points_chosen_before_every_step(name):
    problem = problems.get(name)
    assert problem.model.n_parameters == 921
    assert tuple(c.points.n_points for c in problem.conditions.values()) == OWN_POINTS[name]
    assert all(c.points.every_step for c in problem.conditions.values())


@pytest.mark.parametrize("name", problems.names())
def test_registry(name):
    problem = problems.get(name)
    assert problem.name == name
    assert getattr(problems, name)().conditions.keys() == problem.conditions.keys()
    assert problem.model.widths[0] == len(problem.coordinates)
    assert problem.model.widths[-1] == len(problem.fields)
    if problem.evaluation is not None:
        reference = problem.solution(Coordinates(problem.coordinates, problem.evaluation))
        assert reference.shape == (len(problem.evaluation),)
        assert bool(torch.isfinite(reference).all())


@pytest.mark.parametrize("name", ["advection", "biharmonic"])
def test_the_loss_between_points_is_that_at_the_points(name):
    run = ax.train(problems.get(name), progress=False)
    assert run.l2_error < 1e-9
    assert run.held_out_loss < 3 * run.loss  # 57 to 47000 times as large on grids


def test_arguments_and_unknown_names():
    rows = [len(c.points_for(0)) for c in problems.get("laplace_2d", n=58).conditions.values()]
    assert sum(rows) == 3600
    with pytest.raises(ValueError, match=r"'laplace_3d'.*laplace_2d"):
        problems.get("laplace_3d")


def burgers_by_adaptive_quadrature(t, x):
    """Cole-Hopf by scipy's adaptive Gauss-Kronrod rule, split at the maxima of the weight."""

    def shift(z):
        return x - 2 * np.sqrt(VISCOSITY * t) * z

    def exponent(z):
        return -(z**2) - np.cos(np.pi * shift(z)) / (2 * np.pi * VISCOSITY)

    z = np.linspace(-15, 15, 3001)
    e = exponent(z)
    peaks = z[1:-1][(e[1:-1] >= e[:-2]) & (e[1:-1] >= e[2:])]

    def integral(factor):
        return quad(
            lambda z: factor(shift(z)) * np.exp(exponent(z) - e.max()),
            -15,
            15,
            points=peaks,
            epsabs=1e-13,
            epsrel=0,
            limit=400,
        )[0]

    return -integral(lambda y: np.sin(np.pi * y)) / integral(np.ones_like)


def test_burgers_reference():
    rng = np.random.default_rng(1)
    t = np.concatenate([rng.random(12), [1e-8, 1 / np.pi, 1.0]])
    x = np.concatenate([rng.uniform(-1, 1, 6), 10 ** rng.uniform(-4, 0, 6), [0.3, 1e-3, 5e-3]])
    u = cole_hopf(torch.tensor(t), torch.tensor(x)).numpy()
    expected = [burgers_by_adaptive_quadrature(*point) for point in zip(t, x, strict=True)]
    np.testing.assert_allclose(u, expected, rtol=0, atol=1e-12)


def test_burgers_reference_does_not_depend_on_the_quadrature_step():
    generator = torch.Generator().manual_seed(2)
    t = torch.rand(2000, generator=generator, dtype=torch.float64)
    x = 10 ** (-4 * torch.rand(2000, generator=generator, dtype=torch.float64))
    torch.testing.assert_close(cole_hopf(t, x), cole_hopf(t, x, step=0.03), rtol=0, atol=1e-13)


def allen_cahn_by_finite_differences(cells):
    """u(1, x) on 0 <= x <= 1 by second-order differences (even at x = 0) and LSODA, [cells + 1]."""
    x = np.linspace(0, 1, cells + 1)

    def rate(_t, u):
        padded = np.concatenate([u[1:2], u, [-1.0]])  # mirror at 0, the wall at 1
        second = (padded[2:] - 2 * u + padded[:-2]) * cells**2
        return 1e-3 * second + 5 * (u - u**3)

    start = (x**2 * np.cos(np.pi * x))[:-1]
    run = solve_ivp(rate, (0, 1), start, method="LSODA", rtol=1e-10, atol=1e-10, lband=1, uband=1)
    return np.append(run.y[:, -1], -1.0)


def test_allen_cahn_reference_against_finite_differences():
    runs = [allen_cahn_by_finite_differences(cells) for cells in (800, 1600, 3200)]
    second = [(4 * fine[::2] - coarse) / 3 for coarse, fine in pairwise(runs)]  # order h^2 removed
    extrapolated = (16 * second[1][::2] - second[0]) / 15  # order h^4 removed
    x = torch.linspace(0, 1, 801, dtype=torch.float64)
    u = problems.allen_cahn().solution(
        Coordinates(("t", "x"), torch.stack([torch.ones_like(x), x], 1))
    )
    # What is left is LSODA's error: ten times its tolerance, 1e-10.
    np.testing.assert_allclose(u.numpy(), extrapolated, rtol=0, atol=5e-9)


class TableFields:
    """The Allen-Cahn table as a field: derivatives of the Chebyshev series."""

    def __init__(self, points):
        self.coordinates = Coordinates(("t", "x"), points)
        even = coefficients()
        self.table = np.zeros((even.shape[0], 2 * even.shape[1] - 1))
        self.table[:, ::2] = even  # T_k(2 x^2 - 1) = T_2k(x)
        self.fields = [Field("u", ("t", "x"), self.apply)]

    def apply(self, operator):
        return sum(factor * self.derivative(*index) for index, factor in operator.terms)

    def derivative(self, in_time, in_space):
        t, x = self.coordinates.t.numpy(), self.coordinates.x.numpy()
        table = chebyshev.chebder(self.table, in_space, axis=1)
        table = chebyshev.chebder(table, in_time, axis=0)
        rows = chebyshev.chebvander(2 * np.sqrt(t) - 1, table.shape[0] - 1) @ table
        values = (rows * chebyshev.chebvander(x, table.shape[1] - 1)).sum(axis=1)
        return torch.from_numpy(values if in_time == 0 else values / np.sqrt(t))


@pytest.mark.parametrize("label", ["interior", "initial", "walls"])
def test_allen_cahn_reference_solves_the_problem(label):
    problem = problems.allen_cahn()
    condition = problem.conditions[label]
    exact = TableFields(random_points(label, condition.points_for(0)))
    worst = float(residuals(condition, exact).abs().max())
    assert worst <= {"interior": 1e-7, "initial": 1e-13, "walls": 1e-13}[label]
