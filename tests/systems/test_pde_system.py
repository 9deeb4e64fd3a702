"""The stacked least-squares problem: its parts agree with each other and with closed forms."""

from __future__ import annotations

import math

import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.verdicts.validation import Validation

BOX = ax.Box(x=(0, 1), y=(-1, 1))
WIDTHS = [2, 6, 5, 2]
MODEL = ax.MLP(WIDTHS)


def coupled(device, **options):
    """Two fields, nonlinear, several components, a sampled condition and measured data."""
    data = torch.linspace(0, 1, 7, dtype=torch.float64, device=device)
    return ax.Problem(
        coordinates=("x", "y"),
        fields=("u", "v"),
        conditions={
            "pde": ax.Condition(
                lambda u, v, x: (u.laplacian() - v**2, u * v.d("x") + x.y), BOX.grid(5, 4)
            ),
            "walls": ax.Condition(lambda u, v, x: u - 1.0, BOX.faces("x").sobol(11), weight=2.0),
            "data": ax.Condition(lambda u, v, x: v - data, BOX.grid(7, 1)),
        },
        **options,
    )


@pytest.fixture
def model(device):
    return ax.MLP(WIDTHS, device=device)


@pytest.fixture(params=["mean", "none"])
def system(request, model):
    return PdeSystem(coupled(model.device, row_scaling=request.param), model, seed=3)


@pytest.fixture
def theta(model):
    return model.init(0)


@pytest.fixture
def thetas(model):
    return torch.stack([model.init(seed) for seed in range(6)])


def test_rows(system):
    assert system.n_rows == 2 * 20 + 11 + 7
    assert system.n_parameters == MODEL.n_parameters
    assert system.row_slices == {
        "pde": slice(0, 40), "walls": slice(40, 51), "data": slice(51, 58),
    }  # fmt: skip  # a table


def test_all_ways_to_the_residual_agree(system, theta, thetas):
    r, J = system.residual_and_matrix(theta)
    assert J.shape == (58, MODEL.n_parameters)
    assert torch.equal(system.residual(theta), r)
    many = system.residuals(thetas)
    for one, row in zip(thetas, many, strict=True):
        torch.testing.assert_close(row, system.residual(one), rtol=1e-13, atol=1e-15)


def test_losses_are_half_the_squared_norm(system, thetas):
    expected = torch.stack([0.5 * system.residual(theta).square().sum() for theta in thetas])
    torch.testing.assert_close(system.losses(thetas), expected, rtol=1e-13, atol=0)


def test_the_gradient_without_the_jacobian(system, theta):
    r, J = system.residual_and_matrix(theta)
    loss, gradient = system.gradient(theta)
    assert loss == pytest.approx(0.5 * float(r @ r), rel=1e-14)
    torch.testing.assert_close(gradient, J.T @ r, rtol=1e-12, atol=1e-14)


def test_a_residual_that_takes_one_parameter_vector_only(device):
    ones = torch.ones(2, dtype=torch.float64, device=device)
    condition = ax.Condition(
        lambda u, x: torch.stack([u.value, u.d("x")], dim=1) @ ones, BOX.grid(3, 3)
    )
    model = ax.MLP([2, 4, 1], device=device)
    thetas = torch.stack([model.init(seed) for seed in range(3)])
    system = PdeSystem(ax.Problem(("x", "y"), ("u",), {"a": condition}), model)
    expected = torch.stack([system.residual(theta) for theta in thetas])
    assert torch.equal(system.residuals(thetas), expected)
    torch.testing.assert_close(
        system.losses(thetas), 0.5 * expected.square().sum(dim=1), rtol=1e-14, atol=0
    )


def test_more_parameter_vectors_than_fit_into_one_batch(monkeypatch, model):
    monkeypatch.setattr("anagram_ext.systems.pointwise._BATCH_BYTES", 5000)
    system = PdeSystem(coupled(model.device), model)
    thetas = torch.stack([model.init(seed) for seed in range(7)])
    expected = torch.stack([system.residual(theta) for theta in thetas])
    torch.testing.assert_close(system.residuals(thetas), expected, rtol=1e-13, atol=1e-15)


