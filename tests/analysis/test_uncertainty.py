"""Uncertainty against dense formulas, brute force and repetitions of the noise."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.analysis import Uncertainty
from anagram_ext.systems.pde_system import PdeSystem
from small_systems import LeastSquares

DEGREE, N_DATA, TRUE_RATE = 7, 40, 1.3
UNKNOWNS = {"rate": slice(DEGREE + 1, DEGREE + 2)}
X_PDE, X_DATA = (torch.linspace(0, 1, n, dtype=torch.float64) for n in (20, N_DATA))
POWERS = torch.arange(DEGREE + 1)


def decay(data: torch.Tensor, equation_weight: float) -> LeastSquares:
    """A polynomial u with u' + rate u = 0, u(0) = 1 and measurements u(x_i) = data_i.

    Rows: 40 measurements, then 20 of the equation, then the initial value.
    """

    def residual(theta):
        w, rate = theta[:-1], theta[-1]
        u = X_PDE[:, None] ** POWERS @ w
        slope = (POWERS * X_PDE[:, None] ** (POWERS - 1).clamp(min=0)) @ w
        measured = X_DATA[:, None] ** POWERS @ w
        start = equation_weight * (w[:1] - 1)
        return torch.cat([measured - data, equation_weight * (slope + rate * u), start])

    return LeastSquares(residual, DEGREE + 2)


MEASURED = {"data": slice(0, N_DATA)}


def fit(system: LeastSquares) -> torch.Tensor:
    """The minimum by Gauss-Newton from near it."""
    theta = torch.cat([(-TRUE_RATE) ** POWERS.double() / torch.exp(torch.lgamma(POWERS + 1.0))])
    theta = torch.cat([theta, torch.tensor([TRUE_RATE], dtype=torch.float64)])
    for _ in range(4):
        here = system.linearise(theta)
        step = torch.linalg.lstsq(here.jacobian.matrix, here.residual, driver="gelsd").solution
        theta = theta - step
    return theta


def noisy(seed: int, noise: float = 0.02) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    return torch.exp(-TRUE_RATE * X_DATA) + noise * torch.from_numpy(rng.normal(size=N_DATA))


def dense(seed: int = 0, weight: float = 100.0):
    """System, optimum, residual and Jacobian."""
    system = decay(noisy(seed), weight)
    theta = fit(system)
    here = system.linearise(theta)
    return system, theta, here.residual, here.jacobian.matrix.clone()


# Against dense formulas


def test_with_all_rows_measured_it_is_the_schur_complement_over_all_weights():
    system, theta, r, J = dense(weight=1.0)
    found = Uncertainty(
        system.linearise(theta), theta, UNKNOWNS, {"all": slice(0, len(r))}, {"all": 1.0}
    )
    Jw, Jc = J[:, :-1], J[:, -1:]
    Q, _ = torch.linalg.qr(Jw)
    schur = Jc.T @ (Jc - Q @ (Q.T @ Jc))
    torch.testing.assert_close(found.covariance, torch.linalg.inv(schur), rtol=1e-7, atol=0)
    assert math.isclose(found.effective_parameters, J.shape[1], rel_tol=1e-10)
    estimate = found["rate"]
    assert estimate.value == theta[-1]
    assert math.isclose(estimate.std, float(schur) ** -0.5, rel_tol=1e-7)
    low, high = estimate.interval
    assert math.isclose(high - low, 2 * 1.959963984540054 * estimate.std, rel_tol=1e-9)


@pytest.mark.parametrize("weight", [0.3, 10.0])
def test_it_is_the_noise_carried_through_the_solve(weight):
    system, theta, _, J = dense(weight=weight)
    found = Uncertainty(system.linearise(theta), theta, UNKNOWNS, MEASURED, {"data": 0.02})
    carried = 0.02 * torch.linalg.pinv(J, rtol=1e-14)[:, :N_DATA]
    torch.testing.assert_close(found.covariance, (carried @ carried.T)[-1:, -1:], rtol=1e-6, atol=0)
    rows = torch.linspace(0, 1, 5, dtype=torch.float64)[:, None] ** POWERS
    rows = torch.cat([rows, torch.zeros(5, 1, dtype=torch.float64)], dim=1)
    expected = (rows @ carried).norm(dim=1)
    torch.testing.assert_close(found.propagated(rows), expected, rtol=1e-6, atol=1e-12)
    hat = J @ torch.linalg.pinv(J, rtol=1e-14)
    torch.testing.assert_close(found.leverage, hat.diagonal()[:N_DATA], rtol=1e-8, atol=1e-10)


def test_weighty_equations_leave_the_inverse_of_the_gram_matrix():
    system, theta, r, J = dense(weight=1e4)
    found = Uncertainty(system.linearise(theta), theta, UNKNOWNS, MEASURED, {"data": None})
    rest = r[:N_DATA].square().sum() / (N_DATA - found.effective_parameters)
    # Equal up to the weight of the measurements beside that of the equations, squared.
    assert math.isclose(found.noise["data"], math.sqrt(rest), rel_tol=1e-5)
    assert math.isclose(found.degrees_of_freedom, N_DATA - found.effective_parameters, rel_tol=1e-5)
    inverse = torch.linalg.inv(J.T @ J)[-1, -1]
    assert math.isclose(float(found.covariance), float(rest * inverse), rel_tol=1e-3)


def test_units_of_an_unknown_do_not_matter():
    base = decay(noisy(0), 100.0)
    theta = fit(base)
    units = torch.ones(base.n_parameters, dtype=torch.float64)
    units[-1] = 1e-9  # the rate in units of 1e-9
    tiny = LeastSquares(lambda v: base.residual(v * units), base.n_parameters)
    scaled = theta / units
    expected = Uncertainty(base.linearise(theta), theta, UNKNOWNS, MEASURED, {"data": 0.02})
    found = Uncertainty(tiny.linearise(scaled), scaled, UNKNOWNS, MEASURED, {"data": 0.02})
    assert math.isclose(found["rate"].std, 1e9 * expected["rate"].std, rel_tol=1e-6)
    assert found.unidentified() == []


# Against repetitions of the noise


def coverage(weight: float, noise: float | None, draws: int = 200) -> float:
    """The share of noise draws whose interval covers the true rate."""
    hits = 0
    for seed in range(draws):
        system = decay(noisy(seed), weight)
        theta = fit(system)
        found = Uncertainty(system.linearise(theta), theta, UNKNOWNS, MEASURED, {"data": noise})
        low, high = found["rate"].interval
        hits += low <= TRUE_RATE <= high
    return hits / draws


@pytest.mark.parametrize(("weight", "noise"), [(100.0, 0.02), (100.0, None), (0.1, 0.02)])
def test_95_percent_intervals_cover(weight, noise):
    # Binomial, 200 draws: 0.95 +- 0.015; also where the equations weigh less than the data.
    assert 0.90 <= coverage(weight, noise) <= 0.98


def test_the_noise_of_two_groups_is_told_apart():
    first, second = slice(0, 25), slice(25, 40)
    found = {"given": [], "first": [], "second": []}
    for seed in range(150):
        rng = np.random.default_rng(seed)
        noise = torch.from_numpy(rng.normal(size=N_DATA))
        noise[first] *= 0.01
        noise[second] *= 0.05
        system = decay(torch.exp(-TRUE_RATE * X_DATA) + noise, 0.5)
        theta = fit(system)
        here = system.linearise(theta)
        groups = {"first": first, "second": second}
        both = Uncertainty(here, theta, UNKNOWNS, groups, {"first": None, "second": None})
        found["first"].append(both.noise["first"] ** 2)
        found["second"].append(both.noise["second"] ** 2)
        here = system.linearise(theta)  # its J was scaled
        one = Uncertainty(here, theta, UNKNOWNS, groups, {"first": 0.01, "second": None})
        found["given"].append(one.noise["second"] ** 2)
    # Means of 150 estimates with about 20 and 10 degrees of freedom: 3 and 4 %.
    assert math.isclose(statistics.mean(found["first"]), 1e-4, rel_tol=0.12)
    assert math.isclose(statistics.mean(found["second"]), 25e-4, rel_tol=0.15)
    assert math.isclose(statistics.mean(found["given"]), 25e-4, rel_tol=0.15)


# What is not determined


def two_rates(data_of) -> LeastSquares:
    x = torch.linspace(0.1, 1, 12, dtype=torch.float64)
    return LeastSquares(lambda v: data_of(x, v) - 1.0, 4)


PAIR = {"a": slice(2, 3), "b": slice(3, 4)}


def test_a_combination_that_nothing_determines_is_named():
    system = two_rates(lambda x, v: v[0] + v[1] * x + (v[2] + v[3]) * x**2)
    theta = torch.tensor([1.0, 1.0, 1.0, -2.0], dtype=torch.float64)
    found = Uncertainty(system.linearise(theta), theta, PAIR, {"d": slice(0, 12)}, {"d": 0.1})
    (lost,) = found.unidentified(worse_than=100.0)
    # a may grow by 1 while b falls by 1: in units of their sizes 1 and 2, (1, -1/2).
    assert math.isclose(lost.coefficients["a"], 2 / math.sqrt(5), rel_tol=1e-6)
    assert math.isclose(lost.coefficients["b"], -1 / math.sqrt(5), rel_tol=1e-6)
    assert math.isinf(lost.std)
    assert str(lost) == "+0.89 a -0.45 b"
    assert math.isinf(found["a"].std)
    assert found["b"].interval == (-math.inf, math.inf)
    assert bool(torch.isnan(found.correlation()).all())
    with pytest.raises(ValueError, match="unknowns must be determined already"):
        found.next_sensor(torch.ones(1, 4, dtype=torch.float64), 0.1)


def test_an_unknown_that_enters_nowhere_is_not_determined():
    system = two_rates(lambda x, v: v[0] + v[1] * x + v[2] * x**2)
    theta = torch.ones(4, dtype=torch.float64)
    found = Uncertainty(system.linearise(theta), theta, PAIR, {"d": slice(0, 12)}, {"d": 0.1})
    assert math.isinf(found["b"].std)
    assert math.isfinite(found["a"].std)
    assert [str(c) for c in found.unidentified(worse_than=100.0)] == ["+1.00 b"]


def test_what_is_badly_determined_is_named_with_its_standard_deviation():
    system = two_rates(lambda x, v: v[0] + v[1] * x + (v[2] + v[3]) * x**2 + 1e-4 * v[3] * x**3)
    theta = torch.ones(4, dtype=torch.float64)
    J = system.linearise(theta).jacobian.matrix
    cov = 0.1**2 * torch.linalg.inv(J.T @ J)[2:, 2:]
    found = Uncertainty(system.linearise(theta), theta, PAIR, {"d": slice(0, 12)}, {"d": 0.1})
    (bad,) = found.unidentified(worse_than=10.0)
    variances, vectors = torch.linalg.eigh(cov)
    assert math.isclose(bad.std, float(variances[-1].sqrt()), rel_tol=1e-4)
    assert (
        abs(bad.coefficients["a"] * vectors[0, -1] + bad.coefficients["b"] * vectors[1, -1]) > 0.999
    )
    assert float(found.correlation()[0, 1]) < -0.999
    torch.testing.assert_close(found.correlation().diagonal(), torch.ones(2, dtype=torch.float64))


# Measurements one by one


def line(seed: int = 0):
    """A quadratic fit to 15 measurements, all rows measured."""
    x = torch.linspace(0, 1, 15, dtype=torch.float64)
    A = x[:, None] ** torch.arange(3)
    rng = np.random.default_rng(seed)
    y = A @ torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64) + 0.1 * torch.from_numpy(
        rng.normal(size=15)
    )
    y[4] += 1.5  # an outlier
    theta = torch.linalg.lstsq(A, y).solution
    return LeastSquares(lambda v: A @ v - y, 3), theta, A, y


COEFFICIENTS = {"slope": slice(1, 2), "bend": slice(2, 3)}


def test_studentised_residuals_are_those_of_leaving_one_out():
    system, theta, A, y = line()
    found = Uncertainty(
        system.linearise(theta), theta, COEFFICIENTS, {"d": slice(0, 15)}, {"d": None}
    ).studentised_residuals
    for i in range(15):
        others = torch.arange(15) != i
        B, z = A[others], y[others]
        fitted = torch.linalg.lstsq(B, z).solution
        variance = (B @ fitted - z).square().sum() / (14 - 3)
        spread = variance * (1 + A[i] @ torch.linalg.inv(B.T @ B) @ A[i])
        expected = (A[i] @ fitted - y[i]) / spread.sqrt()
        assert math.isclose(float(found[i]), float(expected), rel_tol=1e-9)
    assert int(found.abs().argmax()) == 4
    assert float(found.abs()[4]) > 5


def test_the_next_sensor_is_the_one_that_shrinks_the_covariance_most():
    system, theta, A, _ = line()
    found = Uncertainty(
        system.linearise(theta), theta, COEFFICIENTS, {"d": slice(0, 15)}, {"d": 0.1}
    )
    candidates = torch.linspace(-0.5, 1.2, 18, dtype=torch.float64)[:, None] ** torch.arange(3)

    def volume(rows, sigmas):
        weighted = rows / sigmas[:, None]
        return float(torch.linalg.inv(weighted.T @ weighted)[1:, 1:].det().log())

    sigmas = torch.full((15,), 0.1, dtype=torch.float64)
    before = volume(A, sigmas)
    gains = [
        0.5
        * (before - volume(torch.cat([A, c[None]]), torch.cat([sigmas, sigmas.new_tensor([0.3])])))
        for c in candidates
    ]
    sensors = found.next_sensor(candidates, noise=0.3)
    torch.testing.assert_close(sensors.gains, torch.tensor(gains, dtype=torch.float64))
    assert sensors.best == int(np.argmax(gains)) == 0


def test_an_estimate_goes_through_a_function():
    log = ax.analysis.Estimate(math.log(2.0), 0.1, (math.log(2.0) - 0.2, math.log(2.0) + 0.2))
    positive = log.through(torch.exp)
    assert math.isclose(positive.value, 2.0)
    assert math.isclose(positive.std, 0.2)
    assert np.allclose(positive.interval, (2 * math.exp(-0.2), 2 * math.exp(0.2)))
    falling = log.through(lambda v: -v)
    assert falling.interval[0] < falling.interval[1]


# A problem


def measured_problem(weight: float = 1.0) -> ax.Problem:
    points = torch.linspace(0, 1, 30, dtype=torch.float64)[:, None]
    return ax.Problem(
        ("x",),
        ("u",),
        {"data": ax.Condition(lambda u, x: u - torch.sin(3 * x.x), points, weight=weight)},
    )


@pytest.mark.parametrize("weight", [1.0, 7.0])
def test_of_a_problem_it_is_in_units_of_the_measurements(weight, device):
    model = ax.MLP([1, 2, 1], device=device)
    theta = model.init(3)
    problem = measured_problem(weight)
    found = Uncertainty.of_problem(problem, model, theta, {"level": slice(6, 7)}, {"data": 0.1})
    _, J = PdeSystem(measured_problem(), model).residual_and_matrix(theta)
    features = math.sqrt(30) * J.cpu()  # d u / d theta at the 30 points
    cov = 0.1**2 * torch.linalg.inv(features.T @ features)
    assert math.isclose(found["level"].std, float(cov[6, 6].sqrt()), rel_tol=1e-5)
    points = problem.conditions["data"].points
    expected = ((features @ cov) * features).sum(dim=1).sqrt()
    torch.testing.assert_close(found.field(points)[:, 0].cpu(), expected, rtol=1e-5, atol=0)
    estimated = Uncertainty.of_problem(
        problem, model, theta, {"level": slice(6, 7)}, {"data": None}
    )
    r = model(theta, points)[:, 0].cpu() - torch.sin(3 * points[:, 0])
    assert math.isclose(estimated.noise["data"], float((r @ r / 23).sqrt()), rel_tol=1e-6)


SYSTEM = decay(noisy(0), 100.0)
OPTIMUM = fit(SYSTEM)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"measurements": {}, "noise": {}}, ValueError, "measurements must name"),
        ({"unknowns": {"c": slice(50, 60)}}, ValueError, "unknowns: 'c' must be a part"),
        ({"unknowns": {"c": 3}}, TypeError, "unknowns: 'c' must be a slice"),
        ({"noise": {"data": 0.0}}, ValueError, "noise of 'data' must be positive"),
        ({"noise": {"other": 1.0}}, ValueError, "noise must name the groups"),
        ({"noise": {"data": "big"}}, TypeError, "noise of 'data' must be a number"),
        ({"noise": 0.1}, TypeError, "noise must be a mapping"),
        ({"theta": OPTIMUM[1:]}, ValueError, "theta must have shape"),
        ({"here": 1}, TypeError, "here must be a Linearisation"),
        (
            {
                "measurements": {"data": slice(0, 9), "more": slice(8, 12)},
                "noise": {"data": 1.0, "more": 1.0},
            },
            ValueError,
            "measurements must not overlap",
        ),
    ],
)
def test_wrong_arguments_are_named(changes, kind, message):
    arguments = {
        "here": SYSTEM.linearise(OPTIMUM),
        "theta": OPTIMUM,
        "unknowns": UNKNOWNS,
        "measurements": MEASURED,
        "noise": {"data": 1.0},
        **changes,
    }
    with pytest.raises(kind, match=message):
        Uncertainty(**arguments)


def test_noise_cannot_be_estimated_from_a_fit_that_passes_through_everything():
    theta = torch.ones(3, dtype=torch.float64)
    A = torch.eye(3, dtype=torch.float64)
    system = LeastSquares(lambda v: A @ v - 1.0, 3)
    with pytest.raises(ValueError, match="leaves nothing to estimate it from"):
        Uncertainty(
            system.linearise(theta), theta, {"c": slice(0, 1)}, {"d": slice(0, 3)}, {"d": None}
        )


def test_a_name_that_is_none_and_a_field_without_features_are_refused():
    found = Uncertainty(SYSTEM.linearise(OPTIMUM), OPTIMUM, UNKNOWNS, MEASURED, {"data": 1.0})
    assert found.names == ("rate",)
    assert "rate=" in repr(found)
    with pytest.raises(ValueError, match="name must be one of"):
        found["speed"]
    with pytest.raises(ValueError, match="features must be given"):
        found.field(torch.zeros(1, 1))
    with pytest.raises(ValueError, match="rows must have shape"):
        found.propagated(torch.zeros(1, 3, dtype=torch.float64))
    with pytest.raises(ValueError, match="noise must be positive"):
        found.next_sensor(torch.zeros(1, DEGREE + 2, dtype=torch.float64), 0.0)
