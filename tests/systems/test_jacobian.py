"""`ax.jacobian` and the jets against nested torch.func derivatives of a torch.nn.Sequential.

Tolerance: both sides add up the same few thousand products in another order, each with a relative
rounding error of 1e-16, and derivatives of order four lose one or two digits to cancellation. 1e-12
in the Frobenius norm leaves room for that and for nothing else: a wrong term shows at 1e-2.
"""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import anagram_ext as ax
import reference

TOLERANCE = 1e-12
ACTIVATIONS = ("tanh", "sin", "softplus", "gelu", "silu", "identity")


def relative_distance(a, b):
    return float(torch.linalg.norm(a.cpu() - b) / torch.linalg.norm(b))


# name: (coordinates, outputs, residual for the product, the same residual for the reference)
PDES = {
    "poisson": (
        "xy",
        1,
        lambda u, x: u.laplacian() + torch.sin(x.x) * x.y,
        lambda u, x: u(0, "xx") + u(0, "yy") + torch.sin(x[0]) * x[1],
    ),
    "heat": (
        "tx",
        1,
        lambda u, x: u.d("t") - 0.25 * u.d("xx"),
        lambda u, x: u(0, "t") - 0.25 * u(0, "xx"),
    ),
    "burgers": (
        "tx",
        1,
        lambda u, x: u.d("t") + u * u.d("x") - 0.01 / math.pi * u.d("xx"),
        lambda u, x: u(0, "t") + u(0, "") * u(0, "x") - 0.01 / math.pi * u(0, "xx"),
    ),
    "allen_cahn": (
        "tx",
        1,
        lambda u, x: u.d("t") - 1e-3 * u.d("xx") - 5 * (u - u**3),
        lambda u, x: u(0, "t") - 1e-3 * u(0, "xx") - 5 * (u(0, "") - u(0, "") ** 3),
    ),
    "biharmonic": (
        "xy",
        1,
        lambda u, x: u.biharmonic() - x.x,
        lambda u, x: u(0, "xxxx") + 2 * u(0, "xxyy") + u(0, "yyyy") - x[0],
    ),
    "kdv": (
        "tx",
        1,
        lambda u, x: u.d("t") + 6 * u * u.d("x") + u.d("xxx"),
        lambda u, x: u(0, "t") + 6 * u(0, "") * u(0, "x") + u(0, "xxx"),
    ),
    "kuramoto_sivashinsky": (
        "tx",
        1,
        lambda u, x: u.d("t") + u.d("xx") + u.d("xxxx") + 0.5 * u.d("x") ** 2,
        lambda u, x: u(0, "t") + u(0, "xx") + u(0, "xxxx") + 0.5 * u(0, "x") ** 2,
    ),
    "mixed": (
        "xy",
        1,
        lambda u, x: u.d("xy") * torch.exp(u) + u.d("xxy"),
        lambda u, x: u(0, "xy") * torch.exp(u(0, "")) + u(0, "xxy"),
    ),
    "anisotropic": (
        "xyz",
        1,
        lambda u, x: u.operator({"xx": 2.0, "xy": -0.5, "zz": 3.0}) + u.laplacian("y"),
        lambda u, x: 2 * u(0, "xx") - 0.5 * u(0, "xy") + 3 * u(0, "zz") + u(0, "yy"),
    ),
    "navier_stokes": (
        "xy",
        3,
        lambda u, v, p, x: (
            u * u.d("x") + v * u.d("y") + p.d("x") - 0.025 * u.laplacian(),
            u * v.d("x") + v * v.d("y") + p.d("y") - 0.025 * v.laplacian(),
            u.d("x") + v.d("y"),
        ),
        lambda u, x: (
            u(0, "") * u(0, "x") + u(1, "") * u(0, "y") + u(2, "x")
            - 0.025 * (u(0, "xx") + u(0, "yy")),
            u(0, "") * u(1, "x") + u(1, "") * u(1, "y") + u(2, "y")
            - 0.025 * (u(1, "xx") + u(1, "yy")),
            u(0, "x") + u(1, "y"),
        ),
    ),
}  # fmt: skip  # a table


def compare(device, name, hidden, activation, *, n_points, seed):
    letters, n_outputs, residual, pointwise = PDES[name]
    widths = [len(letters), *hidden, n_outputs]
    rng = torch.Generator().manual_seed(seed)
    points = 2 * torch.rand(n_points, len(letters), generator=rng, dtype=torch.float64) - 1
    problem = ax.Problem(
        coordinates=tuple(letters),
        fields=("u", "v", "p")[:n_outputs],
        conditions={"pde": ax.Condition(residual, points, weight=3.0)},
    )
    model = ax.MLP(widths, activation, device=device)
    theta = model.init(seed)
    r, J = ax.jacobian(problem, model, theta)

    network = reference.Network(widths, activation)
    expected_r, expected_J = reference.residual_and_jacobian(
        network, theta.cpu(), points, letters, pointwise
    )
    scale = math.sqrt(3.0 / n_points)
    assert relative_distance(r, scale * expected_r) < TOLERANCE
    assert relative_distance(J, scale * expected_J) < TOLERANCE


