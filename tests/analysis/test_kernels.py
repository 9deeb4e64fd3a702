from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch.func import functional_call, jacrev

import anagram_ext as ax
from anagram_ext.analysis import known_green
from anagram_ext.analysis.kernels import (
    green,
    green_step,
    nntk,
    ntk,
    spectrum,
    tangent_projection,
)
from anagram_ext.analysis.tangent_space import TangentSpace
from anagram_ext.systems.pde_system import PdeSystem
from small_systems import linear

INTERVAL, SQUARE = ax.Box(x=(0, 1)), ax.Box(t=(0, 2), x=(0, 1))


def cells(region: ax.Box, n: int) -> ax.Points:
    """The centres of n cells an axis: points of the midpoint rule."""
    ticks = torch.arange(n, dtype=torch.float64).add(0.5) / n
    unit = torch.cartesian_prod(*[ticks] * len(region.names)).reshape(-1, len(region.names))
    return region.place(unit.numpy())


def heat(n: int = 8) -> ax.Problem:
    """A nonlinear heat equation on a rectangle of area 2, with weights that are not 1."""
    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "interior": ax.Condition(
                lambda u, x: u.d("t") - u.d("xx") + u**3, SQUARE.grid(n, n), weight=3.0
            ),
            "initial": ax.Condition(lambda u, x: u - x.x, SQUARE.face(t=0).grid(n), weight=0.5),
        },
    )


MODEL = ax.MLP([2, 6, 1])
THETA = MODEL.init(0)
AT = torch.tensor([[0.3, 0.4], [1.5, 0.9]], dtype=torch.float64)


def by_autograd(points: torch.Tensor, operator) -> torch.Tensor:
    """Features [n, P] of an operator on u_theta(point), by torch.func."""
    net = MODEL.to_torch(THETA)
    names = [name for name, _ in net.named_parameters()]
    shapes = [p.shape for _, p in net.named_parameters()]

    def u(theta, point):
        parts = theta.split([s.numel() for s in shapes])
        weights = {n: p.view(s) for n, p, s in zip(names, parts, shapes, strict=True)}
        return functional_call(net, weights, (point,))[0]

    return torch.stack(
        [jacrev(lambda v, p=p: operator(lambda q: u(v, q), p))(THETA) for p in points]
    )


def heat_operator(u, point):
    u_t = torch.func.grad(u)(point)[0]
    u_xx = torch.func.grad(lambda q: torch.func.grad(u)(q)[1])(point)[1]
    return u_t - u_xx + u(point) ** 3


def dense_root(problem: ax.Problem, cutoff: float) -> torch.Tensor:
    """V_k Sigma_k^-1 by torch's own SVD; its square is (J^T J)_k^+."""
    _, J = ax.jacobian(problem, MODEL, THETA)
    _, s, Vh = torch.linalg.svd(J, full_matrices=False)
    kept = s > cutoff * s[0]
    return Vh[kept].T / s[kept]


def test_ntk_is_the_product_of_gradients():
    points = SQUARE.grid(3, 3)
    expected = by_autograd(AT, heat_operator) @ by_autograd(points, heat_operator).T
    found = ntk(heat(), MODEL, THETA, AT, points)
    torch.testing.assert_close(found.values, expected, rtol=1e-11, atol=1e-12)
    assert (found.name, found.coordinates) == ("NTK", ("t", "x"))


@pytest.mark.parametrize("cutoff", [1e-3, 1e-8])
def test_nntk_and_green_are_those_of_dense_linear_algebra(cutoff):
    points = SQUARE.grid(3, 3)
    psi_at, psi = by_autograd(AT, heat_operator), by_autograd(points, heat_operator)
    phi_at = by_autograd(AT, lambda u, point: u(point))
    density = 3.0 / 2.0  # weight over area
    root = dense_root(heat(), cutoff)
    right = density * (psi @ root).T
    found = nntk(heat(), MODEL, THETA, AT, points, cutoff=cutoff).values
    torch.testing.assert_close(found, (psi_at @ root) @ right, rtol=1e-6, atol=1e-6)
    found = green(heat(), MODEL, THETA, AT, points, cutoff=cutoff).values
    torch.testing.assert_close(found, (phi_at @ root) @ right, rtol=1e-6, atol=1e-6)


def test_the_kernel_without_row_scaling_is_the_same_density():
    problem = heat()
    loose = ax.Problem(
        problem.coordinates,
        problem.fields,
        {
            name: ax.Condition(c.residual, c.points, weight=c.weight / len(c.points))
            for name, c in problem.conditions.items()
        },
        row_scaling="none",
    )
    torch.testing.assert_close(
        nntk(loose, MODEL, THETA, AT).values, nntk(problem, MODEL, THETA, AT).values
    )


