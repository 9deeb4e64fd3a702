"""Unknown coefficients and measurements: declared, found, and checked."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import anagram_ext as ax

STRIP = ax.Box(t=(0, 1), x=(0, 1))


def sensors(n=80, sigma=0.0):
    rng = torch.Generator().manual_seed(4)
    points = torch.rand((n, 2), generator=rng, dtype=torch.float64)
    values = torch.exp(-0.25 * math.pi**2 * points[:, 0]) * torch.sin(math.pi * points[:, 1])
    return points, values + sigma * torch.randn(n, generator=rng, dtype=torch.float64)


def heat(unknown, data):
    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "pde": ax.Condition(lambda u, x, c: u.d("t") - c.nu * u.d("xx"), STRIP.grid(20)),
            "data": data,
        },
        unknowns={"nu": unknown},
    )


@pytest.mark.parametrize("memory", ["stored", "streamed"])
@pytest.mark.parametrize(
    "unknown",
    [ax.Unknown(0.1), ax.Unknown(0.05, positive=True), ax.Unknown(0.6, between=(0.01, 1.0))],
)
def test_a_diffusivity_is_found(unknown, memory):
    problem = heat(unknown, ax.Data(*sensors()))
    run = ax.train(problem, ax.MLP([2, 16, 1]), steps=40, memory=memory, progress=False)
    assert run.values["nu"] == pytest.approx(0.25, rel=5e-3)
    assert run.summary()["values"] == run.values


def test_noise_is_weighed_by_its_deviation():
    points, values = sensors(400, sigma=0.01)
    problem = heat(ax.Unknown(0.1, positive=True), ax.Data(points, values, sigma=0.01))
    run = ax.train(problem, ax.MLP([2, 10, 1]), steps=30, progress=False)
    # chi square: half the mean square of standardised noise, less what the parameters fit
    assert 0.35 < run.loss < 0.6
    assert run.values["nu"] == pytest.approx(0.25, rel=0.03)


def test_a_residual_without_the_last_argument_does_not_get_it():
    seen = []

    def counted(u, x):  # noqa: ARG001 -- as the interface wants it
        seen.append(True)
        return u - 1.0

    problem = heat(ax.Unknown(1.0), ax.Condition(counted, STRIP.face(t=0).grid(3)))
    model = ax.Model(ax.MLP([2, 4, 1]), unknowns=problem.unknowns)
    _, J = ax.jacobian(problem, model, model.init(0))
    assert seen
    assert not J[-3:, -1].any()
    assert J[:-3, -1].abs().max() > 0


def test_several_quantities_a_point():
    points, _ = sensors(7)
    values = torch.rand((7, 2), dtype=torch.float64)
    sigma = 0.5 + torch.rand((7, 2), dtype=torch.float64)
    data = ax.Data(points, values, of=lambda u, v, x: (u + v, v.d("x")), sigma=sigma)
    problem = ax.Problem(("t", "x"), ("u", "v"), {"data": data})
    model = ax.MLP([2, 4, 2])
    theta = model.init(0)
    r, _ = ax.jacobian(problem, model, theta)
    jets = ax.MLP([2, 4, 2], coordinates=("t", "x")).jet(theta, points, ("", "x"))
    modelled = torch.stack([jets[""].sum(dim=1), jets["x"][:, 1]], dim=1)
    expected = ((modelled - values) / sigma).T.reshape(-1) / math.sqrt(7)
    torch.testing.assert_close(r, expected)


def test_training_stores_and_restores_unknowns(tmp_path):
    problem = heat(ax.Unknown(0.1, positive=True), ax.Data(*sensors(20)))
    run = ax.train(problem, ax.MLP([2, 4, 1]), steps=3, progress=False, out=tmp_path)
    model, theta = ax.load(tmp_path / "model.safetensors")
    assert model.values(theta) == run.values
    torch.testing.assert_close(model(theta, sensors(5)[0]), run.model(run.theta, sensors(5)[0]))


def test_a_parameter_of_torch_is_refused_with_the_way_out():
    nu = torch.nn.Parameter(torch.tensor(0.1, dtype=torch.float64))
    problem = ax.Problem(
        ("t", "x"),
        ("u",),
        {"pde": ax.Condition(lambda u, x: u.d("t") - nu * u.d("xx"), STRIP.grid(4))},
    )
    with pytest.raises(ValueError, match=r"'pde'.*ax\.Unknown"):
        ax.train(problem, ax.MLP([2, 4, 1]), steps=1, progress=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": math.nan}, "finite"),
        ({"start": 0.0, "positive": True}, "positive"),
        ({"start": 2.0, "between": (0, 1)}, "between"),
        ({"start": 0.5, "between": (1, 0)}, "increasing"),
        ({"start": [1.0, 2.0]}, "size"),
        ({"start": [1.0], "size": 2}, "size=2"),
        ({"start": 0.5, "positive": True, "between": (0, 1)}, "positive must be False"),
        ({"size": 0}, "at least 1"),
    ],
)
def test_declarations_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        ax.Unknown(**arguments)


@pytest.mark.parametrize("start", ["a", None, [None]])
def test_a_start_is_a_number(start):
    with pytest.raises(TypeError, match="start"):
        ax.Unknown(start, size=1)


def test_a_start_may_be_a_number_of_numpy():
    assert ax.Unknown(np.float32(0.5)).starts == (0.5,)


@pytest.mark.parametrize("name", ["u", "t", "network", "2"])
def test_names_of_unknowns_are_their_own(name):
    condition = ax.Condition(lambda u, x: u, STRIP.grid(2))
    with pytest.raises(ValueError, match="unknowns"):
        ax.Problem(("t", "x"), ("u",), {"a": condition}, unknowns={name: ax.Unknown()})


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"values": torch.zeros(3)}, ValueError, "values must be numbers"),
        ({"values": torch.full((5,), math.inf)}, ValueError, "finite"),
        ({"values": [1.0] * 5}, TypeError, "values must be a tensor"),
        ({"sigma": 0.0}, ValueError, "sigma must be positive"),
        ({"sigma": torch.ones(2)}, ValueError, "sigma must be a number or of shape"),
        ({"sigma": "a"}, TypeError, "sigma"),
        ({"of": 3}, TypeError, "of must be callable"),
        ({"weight": -1.0}, ValueError, "weight"),
    ],
)
def test_measurements_that_make_no_sense_are_refused(more, error, message):
    arguments = {"points": torch.rand(5, 2), "values": torch.zeros(5)} | more
    points, values = arguments.pop("points"), arguments.pop("values")
    with pytest.raises(error, match=message):
        ax.Data(points, values, **arguments)


def test_what_was_measured_must_be_said_where_there_are_several_fields():
    problem = ax.Problem(("t", "x"), ("u", "v"), {"data": ax.Data(*sensors(5))})
    with pytest.raises(ValueError, match="of must say"):
        ax.train(problem, ax.MLP([2, 3, 2]), steps=1, progress=False)
