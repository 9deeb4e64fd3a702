"""What users bring, each against torch.func with J stored and streamed, on the CPU and on a GPU."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import jvp, vmap

import anagram_ext as ax
from conformance import check_rows_of
from reference import Network

POINTS = torch.rand((9, 2), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
VALUES = torch.rand((9, 2), generator=torch.Generator().manual_seed(2), dtype=torch.float64)
X, Y = torch.eye(2, dtype=torch.float64)
U, K = Network([2, 6, 1], "tanh"), Network([2, 4, 1], "sin")
P, Q = 25, 17  # their parameters


def along(f, direction):
    return lambda at: jvp(f, (at,), (direction,))[1]


def partial(f, *directions):
    """The derivative of ``f(point)`` along one direction after the other."""
    for direction in directions:
        f = along(f, direction)
    return f


def u_of(theta):
    return lambda at: U(theta[:P], at)[0]


def k_of(theta):
    return lambda at: K(theta[P : P + Q], at)[0]


@dataclass
class Feature:
    """One condition, and ``row(theta, point, values [2]) -> [C]`` of the same in torch."""

    condition: Any
    row: Any
    fields: tuple[str, ...] = ("u",)
    unknowns: dict[str, ax.Unknown] = field(default_factory=dict)
    model: Any = field(default_factory=lambda: ax.MLP([2, 6, 1]))
    weight: float = 1.0

    def residual(self, theta: Tensor) -> Tensor:
        rows = vmap(lambda at, values: self.row(theta, at, values), out_dims=1)(POINTS, VALUES)
        return math.sqrt(self.weight / len(POINTS)) * rows.reshape(-1)


def both_networks(**more) -> ax.Model:
    return ax.Model({"u": ax.MLP([2, 6, 1]), "k": ax.MLP([2, 4, 1], "sin")}, **more)


FEATURES = {
    "unknowns: free, positive, bounded, a vector": Feature(
        ax.Condition(
            lambda u, x, c: u.d("x") * c.a - c.b * u.laplacian() + c.s * c.v[0] - c.v[1] * u, POINTS
        ),
        lambda theta, at, _: torch.stack(
            [
                partial(u_of(theta), X)(at) * theta[P]
                - 0.3
                * theta[P + 1].exp()
                * (partial(u_of(theta), X, X)(at) + partial(u_of(theta), Y, Y)(at))
                + (4 * torch.sigmoid(theta[P + 2]) - 1) * 0.7 * theta[P + 3]
                - 0.4 * theta[P + 4] * u_of(theta)(at)
            ]
        ),
        unknowns={
            "a": ax.Unknown(1.0),
            "b": ax.Unknown(0.3, positive=True),
            "s": ax.Unknown(0.5, between=(-1.0, 3.0)),
            "v": ax.Unknown([0.7, -0.4], size=2),
        },
    ),
    "an unknown positive field of another network": Feature(
        ax.Condition(lambda u, k, x: ax.d(k * u.d("x"), "x") - x.y * u, POINTS, weight=2.5),
        lambda theta, at, _: torch.stack(
            [
                partial(lambda q: k_of(theta)(q).exp() * partial(u_of(theta), X)(q), X)(at)
                - at[1] * u_of(theta)(at)
            ]
        ),
        fields=("u", "k"),
        model=both_networks(outputs=lambda u, k, x: (u, torch.exp(k))),
        weight=2.5,
    ),
    "measurements of two quantities, a sigma each": Feature(
        ax.Data(
            POINTS,
            VALUES,
            of=lambda u, k, x, c: (u * k, k.d("y") + c.shift),
            sigma=0.1 + VALUES,
            weight=3.0,
        ),
        lambda theta, at, values: (
            torch.stack(
                [
                    u_of(theta)(at) * k_of(theta)(at) - values[0],
                    partial(k_of(theta), Y)(at) + theta[P + Q] - values[1],
                ]
            )
            / (0.1 + values)
        ),
        fields=("u", "k"),
        unknowns={"shift": ax.Unknown(1.0)},
        model=both_networks(),
        weight=3.0,
    ),
    "measurements of unknown noise": Feature(
        ax.Data(POINTS, VALUES[:, 0]),
        lambda theta, at, values: (u_of(theta)(at) - values[0])[None],
    ),
    "a hard constraint before an embedding": Feature(
        ax.Condition(lambda u, x: u.d("xy") + u**2, POINTS),
        lambda theta, at, _: torch.stack(
            [partial(embedded(theta), X, Y)(at) + embedded(theta)(at) ** 2]
        ),
        model=ax.Model(
            ax.MLP([2, 6, 1]),
            inputs=lambda x: (torch.cos(x.x), x.x * x.y),
            outputs=lambda n, x: torch.sin(x.y) + x.x * (1 - x.x) * n,
        ),
    ),
}


def embedded(theta):
    def u(at):
        seen = torch.stack([torch.cos(at[0]), at[0] * at[1]])
        return torch.sin(at[1]) + at[0] * (1 - at[0]) * U(theta[:P], seen)[0]

    return u


@pytest.mark.parametrize("name", FEATURES)
def test_rows_against_torch(name, device):
    feature = FEATURES[name]
    problem = ax.Problem(
        ("x", "y"), feature.fields, {"here": feature.condition}, unknowns=feature.unknowns
    )
    check_rows_of(problem, feature.model, feature.residual, device)


LINE = ax.Box(x=(0, 1))
NODES = LINE.quadrature(8)
SENSORS = LINE.grid(20)


def estimated(sigma: float | None) -> ax.Problem:
    """u' = -c u with u(0) = 1 from disturbed values, the mean of u exact."""
    disturbed = torch.exp(-2 * SENSORS[:, 0]) + 0.01 * torch.cos(40 * SENSORS[:, 0])
    mean = (1 - math.exp(-2)) / 2
    conditions = {
        "equation": ax.Condition(
            lambda u, x, c: u.d("x") + c.rate * u, LINE.grid(16), weight=100.0
        ),
        "start": ax.Condition(lambda u, x: u - 1, LINE.face(x=0).grid(1), weight=100.0),
        "mean": ax.Integral(lambda u, x: u, NODES, equals=mean, exact=True),
        "data": ax.Data(SENSORS, disturbed, sigma=sigma),
    }
    return ax.Problem(("x",), ("u",), conditions, unknowns={"rate": ax.Unknown(1.0, positive=True)})