def whole_kernel(problem: ax.Problem, cutoff: float) -> torch.Tensor:
    """The projection kernel between all rows, U_k U_k^T."""
    space = TangentSpace(PdeSystem(problem, MODEL).linearise(THETA), cutoff)
    _, J = ax.jacobian(problem, MODEL, THETA)
    return space.kernel(J, J)


@pytest.mark.parametrize("cutoff", [1e-4, 1e-9])
def test_the_projection_kernel_is_idempotent_symmetric_and_reproduces(cutoff):
    K = whole_kernel(heat(), cutoff)
    U, s, _ = torch.linalg.svd(ax.jacobian(heat(), MODEL, THETA)[1], full_matrices=False)
    kept = U[:, s > cutoff * s[0]]
    torch.testing.assert_close(K, K.T)
    torch.testing.assert_close(K @ K, K, rtol=0, atol=1e-6)
    torch.testing.assert_close(K, kept @ kept.T, rtol=0, atol=1e-6)
    inside = kept @ torch.linspace(-1, 1, kept.shape[1], dtype=torch.float64)
    torch.testing.assert_close(K @ inside, inside, rtol=0, atol=1e-6)
    assert math.isclose(float(K.trace()), kept.shape[1], rel_tol=1e-6)


def test_nntk_integrates_to_the_rank():
    problem = heat()
    rank = spectrum(problem, MODEL, THETA, cutoff=1e-6).rank
    total = 0.0
    for name, condition in problem.conditions.items():
        points = condition.points
        K = nntk(problem, MODEL, THETA, points, points, of=name, cutoff=1e-6).values
        total += float(K.diagonal().mean()) * points.region.measure
    assert math.isclose(total, rank, rel_tol=1e-7)


def test_projection_of_any_system_is_that_of_dense_linear_algebra():
    system, A, b = linear()
    theta = torch.zeros(5, dtype=torch.float64)
    space = TangentSpace(system.linearise(theta), cutoff=0.05)
    U, s, Vh = torch.linalg.svd(A, full_matrices=False)
    kept = s > 0.05 * s[0]
    assert 0 < int(kept.sum()) < 5
    expected = U[:, kept] @ (U[:, kept].T @ b)
    torch.testing.assert_close(space.project(b), expected)
    torch.testing.assert_close(space.step(), -(Vh[kept].T / s[kept]) @ (U[:, kept].T @ b))
    found = space.spectrum()
    torch.testing.assert_close(found.singular_values, s)
    shares = (U.T @ b).square().cumsum(0) / (b @ b)
    torch.testing.assert_close(found.captured, shares)
    assert math.isclose(found.captured_residual, float(expected @ expected / (b @ b)))
    assert math.isclose(found.cutoff, 0.05 * float(s[0]))
    assert "rank" in repr(found)


def test_tangent_projection_takes_the_residual_or_any_values():
    r, J = ax.jacobian(heat(), MODEL, THETA)
    several = torch.stack([r, torch.ones_like(r), J[:, 0]])
    found = tangent_projection(heat(), MODEL, THETA, several, cutoff=1e-9)
    torch.testing.assert_close(found[0], tangent_projection(heat(), MODEL, THETA, cutoff=1e-9))
    torch.testing.assert_close(found[2], J[:, 0], atol=1e-7, rtol=0)  # a tangent vector stays
    assert float(found[1].norm()) < float(several[1].norm())


def test_learning_is_the_application_of_green_to_the_residual():
    problem, cutoff = heat(), 1e-7
    points = SQUARE.grid(3, 3)
    total = torch.zeros(len(points), dtype=torch.float64)
    for name, condition in problem.conditions.items():
        y = condition.points
        g = green(problem, MODEL, THETA, points, y, of=name, cutoff=cutoff).values
        alone = ax.Problem(
            problem.coordinates,
            problem.fields,
            {name: ax.Condition(condition.residual, y)},
            row_scaling="none",
        )
        r, _ = ax.jacobian(alone, MODEL, THETA)
        total -= (g @ r) * y.region.measure / len(y)  # quadrature of the integral
    found = green_step(problem, MODEL, THETA, points, cutoff=cutoff)
    torch.testing.assert_close(found[:, 0], total, rtol=1e-6, atol=1e-8)
    # and to first order it is what the step changes
    _, J = ax.jacobian(problem, MODEL, THETA)
    step = ax.lstsq(J, ax.jacobian(problem, MODEL, THETA)[0], cutoff=cutoff).direction
    small = float(1e-5 / step.norm())
    moved = MODEL(THETA - small * step, points) - MODEL(THETA + small * step, points)
    torch.testing.assert_close(found, moved / (2 * small), rtol=1e-5, atol=1e-5)


