"""One engine surface on every device: jets, Jacobian, J^T w and J v against torch.func.

Tolerance in double: sums of a few thousand products in another order; in single, a few thousand
units in the last place.
"""

from __future__ import annotations

import pytest
import torch

import anagram_ext as ax
import reference
from anagram_ext.native.plan import Plan
from anagram_ext.pde import operators
from anagram_ext.systems.pde_system import PdeSystem

TOLERANCE = {torch.float64: 1e-12, torch.float32: 5e-4}
COORDINATES = ("t", "x")
WANTED = (
    operators.derivative(("",), COORDINATES),
    operators.derivative(("t",), COORDINATES),
    operators.laplacian((), COORDINATES),
)
# narrow: a tile fits into the shared memory of a GPU; wide: it does not
NETWORKS = {"narrow": [2, 33, 9, 2], "deep": [2, 5, 5, 5, 5, 1], "wide": [2, 600, 600, 1]}


def relative_distance(a, b):
    return float(torch.linalg.norm(a.cpu().double() - b) / torch.linalg.norm(b))


class Case:
    """A network with residuals sum_kj s_ckj (D_k u_j)(x), c < C, and what torch.func says."""

    def __init__(self, device, name, dtype, n=7, n_residuals=2):
        widths = NETWORKS[name]
        self.model = ax.MLP(widths, "tanh", dtype=dtype, device=device)
        self.plan = Plan.cached(tuple(widths), "tanh", WANTED, device)
        self.theta = self.model.init(1)
        self.n, self.n_residuals = n, n_residuals
        rng = torch.Generator().manual_seed(2)
        on_device = {"device": device, "dtype": dtype}
        points = torch.randn(n, 2, generator=rng, dtype=torch.float64)
        factors = torch.randn(n_residuals, 3, widths[-1], generator=rng, dtype=torch.float64)
        self.points = points.to(**on_device)
        self.seeds = factors[..., None].expand(-1, -1, -1, n).contiguous().to(**on_device)
        self.w = torch.randn(n_residuals * n, generator=rng, dtype=torch.float64).to(**on_device)
        self.v = torch.randn(len(self.theta), generator=rng, dtype=torch.float64).to(**on_device)

        def pointwise(u, _x):
            jets = [[u(j, name) for name in ("", "t")] for j in range(widths[-1])]
            for j, known in enumerate(jets):
                known.append(u(j, "tt") + u(j, "xx"))
            return tuple(
                sum(s[k, j] * jets[j][k] for k in range(3) for j in range(widths[-1]))
                for s in factors
            )

        self.r, self.J = reference.residual_and_jacobian(
            reference.Network(widths, "tanh"), self.theta.cpu().double(), points, "tx", pointwise
        )

    def jacobian(self):
        J = self.theta.new_full((len(self.r), len(self.theta)), torch.nan)
        self.plan.jacobian(self.theta, self.points, self.seeds, J)
        return J


@pytest.fixture(params=sorted(NETWORKS))
def case(request, device):
    return Case(device, request.param, torch.float64)


def test_jets(case):
    jets = case.plan.jets(case.theta, case.points)
    r = torch.einsum("ckjn,kjn->cn", case.seeds, jets).reshape(-1)
    assert relative_distance(r, case.r) < TOLERANCE[torch.float64]


def test_jets_of_several_parameter_vectors(case):
    thetas = torch.stack([case.theta, 0.5 * case.theta, -case.theta])
    many = case.plan.jets_many(thetas, case.points)
    singles = torch.stack([case.plan.jets(theta, case.points) for theta in thetas])
    assert relative_distance(many, singles.cpu()) < TOLERANCE[torch.float64]


def test_jacobian(case):
    assert relative_distance(case.jacobian(), case.J) < TOLERANCE[torch.float64]


