"""Problems that go wrong easily, each with a reference that owes nothing to this package.

Closed forms, or scipy.integrate at tolerances of 1e-12. All are small: a run takes a few seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, pi, sqrt
from typing import Any

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

import anagram_ext as ax

UNIT = ax.Box(t=(0, 1), x=(0, 1))


def ode(
    names: Sequence[str],
    right: Callable[..., Sequence[Any]],
    start: Sequence[float],
    end: float,
    *,
    n: int = 120,
    widths: Sequence[int] = (1, 20),
    activation: str = "tanh",
    method: str = "DOP853",
) -> ax.Problem:
    """y' = right(y), y(0) = start on [0, end], at a grid of n points."""
    line = ax.Box(t=(0, end))

    def plain(_: float, y: np.ndarray) -> np.ndarray:
        return np.array([float(value) for value in right(*y)])

    found = solve_ivp(
        plain, (0, end), list(start), method=method, rtol=1e-12, atol=1e-14, dense_output=True
    )
    assert found.success

    def equation(*arguments):
        fields = arguments[:-1]
        return tuple(u.d("t") - value for u, value in zip(fields, right(*fields), strict=True))

    def first(*arguments):
        return tuple(u - value for u, value in zip(arguments[:-1], start, strict=True))

    def solution(x):
        values = found.sol(x.t.numpy())
        return tuple(torch.from_numpy(row.copy()) for row in values)

    return ax.Problem(
        ("t",),
        tuple(names),
        {
            "equation": ax.Condition(equation, line.grid(n)),
            "start": ax.Condition(first, line.face(t=0).grid()),
        },
        solution=solution,
        model=ax.MLP([*widths, len(names)], activation),
    )


def lorenz(end: float, n: int) -> ax.Problem:
    return ode(
        "abc",
        lambda a, b, c: (10 * (b - a), a * (28 - c) - b, a * b - 8 / 3 * c),
        (1.0, 1.0, 1.0),
        end,
        n=n,
        widths=(1, 30),
    )


def van_der_pol(stiffness: float, end: float) -> ax.Problem:
    return ode("uv", lambda u, v: (v, stiffness * (1 - u * u) * v - u), (2.0, 0.0), end)


def robertson() -> ax.Problem:
    return ode(
        "abc",
        lambda a, b, c: (
            -0.04 * a + 1e4 * b * c,
            0.04 * a - 1e4 * b * c - 3e7 * b * b,
            3e7 * b * b,
        ),
        (1.0, 0.0, 0.0),
        40.0,
        method="Radau",
    )


def oregonator() -> ax.Problem:
    return ode(
        "abc",
        lambda a, b, c: (
            77.27 * (b + a * (1 - 8.375e-6 * a - b)),
            (c - (1 + a) * b) / 77.27,
            0.161 * (a - c),
        ),
        (1.0, 2.0, 3.0),
        20.0,
        method="Radau",
    )


def brusselator(end: float) -> ax.Problem:
    return ode("uv", lambda u, v: (1 + u * u * v - 4 * u, 3 * u - u * u * v), (1.5, 3.0), end)


def duffing() -> ax.Problem:
    """Driven; the drive is a pair of fields of its own."""
    return ode(
        "uvcs",
        lambda u, v, c, s: (v, u - u**3 - 0.3 * v + 0.5 * c, -1.2 * s, 1.2 * c),
        (1.0, 0.0, 1.0, 0.0),
        15.0,
    )


def enzyme() -> ax.Problem:
    """Michaelis-Menten kinetics without the quasi-steady state."""
    return ode(
        "sc",
        lambda s, c: (-10 * s * (1 - c) + c, 10 * s * (1 - c) - 6 * c),
        (1.0, 0.0),
        2.0,
        n=150,
        method="Radau",
    )


def epidemic() -> ax.Problem:
    return ode("si", lambda s, i: (-2 * s * i, 2 * s * i - 0.5 * i), (0.99, 0.01), 10.0)


def predators() -> ax.Problem:
    return ode("uv", lambda u, v: (u - u * v, u * v - v), (1.5, 0.5), 4.0)


def pendulum(end: float) -> ax.Problem:
    """A harmonic oscillator over many periods."""
    return ode("uv", lambda u, v: (v, -u), (1.0, 0.0), end, n=200)


def relaxation(rate: float) -> ax.Problem:
    return ode("u", lambda u: (-rate * (u - 1),), (0.0,), 1.0, method="Radau")


def convection(speed: float, weight: float = 1.0) -> ax.Problem:
    strip = ax.Box(t=(0, 1), x=(0, 2 * pi))

    def exact(x):
        return torch.sin(x.x - speed * x.t)

    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "transport": ax.Condition(lambda u, x: u.d("t") + speed * u.d("x"), strip.grid(16)),
            "initial": ax.Condition(lambda u, x: u - exact(x), strip.face(t=0).grid(30), weight),
            "inflow": ax.Condition(lambda u, x: u - exact(x), strip.face(x=0).grid(30)),
        },
        solution=exact,
        model=ax.MLP([2, 20, 1]),
    )