@pytest.mark.parametrize("sigma", [0.01, None])
@pytest.mark.parametrize("memory", ["stored", "streamed"])
def test_exact_integrals_and_error_bars(memory, sigma, device):
    model = ax.MLP([1, 5, 1], device=device)
    run = ax.train(estimated(sigma), model, steps=25, memory=memory, progress=False)
    u = run.model(run.theta, NODES.to(run.theta)).cpu()[:, 0]
    assert float(NODES.weights @ u) == pytest.approx((1 - math.exp(-2)) / 2, abs=2e-14)
    rate = run.unknowns["rate"]
    # Known noise is the unit of the rows; cos(40 x) / 100 has a deviation of 0.007.
    known, rel = (1.0, 1e-12) if sigma else (0.007, 0.2)
    assert run.uncertainty.noise["data"] == pytest.approx(known, rel=rel)
    assert rate.interval[0] < 2.0 < rate.interval[1]
    assert 1e-4 < rate.std < 0.1
    # The same from J in memory and on the CPU, up to what the last steps still change.
    alone = ax.train(estimated(sigma), ax.MLP([1, 5, 1]), steps=25, memory="stored", progress=False)
    expected = alone.unknowns["rate"]
    assert rate.value == pytest.approx(expected.value, abs=0.05 * expected.std)
    assert rate.std == pytest.approx(expected.std, rel=0.02)