def test_products_without_the_jacobian(case):
    start = torch.ones_like(case.theta)  # vjp adds
    gradient = start.clone()
    case.plan.vjp(case.theta, case.points, case.seeds, case.w, gradient)
    tangent = torch.full_like(case.w, torch.nan)
    case.plan.jvp(case.theta, case.points, case.seeds, case.v, tangent)
    expected = case.J.T @ case.w.cpu()
    assert relative_distance(gradient - start, expected) < TOLERANCE[torch.float64]
    assert relative_distance(tangent, case.J @ case.v.cpu()) < TOLERANCE[torch.float64]


@pytest.mark.parametrize("name", sorted(NETWORKS))
def test_single_precision(device, name):
    case = Case(device, name, torch.float32)
    assert relative_distance(case.jacobian(), case.J) < TOLERANCE[torch.float32]


@pytest.mark.parametrize("n", [1, 31, 1000])
def test_any_number_of_points(device, n):
    case = Case(device, "narrow", torch.float64, n=n, n_residuals=1)
    assert relative_distance(case.jacobian(), case.J) < TOLERANCE[torch.float64]


def test_no_points(device):
    model = ax.MLP([2, 4, 1], device=device)
    assert model(model.init(0), torch.zeros(0, 2)).shape == (0, 1)


def test_rows_may_lie_apart(case):
    wide = case.theta.new_full((len(case.r), len(case.theta) + 5), 7.0)
    case.plan.jacobian(case.theta, case.points, case.seeds, wide[:, 2:-3])
    assert relative_distance(wide[:, 2:-3], case.J) < TOLERANCE[torch.float64]
    assert bool((wide[:, :2] == 7).all())
    assert bool((wide[:, -3:] == 7).all())


def test_same_bits_every_time(device):
    case = Case(device, "narrow", torch.float64, n=500)
    first = case.jacobian()
    gradients = torch.zeros(2, len(case.theta), dtype=torch.float64, device=device)
    for gradient in gradients:
        case.plan.vjp(case.theta, case.points, case.seeds, case.w, gradient)
    assert torch.equal(case.jacobian(), first)
    assert torch.equal(gradients[0], gradients[1])


def test_residual_gradient_and_loss_of_a_problem(device):
    problem = ax.problems.heat()
    system = PdeSystem(problem, ax.MLP([2, 16, 16, 1], device=device))
    theta = system.model.init(0)
    r, J = system.residual_and_matrix(theta)
    loss, gradient = system.gradient(theta)
    on_cpu = PdeSystem(problem, ax.MLP([2, 16, 16, 1]))
    expected_r, expected_J = on_cpu.residual_and_matrix(theta.cpu())
    assert r.device.type == J.device.type == gradient.device.type == device
    assert relative_distance(r, expected_r) < TOLERANCE[torch.float64]
    assert relative_distance(J, expected_J) < TOLERANCE[torch.float64]
    assert relative_distance(gradient, expected_J.T @ expected_r) < TOLERANCE[torch.float64]
    assert loss == pytest.approx(0.5 * float(expected_r @ expected_r), rel=1e-12)
    assert float(system.losses(theta[None])[0]) == pytest.approx(loss, rel=1e-12)


@pytest.mark.gpu
def test_work_goes_to_the_current_stream(gpu):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        case = Case(gpu, "narrow", torch.float64, n=300)
        J = case.jacobian()
    stream.synchronize()
    assert relative_distance(J, case.J) < TOLERANCE[torch.float64]


@pytest.mark.gpu
def test_tensors_of_two_devices_are_refused(gpu):
    case = Case(gpu, "narrow", torch.float64)
    with pytest.raises(ValueError, match=r"seeds must be .* on cuda:0, got .* on cpu"):
        case.plan.jvp(case.theta, case.points, case.seeds.cpu(), case.v, case.w)


def test_arguments_are_checked(case):
    with pytest.raises(ValueError, match=r"seeds must be float64 \[\*, 3, "):
        case.plan.jvp(case.theta, case.points, case.seeds[:, :2], case.v, case.w)
    with pytest.raises(ValueError, match="points must be float64"):
        case.plan.jets(case.theta, case.points.float())