def fokker_planck(width: float) -> ax.Problem:
    """An Ornstein-Uhlenbeck process that starts from a Gaussian of the given width."""
    strip = ax.Box(t=(0, 1), x=(-5, 5))

    def exact(x):
        variance = 1 + (width**2 - 1) * torch.exp(-2 * x.t)
        distance = x.x - torch.exp(-x.t)
        return torch.exp(-(distance**2) / (2 * variance)) / torch.sqrt(2 * pi * variance)

    return ax.Problem(
        ("t", "x"),
        ("p",),
        {
            "equation": ax.Condition(
                lambda p, x: p.d("t") - p - x.x * p.d("x") - p.d("xx"), strip.grid(16)
            ),
            "start": ax.Condition(lambda p, x: p - exact(x), strip.face(t=0).grid(40)),
            "ends": ax.Condition(lambda p, x: p - exact(x), strip.faces("x").grid(16)),
        },
        solution=exact,
        model=ax.MLP([2, 24, 1]),
    )


def black_scholes(strike: float) -> ax.Problem:
    """A European call, price and stock in units in which the strike is that large."""
    r, s = 0.05, 0.2
    box = ax.Box(t=(0, 1), S=(0, 3 * strike))

    def exact(x):
        left, stock = (1 - x.t).clamp(min=1e-300), x.S.clamp(min=1e-300)
        a = (torch.log(stock / strike) + (r + s * s / 2) * left) / (s * left.sqrt())
        b = a - s * left.sqrt()
        normal = torch.special.ndtr
        return stock * normal(a) - strike * torch.exp(-r * left) * normal(b)

    def equation(V, x):
        diffusion = 0.5 * s * s * x.S**2 * V.d("SS")
        return V.d("t") + diffusion + r * x.S * V.d("S") - r * V

    return ax.Problem(
        ("t", "S"),
        ("V",),
        {
            "equation": ax.Condition(equation, box.grid(16)),
            "payoff": ax.Condition(
                lambda V, x: V - torch.relu(x.S - strike), box.face(t=1).grid(40)
            ),
            "worthless": ax.Condition(lambda V, x: V, box.face(S=0).grid(12)),
            "deep": ax.Condition(
                lambda V, x: V - 3 * strike + strike * torch.exp(-r * (1 - x.t)),
                box.face(S=3 * strike).grid(12),
            ),
        },
        solution=exact,
        model=ax.MLP([2, 20, 1]),
    )


def measurements(n: int, noise: float, widths: Sequence[int]) -> ax.Problem:
    square = ax.Box(x=(0, 1), y=(0, 1))
    points = square.uniform(n)(3)

    def exact(x):
        return torch.sin(3 * x.x) * torch.cos(2 * x.y)

    values = torch.sin(3 * points[:, 0]) * torch.cos(2 * points[:, 1])
    rng = torch.Generator().manual_seed(0)
    values = values + noise * torch.randn(n, generator=rng, dtype=torch.float64)
    return ax.Problem(
        ("x", "y"),
        ("u",),
        {"data": ax.Data(points, values)},
        solution=exact,
        evaluation=square.grid(40),
        model=ax.MLP(list(widths)),
    )


def annulus(n: int, widths: Sequence[int]) -> ax.Problem:
    """A harmonic function on a disk with a hole, on points given as tensors."""
    cloud = ax.Box(x=(-1, 1), y=(-1, 1)).sobol(n)(1)
    radius = cloud.square().sum(dim=1)
    inside = cloud[(radius < 1) & (radius > 0.25)]
    turn = torch.arange(48, dtype=torch.float64) * (2 * pi / 48)
    ring = torch.stack([torch.cos(turn), torch.sin(turn)], dim=1)

    def exact(x):
        return x.x * x.y + 0.5 * torch.log(x.x**2 + x.y**2)

    return ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "laplace": ax.Condition(lambda u, x: u.laplacian(), inside),
            "rims": ax.Condition(lambda u, x: u - exact(x), torch.cat([ring, 0.5 * ring])),
        },
        solution=exact,
        evaluation=inside,
        model=ax.MLP(list(widths)),
    )


def dispersion() -> ax.Problem:
    """u_t + u_xxx = 0, two plane waves of different speed."""
    strip = ax.Box(t=(0, 1), x=(0, 3))

    def exact(x):
        return torch.sin(2 * x.x + 8 * x.t) + 0.5 * torch.cos(x.x + x.t)

    def slope(u, x):
        return u.d("x") - 2 * torch.cos(2 * x.x + 8 * x.t) + 0.5 * torch.sin(x.x + x.t)

    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.d("t") + u.d("xxx"), strip.grid(16)),
            "start": ax.Condition(lambda u, x: u - exact(x), strip.face(t=0).grid(30)),
            "ends": ax.Condition(lambda u, x: u - exact(x), strip.faces("x").grid(20)),
            "slope": ax.Condition(slope, strip.face(x=3).grid(20)),
        },
        solution=exact,
        model=ax.MLP([2, 24, 1]),
    )