@pytest.mark.parametrize("name", PDES)
def test_every_equation(name, device):
    compare(device, name, (7, 6), "tanh", n_points=9, seed=1)


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS if a != "identity"])
@pytest.mark.parametrize("name", ["kuramoto_sivashinsky", "navier_stokes", "mixed"])
def test_every_activation(name, activation, device):
    compare(device, name, (6, 5), activation, n_points=7, seed=2)


def test_the_identity_makes_an_affine_function(device):
    # All higher derivatives vanish, so an equation of first order is compared.
    points = torch.rand(5, 2, dtype=torch.float64)
    problem = ax.Problem(
        ("t", "x"), ("u",), {"a": ax.Condition(lambda u, x: u.d("t") * u + u.d("x") ** 2, points)},
        row_scaling="none",
    )  # fmt: skip  # a table
    model = ax.MLP([2, 4, 3, 1], "identity", device=device)
    theta = model.init(0)
    r, J = ax.jacobian(problem, model, theta)
    expected = reference.residual_and_jacobian(
        reference.Network(model.widths, "identity"), theta.cpu(), points, "tx",
        lambda u, x: u(0, "t") * u(0, "") + u(0, "x") ** 2,
    )  # fmt: skip  # a table
    assert relative_distance(r, expected[0]) < TOLERANCE
    assert relative_distance(J, expected[1]) < TOLERANCE


@given(
    name=st.sampled_from(sorted(set(PDES) - {"biharmonic"})),
    hidden=st.lists(st.integers(1, 12), min_size=1, max_size=3),
    activation=st.sampled_from(ACTIVATIONS[:-1]),
    n_points=st.integers(1, 20),
    seed=st.integers(0, 1000),
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_random_networks_and_shapes(*, device, name, hidden, activation, n_points, seed):
    compare(device, name, hidden, activation, n_points=n_points, seed=seed)


@given(
    dimension=st.integers(1, 5),
    n_outputs=st.integers(1, 3),
    hidden=st.lists(st.integers(1, 9), min_size=0, max_size=3),
    activation=st.sampled_from(ACTIVATIONS),
    axes=st.lists(st.integers(0, 4), min_size=0, max_size=4),
    n_points=st.integers(1, 40),
)
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_random_derivatives(*, device, dimension, n_outputs, hidden, activation, axes, n_points):
    widths = [dimension, *hidden, n_outputs]
    axes = [axis % dimension for axis in axes]
    letters = "abcde"[:dimension]
    model = ax.MLP(widths, activation, device=device, coordinates=tuple(letters))
    theta = model.init(len(axes))
    rng = torch.Generator().manual_seed(n_points)
    points = torch.randn(n_points, dimension, generator=rng, dtype=torch.float64)
    name = "".join(letters[axis] for axis in axes)
    network = reference.Network(widths, activation)
    on_cpu = theta.cpu()
    expected = torch.func.vmap(lambda x: network.derivative(on_cpu, x, axes))(points)
    got = model.jet(theta, points, (name,))[name].cpu()
    # Derivatives of an affine network may vanish altogether.
    assert torch.linalg.norm(got - expected) <= TOLERANCE * max(
        float(torch.linalg.norm(expected)), 1e-3
    )


def test_single_precision(device):
    problem = ax.Problem(("t", "x"), ("u",), {"a": ax.Condition(PDES["kdv"][2], torch.rand(8, 2))})
    single = ax.MLP([2, 8, 8, 1], dtype=torch.float32, device=device)
    double = ax.MLP([2, 8, 8, 1])
    r, J = ax.jacobian(problem, single, single.init(0))
    expected_r, expected_J = ax.jacobian(problem, double, double.init(0))
    assert r.dtype == J.dtype == torch.float32
    # 1e-4: a thousand units in the last place of single precision.
    assert relative_distance(r.double(), expected_r) < 1e-4
    assert relative_distance(J.double(), expected_J) < 1e-4


def test_rows_of_several_conditions_are_stacked_in_order(device):
    points = torch.rand(4, 1, dtype=torch.float64)
    conditions = {
        "second": ax.Condition(lambda u, x: (u.d("x"), 2 * u), points),
        "first": ax.Condition(lambda u, x: u, points[:3]),
    }
    problem = ax.Problem(("x",), ("u",), conditions, row_scaling="none")
    model = ax.MLP([1, 5, 1], device=device)
    theta = model.init(0)
    r, J = ax.jacobian(problem, model, theta)
    assert J.shape == (11, model.n_parameters)
    jet = model.jet(theta, points, ("", "x"))
    expected = torch.cat([jet["x"], 2 * jet[""], jet[""][:3]])[:, 0]
    torch.testing.assert_close(r, expected, rtol=1e-14, atol=0)
