"""The public names, used the way the documentation promises."""

from __future__ import annotations

import importlib.metadata
import math
from itertools import pairwise

import torch

import anagram_ext as ax


def test_from_a_pde_to_a_trained_network():
    square = ax.Box(t=(0, 1), x=(0, 1))
    problem = ax.Problem(
        coordinates=("t", "x"),
        fields=("u",),
        conditions={
            "interior": ax.Condition(lambda u, x: u.d("t") - 0.25 * u.d("xx"), square.grid(28, 28)),
            "initial": ax.Condition(
                lambda u, x: u - torch.sin(torch.pi * x.x), square.face(t=0).grid(29)
            ),
            "walls": ax.Condition(lambda u, x: u, square.faces("x").grid(29)),
        },
        solution=lambda x: torch.exp(-(torch.pi**2) * x.t / 4) * torch.sin(torch.pi * x.x),
    )
    model = ax.MLP([2, 64, 1], activation="tanh")
    theta = model.init(seed=0)
    r, J = ax.jacobian(problem, model, theta)
    sol = ax.lstsq(J, r, cutoff=1e-6)
    step = ax.step(problem, model, theta, cutoff=1e-6, search="grid")
    run = ax.train(problem, model, steps=10, seed=0, progress=False)
    points = square.grid(3)
    u = model(theta, points)
    jet = model.jet(theta, points, ("", "t", "xx"))
    net = model.to_torch(theta)
    same_model, same_theta = ax.MLP.from_torch(net)
    heat = ax.problems.heat()

    assert r.shape == (784 + 29 + 58,)
    assert J.shape == (871, 257)
    torch.testing.assert_close(step.direction, sol.direction)
    assert step.rank == sol.rank
    assert len(step.singular_values) > sol.rank
    assert step.loss < 0.5 * float(r @ r)
    assert run.theta.shape == (257,)
    assert run.loss < step.loss
    fine = square.grid(100)
    exact = torch.exp(-(torch.pi**2) * fine[:, 0] / 4) * torch.sin(torch.pi * fine[:, 1])
    error = (run.model(run.theta, fine)[:, 0] - exact).square().mean().sqrt()
    # Two point sets, each good to about a per cent for the integral of a smooth function.
    assert abs(run.l2_error / float(error) - 1) < 0.03
    assert len(run.history["loss"]) >= 10
    assert torch.equal(jet[""], u)
    assert set(jet) == {"", "t", "xx"}
    assert same_model == model
    assert torch.equal(same_theta, theta)
    assert heat.model is not None
    assert heat.model.widths == (2, 64, 1)


PUBLIC = (
    "Box",
    "Condition",
    "Coordinates",
    "Cutoff",
    "Factorisation",
    "Field",
    "HeldOutWarning",
    "LstsqResult",
    "MLP",
    "NonFiniteError",
    "BackendUnavailable",
    "CudaError",
    "OutOfMemoryError",
    "Points",
    "Problem",
    "Sampler",
    "StepResult",
    "TrainResult",
    "cuda_available",
    "factorise",
    "get_num_threads",
    "info",
    "jacobian",
    "load",
    "lstsq",
    "methods",
    "problems",
    "set_num_threads",
    "step",
    "train",
)


def test_every_public_name_exists():
    assert set(PUBLIC) <= set(ax.__all__)
    assert all(hasattr(ax, name) for name in PUBLIC)


def test_the_version_is_that_of_the_installation():
    assert ax.__version__ == ax.info()["anagram_ext"]


def test_trained_parameters_can_be_loaded(tmp_path):
    run = ax.train(ax.problems.poisson_1d(), steps=2, progress=False, out=tmp_path)
    model, theta = ax.load(tmp_path / "model.safetensors")
    assert model == run.model
    assert torch.equal(theta, run.theta)


def test_info_names_versions_and_hardware():
    facts = ax.info()
    assert facts["torch"] == torch.__version__
    assert facts["instructions"]
    assert int(facts["threads"]) >= 1
    assert all(isinstance(value, str) and value for value in facts.values())


def test_info_names_the_build_of_torch_that_its_metadata_leave_out(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "2.11.0+cu130")
    monkeypatch.setattr(importlib.metadata, "version", lambda package: "2.11.0")
    assert ax.info()["torch"] == "2.11.0+cu130"


def test_repeated_steps_solve_the_poisson_problem():
    problem = ax.problems.laplace_2d()
    theta = problem.model.init(0)
    losses = [math.inf]
    for _ in range(60):
        result = ax.step(problem, problem.model, theta)
        theta = result.theta
        losses.append(result.loss)
    # A step that finds nothing better stays; batches of probes of other sizes round differently.
    assert all(after <= before * (1 + 1e-12) for before, after in pairwise(losses))
    assert losses[-1] < 1e-6