def boundary_layer(thickness: float) -> ax.Problem:
    line = ax.Box(x=(0, 1))
    least = exp(-1 / thickness)

    def exact(x):
        return x.x - (torch.exp((x.x - 1) / thickness) - least) / (1 - least)

    return ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.Condition(
                lambda u, x: u.d("x") - thickness * u.d("xx") - 1, line.grid(50)
            ),
            "ends": ax.Condition(lambda u, x: u, line.faces().grid()),
        },
        solution=exact,
        model=ax.MLP([1, 16, 1]),
    )


def helmholtz(wave_number: float) -> ax.Problem:
    square = ax.Box(x=(0, 1), y=(0, 1))

    def exact(x):
        return torch.sin(wave_number * (0.6 * x.x + 0.8 * x.y))

    return ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "equation": ax.Condition(
                lambda u, x: u.laplacian() + wave_number**2 * u, square.grid(16)
            ),
            "rim": ax.Condition(lambda u, x: u - exact(x), square.faces().grid(20)),
        },
        solution=exact,
        model=ax.MLP([2, 24, 1]),
    )


def wave(speed: float) -> ax.Problem:
    def exact(x):
        return torch.sin(pi * x.x) * torch.cos(speed * pi * x.t)

    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.d("tt") - speed**2 * u.d("xx"), UNIT.grid(16)),
            "shape": ax.Condition(lambda u, x: u - exact(x), UNIT.face(t=0).grid(20)),
            "at rest": ax.Condition(lambda u, x: u.d("t"), UNIT.face(t=0).grid(20)),
            "ends": ax.Condition(lambda u, x: u, UNIT.faces("x").grid(16)),
        },
        solution=exact,
        model=ax.MLP([2, 20, 1]),
    )


def backward_heat() -> ax.Problem:
    """Heat conduction from its end: ill-posed, small residuals say little."""

    def exact(x):
        slow = torch.exp(-(pi**2) * x.t / 4) * torch.sin(pi * x.x)
        return slow + 0.5 * torch.exp(-4 * pi**2 * x.t) * torch.sin(4 * pi * x.x)

    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.d("t") - u.d("xx") / 4, UNIT.grid(16)),
            "end": ax.Condition(lambda u, x: u - exact(x), UNIT.face(t=1).grid(30)),
            "walls": ax.Condition(lambda u, x: u, UNIT.faces("x").grid(16)),
        },
        solution=exact,
        model=ax.MLP([2, 20, 1]),
    )


def fisher() -> ax.Problem:
    """A travelling front with a known speed."""
    strip = ax.Box(t=(0, 2), x=(-5, 12))

    def exact(x):
        return (1 + torch.exp((x.x - 5 / sqrt(6) * x.t) / sqrt(6))) ** -2

    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "equation": ax.Condition(
                lambda u, x: u.d("t") - u.d("xx") - u * (1 - u), strip.grid(16)
            ),
            "start": ax.Condition(lambda u, x: u - exact(x), strip.face(t=0).grid(30)),
            "ends": ax.Condition(lambda u, x: u - exact(x), strip.faces("x").grid(16)),
        },
        solution=exact,
        model=ax.MLP([2, 16, 1]),
    )


def undetermined() -> ax.Problem:
    """A Poisson equation with derivatives alone on the boundary: any constant may be added."""
    square = ax.Box(x=(0, 1), y=(0, 1))

    def exact(x):
        return torch.cos(pi * x.x) * torch.cos(pi * x.y)

    def equation(u, x):
        return u.laplacian() + 2 * pi**2 * exact(x)

    return ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "equation": ax.Condition(equation, square.grid(16)),
            "sides": ax.Condition(lambda u, x: u.d("x"), square.faces("x").grid(16)),
            "top and bottom": ax.Condition(lambda u, x: u.d("y"), square.faces("y").grid(16)),
        },
        solution=exact,
        model=ax.MLP([2, 20, 1]),
    )


def few_points() -> ax.Problem:
    """A Poisson equation on far fewer rows than the network has parameters."""
    square = ax.Box(x=(0, 1), y=(0, 1))

    def exact(x):
        return torch.sin(pi * x.x) * torch.sin(pi * x.y)

    return ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "equation": ax.Condition(
                lambda u, x: u.laplacian() + 2 * pi**2 * exact(x), square.uniform(40)
            ),
            "rim": ax.Condition(lambda u, x: u, square.faces().grid(5)),
        },
        solution=exact,
        model=ax.MLP([2, 32, 1]),
    )


def relative_error(problem: ax.Problem, run: ax.TrainResult) -> float:
    """The largest relative error of any field, on random points where the problem lives."""
    points = problem.evaluation
    if points is None:
        region = problem.conditions[next(iter(problem.conditions))].points.region
        points = region.place(np.random.default_rng(7).random((3000, len(problem.coordinates))))
    points = points.as_subclass(Tensor)
    exact = problem.solution(ax.Coordinates(problem.coordinates, points))
    columns = exact if isinstance(exact, tuple) else (exact,)
    found = run.model(run.theta, points)
    errors = [
        float((mine - right).norm() / right.norm())
        for mine, right in zip(found.unbind(dim=1), columns, strict=True)
    ]
    return max(errors)
