"""What every implementation of a protocol must satisfy, as functions that a test calls."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch

import anagram_ext as ax
from anagram_ext.models.model import model_of
from anagram_ext.systems.pde_system import PdeSystem

EPS = torch.finfo(torch.float64).eps


def check_region(region, own_metric: bool = True) -> None:
    """A `Region`: places fill it evenly, whatever they know of it is true."""
    d = len(region.names)
    unit = np.random.default_rng(0).random((4096, d))
    points = region.place(unit)
    assert points.shape == (4096, d)
    assert points.region is region
    assert bool(region.contains(points).all())
    for (lower, upper), column in zip(region.bounds, points.unbind(1), strict=True):
        assert lower <= float(column.min()) <= float(column.max()) <= upper
    outside = points + (torch.tensor([upper - lower + 1 for lower, upper in region.bounds]))
    assert not bool(region.contains(outside).any())
    assert torch.equal(region.place(unit), points)
    if region.dimension == d:
        _check_measure(region)
        check_boundary(region.boundary(), region)
        _check_quadrature(region)
        if own_metric:
            _check_distance(region)
    elif points.normals is not None:
        check_boundary(region)


def _check_measure(region) -> None:
    """The share of the bounding box that it contains, by Monte Carlo: within five deviations."""
    n = 100_000
    lower, upper = torch.tensor(region.bounds, dtype=torch.float64).T
    rng = torch.Generator().manual_seed(0)
    unit = torch.rand((n, len(region.names)), generator=rng, dtype=torch.float64)
    share = float(region.contains(lower + (upper - lower) * unit).double().mean())
    volume = float((upper - lower).prod())
    deviation = volume * math.sqrt(share * (1 - share) / n)
    assert abs(region.measure - share * volume) <= 5 * deviation + 1e-12 * volume


def _check_quadrature(region) -> None:
    """Constants are integrated to the measure, on the region and on its boundary."""
    for part in (region, region.boundary()):
        points = part.quadrature(8)
        assert points.region is part
        assert points.weights.shape == points.shape[:1]
        assert bool(part.contains(points).all())
        total = float(points.weights.sum())
        assert abs(total - part.measure) <= 1e-3 * part.measure


def _check_distance(region) -> None:
    """Negative inside, positive outside; on the boundary its gradient is the normal."""
    unit = np.random.default_rng(2).random((256, len(region.names)))
    assert bool((region.distance(region.place(unit)) <= 1e-12).all())
    points = region.boundary().place(unit)
    scale = max(upper - lower for lower, upper in region.bounds)
    assert float(region.distance(points).abs().max()) <= 1e-12 * scale
    step = 1e-6 * scale
    along = region.distance(points + step * points.normals)
    # All but the points next to a corner, or to a place where the shape touches itself.
    assert float(((along - step).abs() <= 1e-3 * step).double().mean()) > 0.98


def check_boundary(boundary, domain=None) -> None:
    """Points on it carry normals of unit length that point out of the domain."""
    points = boundary.place(np.random.default_rng(1).random((512, len(boundary.names))))
    assert boundary.dimension == len(boundary.names) - 1
    assert points.normals.shape == points.shape
    lengths = torch.linalg.vector_norm(points.normals, dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths), rtol=4 * EPS, atol=0)
    if domain is None:
        # Away from the middle of a convex region, or across a single face.
        middle = torch.tensor(boundary.bounds, dtype=torch.float64).mean(dim=1)
        assert bool((((points - middle) * points.normals).sum(dim=1) >= 0).all())
        return
    step = 1e-7 * max(upper - lower for lower, upper in domain.bounds)
    assert not bool(domain.contains(points + step * points.normals).any())
    inward = domain.contains(points - step * points.normals)
    assert float(inward.double().mean()) > 0.99  # all but those next to a sharp corner


def check_jacobian(jacobian, dense: torch.Tensor) -> None:
    """A `Jacobian` does what the matrix does, rows in the same order.

    Args:
        jacobian: made anew; it may be overwritten.
        dense: the same J [S, P] from elsewhere.
    """
    S, P = dense.shape
    rng = torch.Generator().manual_seed(3)
    v, w, by = (torch.randn(n, generator=rng, dtype=torch.float64).to(dense) for n in (P, S, P))
    by = by.abs() + 0.5
    tolerance = {"rtol": 0.0, "atol": 1e3 * EPS * float(dense.norm()) * max(S, P) ** 0.5}
    assert jacobian.shape == (S, P)
    torch.testing.assert_close(jacobian.matvec(v), dense @ v, **tolerance)
    torch.testing.assert_close(jacobian.rmatvec(w), dense.T @ w, **tolerance)
    torch.testing.assert_close(jacobian.column_norms(), dense.norm(dim=0), **tolerance)
    gram = dense.T @ dense
    torch.testing.assert_close(jacobian.gram(), gram, rtol=0.0, atol=1e3 * EPS * float(gram.norm()))
    if jacobian.has_all_rows:
        row_gram = dense @ dense.T
        allowed = 1e3 * EPS * float(row_gram.norm())
        torch.testing.assert_close(jacobian.row_gram(), row_gram, rtol=0.0, atol=allowed)
    factorisation = jacobian.factorise()
    _check_factorisation(factorisation, dense, w)
    scaled, expected = jacobian.scaled(by), dense / by
    torch.testing.assert_close(scaled.matvec(v), expected @ v, **tolerance)
    torch.testing.assert_close(scaled.column_norms(), expected.norm(dim=0), **tolerance)
    _check_factorisation(scaled.factorise(), expected, w)


def _check_factorisation(factorisation, dense: torch.Tensor, r: torch.Tensor) -> None:
    sigma = torch.linalg.svdvals(dense)
    found = factorisation.singular_values
    allowed = 1e3 * EPS * float(sigma[0])
    torch.testing.assert_close(found, sigma[: len(found)], rtol=0.0, atol=allowed)
    cutoff = 1e-3
    rank = int((sigma > cutoff * sigma[0]).sum())
    assert factorisation.rank(cutoff) == rank
    expected = torch.linalg.pinv(dense, rtol=cutoff) @ r
    torch.testing.assert_close(
        factorisation.direction(r, cutoff), expected, rtol=0.0, atol=1e-10 * float(expected.norm())
    )


def check_system(system, theta: torch.Tensor) -> None:
    """A `System`: all ways to residual, loss and derivative agree with each other."""
    assert theta.shape == (system.n_parameters,)
    thetas = torch.stack([theta, 0.9 * theta, theta + 0.01])
    residuals = system.residuals(thetas)
    assert residuals.shape == (3, system.n_rows)
    losses = 0.5 * residuals.square().sum(dim=1)
    torch.testing.assert_close(system.losses(thetas), losses, rtol=1e-13, atol=0.0)
    here = system.linearise(theta)
    torch.testing.assert_close(here.residual, residuals[0], rtol=1e-12, atol=1e-15)
    assert abs(here.loss - float(losses[0])) <= 1e-13 * float(losses[0])
    loss, gradient = system.gradient(theta)
    assert abs(loss - here.loss) <= 1e-13 * here.loss
    expected = here.jacobian.rmatvec(here.residual)
    scale = float(expected.norm()) + float(here.residual.norm())
    torch.testing.assert_close(gradient, expected, rtol=0.0, atol=1e-12 * scale)
    # J against central differences: their error is of order h^2, 1e-8 here.
    direction = torch.linspace(-1, 1, len(theta), dtype=theta.dtype).to(theta) / len(theta) ** 0.5
    h = 1e-4
    ahead, behind = system.residuals(torch.stack([theta + h * direction, theta - h * direction]))
    slope = system.linearise(theta).jacobian.matvec(direction)
    allowed = 1e-5 * float(slope.norm()) + 1e-9
    torch.testing.assert_close(slope, (ahead - behind) / (2 * h), rtol=0.0, atol=allowed)
    assert system.draws >= 0
    assert list(system.redrawn) == [] or system.draws == 0


def check_jet_map(model, theta: torch.Tensor, points: torch.Tensor, wanted, reference) -> None:
    """A model's `JetMap` against derivatives from elsewhere.

    Args:
        model: satisfies `Model`.
        theta: parameters [P].
        points: [n, d].
        wanted: K operators.
        reference: ``reference(theta)`` gives the same jets [K, m, n] in torch, differentiable.
    """
    K, m, n = len(wanted), model.n_channels, len(points)
    assert sum(part.stop - part.start for part in model.layout.values()) == model.n_parameters
    jets = model.jets(wanted)
    expected = reference(theta)
    found = jets.jets(theta, points)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)
    many = jets.jets_many(torch.stack([theta, 0.5 * theta]), points)
    torch.testing.assert_close(many[0], found, rtol=1e-13, atol=1e-14)
    torch.testing.assert_close(many[1], reference(0.5 * theta), rtol=1e-12, atol=1e-13)
    rng = torch.Generator().manual_seed(5)
    seeds = torch.randn((2, K, m, n), generator=rng, dtype=theta.dtype)
    dense = torch.func.jacrev(lambda t: (seeds * reference(t)).sum(dim=(1, 2)).reshape(-1))(theta)
    rows = theta.new_empty((2 * n, len(theta)))
    jets.jacobian(theta, points, seeds, rows)
    scale = float(dense.abs().max())
    torch.testing.assert_close(rows, dense, rtol=0.0, atol=1e-12 * scale)
    w, v = (torch.randn(k, generator=rng, dtype=theta.dtype) for k in (2 * n, len(theta)))
    pulled, pushed = torch.zeros_like(theta), theta.new_empty(2 * n)
    jets.vjp(theta, points, seeds, w, pulled)
    jets.jvp(theta, points, seeds, v, pushed)
    torch.testing.assert_close(pulled, dense.T @ w, rtol=0.0, atol=1e-12 * scale * n)
    torch.testing.assert_close(pushed, dense @ v, rtol=0.0, atol=1e-12 * scale * n)


def check_method(make, system, theta: torch.Tensor) -> None:
    """A `Method`: says the truth, leaves earlier iterates alone, and can be resumed."""
    method = make()
    assert method.name
    assert method.default_steps >= 1
    assert method.evaluate_every >= 1
    start = theta.clone()
    method.start(system, theta)
    first = method.step()
    kept = first.theta.clone()
    state = copy.deepcopy(method.state())
    uninterrupted = [method.step() for _ in range(3)]
    assert torch.equal(theta, start)
    assert torch.equal(first.theta, kept)
    for info in (first, *uninterrupted):
        loss = float(system.losses(info.theta[None])[0])
        assert abs(info.loss - loss) <= 1e-12 * loss
        assert info.evaluations >= 1
        assert info.accepted
    resumed = make()
    resumed.restore(system, state)
    for expected in uninterrupted:
        info = resumed.step()
        distance = float(torch.linalg.norm(info.theta - expected.theta))
        assert distance <= 1e-12 * float(torch.linalg.norm(expected.theta))
        assert info.stop == expected.stop


def check_rows_of(problem, model, residual, device="cpu") -> None:
    """All rows of a problem against a plain function of theta, kept in every way.

    Args:
        problem: with points that stay the same.
        model: an MLP or a Model.
        residual: ``residual(theta)`` gives the same r [S] in torch, differentiable.
        device: where the product computes.
    """
    whole = model_of(problem, model, device)
    theta = whole.init(3)
    here = theta.cpu()
    expected = residual(here)
    dense = torch.func.jacrev(residual)(here)
    r, J = ax.jacobian(problem, whole, theta)
    allowed = {"rtol": 0.0, "atol": 1e-12 * float(dense.abs().max())}
    torch.testing.assert_close(r.cpu(), expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(J.cpu(), dense, **allowed)
    for memory in ("stored", "streamed"):
        system = PdeSystem(problem, whole, memory=memory)
        if device == "cpu":
            check_system(system, theta)
            check_jacobian(system.linearise(theta).jacobian, dense)
        jacobian = system.linearise(theta).jacobian
        v, w = (
            torch.linspace(-1, 1, len(here)).double(),
            torch.linspace(1, 2, len(expected)).double(),
        )
        size = float(dense.norm())
        pushed, pulled = jacobian.matvec(v.to(theta)), jacobian.rmatvec(w.to(theta))
        torch.testing.assert_close(pushed.cpu(), dense @ v, rtol=0.0, atol=1e-12 * size * len(v))
        torch.testing.assert_close(pulled.cpu(), dense.T @ w, rtol=0.0, atol=1e-12 * size * len(w))
        _, gradient = system.gradient(theta)
        expected_gradient = dense.T @ expected
        torch.testing.assert_close(
            gradient.cpu(),
            expected_gradient,
            rtol=0.0,
            atol=1e-12 * size * (1 + float(expected.norm())),
        )
        many = system.residuals(torch.stack([theta, 0.5 * theta]))
        torch.testing.assert_close(many[1].cpu(), residual(0.5 * here), rtol=1e-12, atol=1e-12)