# Green's function against what is known


def bumps(n: int) -> tuple[ax.MLP, torch.Tensor]:
    """A net on [0, 1] whose n neurons bend at evenly spaced places, ever more steeply."""
    model = ax.MLP([1, n, 1])
    theta = model.init(0)
    theta[:n] = 0.25 * n * torch.where(torch.arange(n) % 2 == 0, 1.0, -1.0)
    theta[n : 2 * n] = -theta[:n] * (torch.arange(n) + 0.5) / n
    return model, theta


def poisson(n: int) -> ax.Problem:
    return ax.Problem(
        ("x",),
        ("u",),
        {
            "interior": ax.Condition(lambda u, x: -u.d("xx"), cells(INTERVAL, n)),
            "ends": ax.Condition(lambda u, x: u, INTERVAL.faces().grid(1)),
        },
    )


def test_green_tends_to_the_closed_form_as_the_net_grows():
    errors = []
    for n in (4, 8, 16, 32, 64):
        found = green(poisson(800), *bumps(n), at=(0.3,), cutoff=1e-9)
        errors.append(
            float((found.values - known_green.interval(found.at, found.points)).abs().max())
        )
    # The kink of the true one is resolved to the spacing of the neurons: first order.
    assert all(b < 0.75 * a for a, b in pairwise(errors))
    assert errors[-1] < 0.1 * errors[0]
    assert errors[-1] < 2e-3  # of a function that reaches 0.21


def test_green_is_the_projection_of_the_true_one():
    # v(x) = int g(x, y) (-v'')(y) dy + (1 - x) v(0) + x v(1): in the inner product of the rows,
    # where each end weighs 1/2, evaluation at x is represented by (g, 2 (1 - x), 2 x).
    x, n = 0.3, 1000  # x is an edge of the cells: the midpoint rule keeps its second order
    problem, (model, theta) = poisson(n), bumps(16)
    y = problem.conditions["interior"].points
    at = torch.tensor([[x]], dtype=torch.float64)
    ends = torch.tensor([1 - x, x], dtype=torch.float64)
    true = torch.cat([known_green.interval(at, y)[0] / math.sqrt(n), 2 * ends / math.sqrt(2)])
    projected = tangent_projection(problem, model, theta, true, cutoff=1e-6)
    found = green(problem, model, theta, at, y, cutoff=1e-6).values[0]
    torch.testing.assert_close(found, math.sqrt(n) * projected[:n], rtol=0, atol=2e-5)
    at_ends = green(
        problem, model, theta, at, problem.conditions["ends"].points, of="ends", cutoff=1e-6
    ).values[0]
    torch.testing.assert_close(at_ends, projected[n:] / math.sqrt(2), rtol=0, atol=2e-5)


def test_green_of_the_square_tends_to_its_series():
    square = ax.Box(x=(0, 1), y=(0, 1))
    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "interior": ax.Condition(lambda u, x: -u.laplacian(), cells(square, 40)),
            "boundary": ax.Condition(lambda u, x: u, square.faces().grid(41)),
        },
    )
    points = cells(square, 20)
    errors = []
    for n in (16, 32, 64):
        model = ax.MLP([2, n, 1])
        theta = model.init(0)
        rng = torch.Generator().manual_seed(0)
        slopes = torch.randn(n, 2, generator=rng, dtype=torch.float64)
        centres = torch.rand(n, 2, generator=rng, dtype=torch.float64)
        theta[: 2 * n] = slopes.reshape(-1)
        theta[2 * n : 3 * n] = -(slopes * centres).sum(dim=1)
        found = green(problem, model, theta, (0.4, 0.6), points, cutoff=1e-9)
        true = known_green.square(found.at, points)
        errors.append(float((found.values - true).norm() / true.norm()))
    assert errors[1] < 0.4 * errors[0]
    assert errors[2] < 0.6 * errors[1]
    assert errors[-1] < 0.12  # the logarithm at the base point is what is missing


def test_the_closed_forms_solve_their_equations():
    # int g(x, y) f(y) dy against the solutions of two sources.
    y = cells(INTERVAL, 4000)
    at = torch.tensor([[0.2], [0.7]], dtype=torch.float64)
    u = known_green.interval(at, y) @ torch.sin(math.pi * y[:, 0]) / len(y)
    torch.testing.assert_close(u, torch.sin(math.pi * at[:, 0]) / math.pi**2, rtol=1e-6, atol=0)
    z = cells(ax.Box(x=(0, 1), y=(0, 1)), 50)
    at = torch.tensor([[0.2, 0.35]], dtype=torch.float64)
    f = torch.sin(math.pi * z[:, 0]) * torch.sin(2 * math.pi * z[:, 1])
    u = known_green.square(at, z) @ f / len(z)
    expected = math.sin(0.2 * math.pi) * math.sin(0.7 * math.pi) / (5 * math.pi**2)
    assert math.isclose(float(u), expected, rel_tol=2e-2)


