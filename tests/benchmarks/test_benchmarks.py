"""Plain torch as a contestant computes what the package does; the table of a GPU."""

from __future__ import annotations

import importlib
import time
from pathlib import Path

import pytest
import torch

import anagram_ext as ax
from pretend_cuda import OnGpu

# torch.func loads its forward-mode rules with torch.jit, which torch itself has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")


@pytest.fixture
def module(monkeypatch):
    """Imports a benchmark by name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module


@pytest.fixture
def pure_torch(module):
    return module("pure_torch")


@pytest.mark.parametrize("name", ["laplace_2d", "heat", "laplace_5d", "allen_cahn", "burgers"])
def test_same_residual_and_jacobian(pure_torch, name):
    case = pure_torch.make_case(name)
    theta = case.model.init(seed=3)
    r, J = ax.jacobian(case.problem, case.model, theta)
    expected_r, expected_J = pure_torch.TorchStep(case).jacobian(theta)
    assert torch.linalg.norm(r - expected_r) <= 1e-12 * torch.linalg.norm(expected_r)
    assert torch.linalg.norm(J - expected_J) <= 1e-12 * torch.linalg.norm(expected_J)


@pytest.mark.parametrize("name", ["laplace_2d", "heat"])
def test_same_step(pure_torch, name):
    problem = ax.problems.get(name, published=True)
    theta = problem.model.init(seed=3)
    step = ax.step(problem, problem.model, theta, cutoff=1e-4, search="grid")
    contestant = pure_torch.make(name, cutoff=1e-4)
    r, J = contestant.jacobian(theta)
    # Perturbation of a truncated solution: round-off 1e-15 / cutoff 1e-4, and room for a small gap.
    for direction in (contestant.direction(r, J), contestant.direction_gelsd(r, J)):
        assert torch.linalg.norm(step.direction - direction) <= 1e-8 * torch.linalg.norm(direction)
    assert torch.linalg.norm(step.theta - contestant.step(theta)) <= 1e-8 * torch.linalg.norm(theta)


def test_torch_decomposes_by_qr_iteration_on_a_gpu(pure_torch, monkeypatch):
    drivers, svd = [], torch.linalg.svd

    def watched(J, full_matrices, driver):
        drivers.append(driver)
        return svd(J.as_subclass(torch.Tensor), full_matrices=full_matrices)

    monkeypatch.setattr(torch.linalg, "svd", watched)
    contestant, (r, J) = pure_torch.make("laplace_2d"), (torch.ones(3), torch.eye(3))
    for given in (J, J.as_subclass(OnGpu)):
        assert torch.equal(contestant.direction(r, given), r)
    assert drivers == [None, "gesvd"]  # torch's default on a GPU is less accurate, and slower


def test_every_case_of_the_gpu_is_written_before_the_next(gpu_step, monkeypatch):
    monkeypatch.setattr(gpu_step, "ROUNDS", 1)
    written = []
    gpu_step.run(
        "anagram_ext",
        ("heat", "laplace_2d"),
        "cpu",
        lambda: None,
        1e30,
        after_case=lambda results: written.append(list(results)),
    )
    assert written == [["heat"], ["heat", "laplace_2d"]]
    # JAX, which the goal is measured against, before what is slow; the case of the goal first.
    assert gpu_step.ORDER == ("anagram_ext", "JAX", "torch.func")
    assert gpu_step.NAMES[0] == "poisson_4096"
    assert gpu_step.NAMES[-1] == "poisson_8192"
    partly = {"anagram_ext": {"heat": gpu_step.Result({"J": 1e-3})}, "JAX": {}}
    limits = {"copy_gb_s": 1.0, "dgemm_tflop_s": 1.0}
    assert len(gpu_step.report(partly, limits).splitlines()[2:]) == 3


@pytest.fixture
def gpu_step(module):
    return module("gpu_step")


def test_contestants_of_the_gpu_run_and_agree(gpu_step, monkeypatch):
    waits = []
    monkeypatch.setattr(gpu_step, "ROUNDS", 1)
    monkeypatch.setattr(gpu_step, "ONCE", 1e30)  # however slow this machine is at the moment
    results = {
        name: gpu_step.run(name, ("laplace_2d",), "cpu", lambda: waits.append(1), 1e30)
        for name in ("anagram_ext", "torch.func")
    }
    for by_case in results.values():
        assert set(by_case["laplace_2d"].seconds) == set(gpu_step.PIECES)
        assert by_case["laplace_2d"].missing is None
    assert len(waits) >= 2 * 4 * 2 * 2  # contestants, pieces, runs, before and after
    assert results["torch.func"]["laplace_2d"].facts["difference"] < 1e-8
    gpu_step.require_agreement(results)
    results["torch.func"]["laplace_2d"].facts["difference"] = 1e-3
    with pytest.raises(SystemExit, match=r"torch\.func: another direction"):
        gpu_step.require_agreement(results)


def test_the_table_of_the_gpu_holds_ratios_rates_and_what_did_not_run(gpu_step):
    # J of laplace_2d takes 8 * 900 * 129 = 928 800 bytes, 4 S P k = 4.644e6 operations with k = 10.
    facts = {"k": 10, "method": "adaptive", "difference": 0.0}
    pieces = ("J", "solve", "search", "step")
    ours = gpu_step.Result(dict(zip(pieces, (1e-3, 2e-3, 3e-3, 6e-3), strict=True)), facts=facts)
    theirs = gpu_step.Result(dict(zip(pieces, (4e-3, 20.0, 3e-3, 20.007), strict=True)), ("solve",))
    neither = gpu_step.Result({"J": 2e-3}, missing="no solve: a full SVD would take about 160 s")
    results = {"anagram_ext": ours, "torch.func": theirs, "JAX": neither}
    limits = {"copy_gb_s": 1.8576, "dgemm_tflop_s": 0.004644}
    text = gpu_step.report({name: {"laplace_2d": r} for name, r in results.items()}, limits)
    first, second, third = text.splitlines()[2:]
    assert "| laplace_2d (900 x 129) | anagram_ext | 1 | 2 | 3 | 6 | J 1 GB/s (0.50 of c" in first
    assert "solve k = 10, 0.00 TFLOP/s (0.50 of dgemm)" in first
    assert "times ours: J 4.0, solve 10000.0, search 1.0, step 3334.5; once: solve" in second
    assert "| 2 | - | - | - | times ours: J 2.0; not run: no solve: a full SVD" in third


def test_what_would_take_too_long_is_not_run(gpu_step, monkeypatch):
    assert gpu_step.expected_solve(8192, [(4096, 20.0), (100, 9.0)]) == pytest.approx(160.0)
    assert gpu_step.expected_solve(4096, []) == 0
    monkeypatch.setattr(gpu_step, "ONCE", 0.0)
    monkeypatch.setattr(gpu_step, "LONGEST", 1e-9)
    names = ("laplace_2d", "heat")
    small, large = gpu_step.run("torch.func", names, "cpu", lambda: None, 1e30).values()
    assert small.once == ("J", "solve", "search")
    assert small.seconds["step"] == sum(small.seconds[piece] for piece in small.once)
    assert set(large.seconds) == {"J"}
    assert "a full SVD would take about" in large.missing
    late = gpu_step.run("anagram_ext", names, "cpu", lambda: None, time.perf_counter() - 1)
    assert [result.missing for result in late.values()] == ["the time was used up"] * 2