def test_losses_that_are_not_finite_are_infinite(device):
    condition = ax.Condition(lambda u, x: torch.log(u), BOX.grid(1))
    line = ax.MLP([2, 1], "identity", device=device)
    system = PdeSystem(ax.Problem(("x", "y"), ("u",), {"a": condition}), line)
    biases = torch.tensor([[1.0], [-1.0], [0.0]], dtype=torch.float64, device=device)
    thetas = torch.cat([torch.zeros_like(biases).expand(3, 2), biases], dim=1)
    assert system.losses(thetas).tolist() == [0.0, math.inf, math.inf]
    assert Validation(system).held_out_loss(thetas[1]) == math.inf


def test_an_empty_condition_has_no_rows(device):
    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "none": ax.Condition(lambda u, x: u.d("x"), torch.empty(0, 2)),
            "some": ax.Condition(lambda u, x: u.d("x"), BOX.grid(2)),
        },
    )
    model = ax.MLP([2, 3, 1], device=device)
    system = PdeSystem(problem, model)
    theta = model.init(0)
    r, J = system.residual_and_matrix(theta)
    assert J.shape == (4, model.n_parameters)
    torch.testing.assert_close(system.gradient(theta)[1], J.T @ r, rtol=1e-13, atol=1e-15)
    torch.testing.assert_close(system.losses(theta[None])[0], 0.5 * r @ r)
    assert math.isfinite(Validation(system).held_out_loss(theta))


def test_sampled_points_follow_the_seed(system, model, theta):
    first = system.residual(theta)
    walls = system.row_slices["walls"]
    again = PdeSystem(system.problem, model, seed=3)
    assert torch.equal(again.residual(theta), first)
    changed = PdeSystem(system.problem, model, seed=4).residual(theta)
    assert not torch.equal(changed[walls], first[walls])
    assert torch.equal(changed[:40], first[:40])


def test_conditions_with_the_same_sampler_draw_different_points(device):
    sampler = BOX.uniform(20)
    both = {name: ax.Condition(lambda u, x: u + x.x, sampler) for name in ("a", "b")}
    model = ax.MLP([2, 3, 1], device=device)
    r = PdeSystem(ax.Problem(("x", "y"), ("u",), both), model).residual(model.init(0))
    assert not torch.equal(r[:20], r[20:])


def test_l2_error_of_a_known_function(device):
    # u = x against the solution 0 and 2 x; the mean of x^2 over [0, 1] is 1/3.
    line = ax.MLP([2, 1], "identity", device=device)
    theta = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64, device=device)
    conditions = {"a": ax.Condition(lambda u, x: u, BOX.faces().grid(5))}
    for solution, absolute, relative in (
        (lambda x: 0 * x.x, 3**-0.5, math.inf),
        (lambda x: 2 * x.x, 3**-0.5, 0.5),
    ):
        problem = ax.Problem(("x", "y"), ("u",), conditions, solution=solution)
        # 10 000 Sobol points integrate x^2 to about 1e-4.
        assert Validation(PdeSystem(problem, line)).l2_error(theta) == pytest.approx(
            (absolute, relative), rel=1e-3
        )


