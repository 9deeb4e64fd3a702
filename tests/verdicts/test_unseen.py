"""What rows without held-out points tell, against fits that leave each of them out."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.verdicts.unseen import unseen_rows
from anagram_ext.verdicts.validation import Validation

LINE = ax.Box(x=(0, 1))
SPOTS = torch.linspace(0.1, 0.9, 12, dtype=torch.float64)[:, None]
VALUES = 1 + SPOTS[:, 0].square() + torch.sin(40 * SPOTS[:, 0])
N = len(SPOTS)


def line_system(device="cpu") -> PdeSystem:
    """u = a x + b with a slope of 1 at four points and a dozen measurements."""
    conditions = {
        "slope": ax.Condition(lambda u, x: u.d("x") - 1.0, LINE.grid(4)),
        "data": ax.Data(SPOTS, VALUES),
    }
    model = ax.MLP([1, 1], "identity", device=device)
    return PdeSystem(ax.Problem(("x",), ("u",), conditions), model)


def line_rows() -> tuple[np.ndarray, np.ndarray]:
    J = np.vstack(
        [
            np.array([[1.0, 0.0]] * 4) / 2,
            np.hstack([SPOTS.numpy(), np.ones((N, 1))]) / np.sqrt(N),
        ]
    )
    wanted = np.concatenate([np.full(4, 1.0) / 2, VALUES.numpy() / np.sqrt(N)])
    return J, wanted


def test_free_shares_are_mean_leverages(device):
    system = line_system(device)
    first = system.model.init(0)
    found = unseen_rows(system, Validation(system), first, first)
    Q, _ = np.linalg.qr(line_rows()[0])
    assert found.free == {"data": pytest.approx(float((Q[4:] ** 2).sum() / N), rel=1e-10)}


@pytest.mark.parametrize("moved", [0.0, 0.3])
def test_rows_are_left_out_of_the_whole_fit(moved):
    """Of a linear model the prediction does not hang on the iterate, only on the rows."""
    system = line_system()
    J, wanted = line_rows()
    best = np.linalg.lstsq(J, wanted, rcond=None)[0]
    theta = torch.from_numpy(best) + moved
    found = unseen_rows(system, Validation(system), theta, torch.zeros_like(theta))
    left_out = []
    for i in range(4, 4 + N):
        rest = [j for j in range(4 + N) if j != i]
        without = np.linalg.lstsq(J[rest], wanted[rest], rcond=None)[0]
        left_out.append(J[i] @ without - wanted[i])
    assert found.press == {"data": pytest.approx(0.5 * float(np.square(left_out).sum()), rel=1e-9)}


def test_a_single_condition_is_no_sample():
    """Its row is free, since nothing else tells it; but nothing lies between its points."""
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "slope": ax.Condition(lambda u, x: u.d("x") - 1.0, LINE.grid(9)),
            "mean": ax.Integral(lambda u, x: u, LINE.quadrature(4), equals=2.0),
        },
    )
    run = ax.train(problem, ax.MLP([1, 4, 1]), steps=60, progress=False)
    assert math.isnan(run.press["mean"])
    assert run.verdict is ax.Verdict.SOLVED
    assert run.unseen["mean"] == "other nodes would be another integral"


def test_an_integral_that_contradicts_the_rest_is_no_noise():
    problem = ax.Problem(
        ("x",),
        ("u",),
        {
            "value": ax.Condition(lambda u, x: u - x.x, LINE.grid(20)),
            "mean": ax.Integral(lambda u, x: u, LINE.quadrature(4), equals=5.0, weight=1e-6),
        },
    )
    with pytest.warns(ax.TrainingWarning, match="the residual of 'mean' is"):
        run = ax.train(problem, ax.MLP([1, 1], "identity"), steps=60, progress=False)
    assert run.verdict is ax.Verdict.STALLED
    assert "noise" not in run.warning


def test_few_measurements_alone_are_no_solution_and_beside_an_equation_they_are():
    spots = LINE.grid(5)
    data = ax.Data(spots, torch.sin(6 * spots[:, 0]))
    alone = ax.Problem(("x",), ("u",), {"data": data})
    run = ax.train(alone, ax.MLP([1, 12, 1]), steps=60, progress=False)
    assert run.verdict is not ax.Verdict.SOLVED
    line = {"equation": ax.Condition(lambda u, x: u.d("xx") + 36 * u, LINE.grid(60)), "data": data}
    solution = {"solution": lambda x: torch.sin(6 * x.x)}
    both = ax.Problem(("x",), ("u",), line, **solution)
    run = ax.train(both, ax.MLP([1, 16, 1]), steps=100, progress=False)
    assert run.l2_error < 1e-6
    assert run.verdict is ax.Verdict.SOLVED


def test_nothing_is_asked_where_all_points_have_a_region():
    problem = ax.problems.poisson_1d()
    system = PdeSystem(problem, problem.model)
    theta = problem.model.init(0)
    found = unseen_rows(system, Validation(system), theta, theta)
    assert (found.free, found.press) == ({}, {})


def measured(noise: float, n: int, widths: tuple[int, ...]) -> tuple[ax.Problem, ax.TrainResult]:
    rng = torch.Generator().manual_seed(1)
    spots = torch.rand(n, 2, generator=rng, dtype=torch.float64)
    exact = torch.sin(3 * spots[:, 0]) * torch.exp(spots[:, 1])
    values = exact + noise * torch.randn(n, generator=rng, dtype=torch.float64)
    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {"data": ax.Data(spots, values)},
        solution=lambda x: torch.sin(3 * x.x) * torch.exp(x.y),
        evaluation=ax.Box(x=(0, 1), y=(0, 1)).grid(20),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ax.TrainingWarning)
        return problem, ax.train(problem, ax.MLP(widths), steps=120, progress=False)


def test_a_perfect_fit_of_noise_is_called_overfitted():
    _, run = measured(0.1, 150, (2, 32, 32, 1))
    assert run.model.n_parameters == 1185
    assert run.loss < 1e-20
    assert run.verdict is ax.Verdict.OVERFITTED
    assert "each row of 'data' left out in turn would be missed" in run.warning
    # It is right about the error: the loss on fresh exact values, within a factor of ten.
    assert 0.1 < run.press["data"] / (0.5 * run.l2_error**2) < 10
    assert run.press["data"] > 0.5 * 0.1**2  # the noise is not predicted by anything
    assert run.summary()["left_out"] == dict(run.press)
    assert run.unseen == {"data": "its values belong to its own points"}


def test_noise_that_many_data_average_out_is_not():
    _, run = measured(0.1, 600, (2, 6, 1))
    assert run.verdict is not ax.Verdict.OVERFITTED
    assert run.losses["data"] < run.press["data"] < 1.5 * run.losses["data"]
    assert math.isclose(run.press["data"], 0.5 * 0.1**2, rel_tol=0.3)


def test_smooth_data_are_predicted_by_their_neighbours():
    _, run = measured(0.0, 150, (2, 32, 32, 1))
    assert run.loss < 1e-20
    assert run.verdict is ax.Verdict.SOLVED
    assert run.press["data"] < 1e-8


def test_no_row_is_missed_by_more_than_its_terms():
    system = line_system()
    theta = torch.tensor([1e6, 0.0], dtype=torch.float64)  # far from all rows
    validation = Validation(system)
    relative = 1e4
    rows = system.row_slices["data"]
    residual = system.residuals(theta[None])[0][rows]
    first = torch.zeros_like(theta)
    whole = unseen_rows(system, validation, theta, first).press["data"]
    found = unseen_rows(system, validation, theta, first, {"data": relative}).press["data"]
    assert found <= whole
    size = float(residual.square().mean().sqrt()) / relative  # of the terms
    strict = unseen_rows(system, validation, theta, first, {"data": 1e12}).press["data"]
    assert strict == pytest.approx(0.5 * N * (size * relative / 1e12) ** 2, rel=1e-9)