# The door


def test_defaults_are_a_grid_and_the_first_condition():
    found = nntk(heat(), MODEL, THETA, (0.5, 0.5))
    assert found.values.shape == (1, 41 * 41)
    assert found.points.amin(0).tolist() == [0, 0]
    assert found.points.amax(0).tolist() == [2, 1]
    assert "NNTK" in repr(found)


def test_kernels_live_on_the_device_of_the_model(device):
    model = ax.MLP([2, 6, 1], device=device)
    theta = THETA.to(device)
    for kernel in (ntk, nntk, green):
        found = kernel(heat(), model, theta, AT, SQUARE.grid(3, 3)).values
        assert found.device.type == device
        expected = kernel(heat(), MODEL, THETA, AT, SQUARE.grid(3, 3)).values
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-6, atol=1e-6)
    assert spectrum(heat(), model, theta).rank == spectrum(heat(), MODEL, THETA).rank


def test_the_example_of_the_docs_runs(tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text()
    code = page.split("```python\n")[1].split("```")[0]
    assert "run = ax.train(problem, steps=40)" in code
    monkeypatch.chdir(tmp_path)
    exec(code.replace("steps=40", "steps=20, progress=False"), {})
    assert {path.name for path in tmp_path.iterdir()} == {"nntk.png", "spectrum.png"}


def test_fields_and_components_are_those_asked_for():
    stokes = ax.Problem(
        ("x",),
        ("u", "v"),
        {"pair": ax.Condition(lambda u, v, x: (u.d("x"), v * u), INTERVAL.grid(20))},
    )
    model = ax.MLP([1, 5, 2])
    theta = model.init(1)
    at = torch.tensor([[0.25]], dtype=torch.float64)
    _, J = ax.jacobian(stokes, model, theta)  # rows: 20 of u', then 20 of v u
    points = stokes.conditions["pair"].points
    G = torch.linalg.pinv(J.T @ J, hermitian=True, rtol=1e-12)
    psi = J[20:] * math.sqrt(20)
    phi = jacrev(lambda th: torch.stack(list(_values(th, at))))(theta)  # [2, P]
    for index, field in enumerate(stokes.fields):
        found = green(
            stokes, model, theta, at, points, component=1, field=field, cutoff=1e-6
        ).values[0]
        torch.testing.assert_close(found, phi[index] @ G @ psi.T, rtol=1e-5, atol=1e-7)


def _values(theta: torch.Tensor, at: torch.Tensor):
    """Both outputs of 1-5-2 at one point, in torch."""
    W, b, V, c = theta.split([5, 5, 10, 2])
    return V.view(2, 5) @ torch.tanh(W * at[0, 0] + b) + c


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"of": "walls"}, ValueError, "of must be one of"),
        ({"at": (0.5,)}, ValueError, "at must have 2 coordinates"),
        ({"at": 0.5}, TypeError, "at must be a tensor"),
        ({"at": torch.zeros(2, 3, dtype=torch.float64)}, ValueError, "at must have shape"),
        (
            {"points": torch.full((1, 2), math.nan, dtype=torch.float64)},
            ValueError,
            "points must be",
        ),
        ({"component": 1}, ValueError, "component must be one of"),
        ({"cutoff": -1.0}, ValueError, "cutoff must be"),
        ({"field": "v"}, ValueError, "field must be one of"),
        ({"theta": THETA[1:]}, ValueError, "theta must have shape"),
        ({"problem": "heat"}, TypeError, "problem must be a Problem"),
    ],
)
def test_wrong_arguments_are_named(changes, kind, message):
    arguments = {"problem": heat(), "model": MODEL, "theta": THETA, "at": AT, **changes}
    with pytest.raises(kind, match=message):
        green(**arguments)


def test_more_than_two_coordinates_need_points():
    cube = ax.Box(x=(0, 1), y=(0, 1), z=(0, 1))
    problem = ax.Problem(
        ("x", "y", "z"), ("u",), {"inside": ax.Condition(lambda u, x: u.laplacian(), cube.grid(3))}
    )
    model = ax.MLP([3, 4, 1])
    with pytest.raises(ValueError, match="points must be given"):
        ntk(problem, model, model.init(0), (0.5, 0.5, 0.5))