def test_l2_error_on_given_points_and_several_fields(model):
    points = torch.tensor([[0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    problem = coupled(model.device, solution=lambda x: (x.x, 2 * x.x), evaluation=points)
    theta = torch.zeros_like(model.init(0))  # u = v = 0
    absolute, relative = Validation(PdeSystem(problem, model)).l2_error(theta)
    assert absolute == pytest.approx(math.sqrt((1 + 4) / 4), rel=1e-14)
    assert relative == pytest.approx(1.0, rel=1e-14)


def test_no_solution_no_error():
    assert all(
        math.isnan(e) for e in Validation(PdeSystem(coupled("cpu"), MODEL)).l2_error(MODEL.init(0))
    )


def test_a_solution_of_the_wrong_shape():
    system = PdeSystem(coupled("cpu", solution=lambda x: x.x), MODEL)
    with pytest.raises(ValueError, match="solution must return one tensor"):
        Validation(system).l2_error(MODEL.init(0))


def coordinates_of(points, device):
    """A problem whose held-out residuals are the coordinates of the held-out points."""
    seen = []

    def residual(u, x):
        seen.append(x.points)
        return u * 1.0

    problem = ax.Problem(("x", "y"), ("u",), {"a": ax.Condition(residual, points)})
    model = ax.MLP([2, 1], "identity", device=device)
    Validation(PdeSystem(problem, model)).held_out_loss(model.init(0))
    return seen[0].cpu(), seen[-1].cpu()


def test_held_out_points_fill_the_whole_region_of_a_grid(device):
    given, fresh = coordinates_of(BOX.grid(8, 9), device)
    assert len(fresh) == 4 * len(given)
    assert not set(map(tuple, fresh.tolist())) & set(map(tuple, given.tolist()))
    # All of the box, the strip between the grid and the boundary too.
    assert BOX.contains(fresh).all()
    for axis in range(2):
        assert fresh[:, axis].min() < given[:, axis].min()
        assert fresh[:, axis].max() > given[:, axis].max()


def test_held_out_points_of_a_boundary_stay_on_it(device):
    given, fresh = coordinates_of(BOX.faces().grid(9), device)
    assert len(fresh) == 4 * len(given)
    on_face = (fresh[:, 0] == 0) | (fresh[:, 0] == 1) | (fresh[:, 1].abs() == 1)
    assert on_face.all()
    some = fresh[: len(given)]
    assert (some != given).any(dim=1).sum() >= 28  # all but the two corners of every face


def test_held_out_points_of_a_sampler_come_from_it(device):
    given, fresh = coordinates_of(BOX.face(x=1).uniform(12), device)
    assert (fresh[:, 0] == 1).all()
    assert not torch.equal(fresh, given)


def test_nothing_is_held_out_from_measured_data(device):
    points = BOX.grid(4, 1)
    data = torch.tensor([1.0, 2.0, 4.0, 3.0], dtype=torch.float64, device=device)
    problem = ax.Problem(("x", "y"), ("u",), {"a": ax.Condition(lambda u, x: u - data, points)})
    model = ax.MLP([2, 1], "identity", device=device)
    system = PdeSystem(problem, model)
    theta = model.init(0)
    assert Validation(system).unseen == ("a",)
    assert math.isnan(Validation(system).held_out_loss(theta))


def test_held_out_loss_of_a_known_function(device):
    # Residual x with u = x: half the mean of x^2 is 1/6.
    line = ax.MLP([2, 1], "identity", device=device)
    theta = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64, device=device)
    corners = torch.tensor([[0.0, -1.0], [1.0, 1.0], [0.5, 0.5]], dtype=torch.float64)
    points = torch.cat([corners, BOX.grid(20)])
    problem = ax.Problem(("x", "y"), ("u",), {"a": ax.Condition(lambda u, x: u, points)})
    # Of 403 Sobol points the mean of x^2 is accurate to better than 1 %.
    assert Validation(PdeSystem(problem, line)).held_out_loss(theta) == pytest.approx(
        1 / 6, rel=1e-2
    )


def test_float32_systems_compute_in_float32(device):
    model = ax.MLP([2, 5, 1], dtype=torch.float32, device=device)
    condition = ax.Condition(lambda u, x: u.d("xx") - x.y, BOX.grid(3))
    system = PdeSystem(ax.Problem(("x", "y"), ("u",), {"a": condition}), model)
    r, J = system.residual_and_matrix(model.init(0))
    assert r.dtype == J.dtype == system.losses(model.init(0)[None]).dtype == torch.float32
