"""Is the message about too few points right on ten further problems, with three seeds each?

    python benchmarks/points_message_fresh.py --out results

The criterion is that of ``points_message_blind.py``. Problems, networks and numbers of points were
fixed before any of these runs. Most of the equations had been solved once before with other points,
to see whether they can be stated; nobody had looked at what is said of their points. They come in
units of their own (volts, dollars, pascals), and the layer of Cahn and Hilliard,
the kink of an option and the corner of a p-Laplacian at its centre are not smooth.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from measure import table, write
from points_message_blind import HEADER, LINE, SQUARE, Case, edge, line

import anagram_ext as ax

SIZES = (40, 400)  # points inside
SEEDS = (0, 1, 2)
PI = math.pi


def telegraph(n: int) -> ax.Problem:
    """V_tt + 2 a V_t + a^2 V = c^2 V_xx: 230 V on a kilometre of line, ten microseconds."""
    length, speed, damping = 1e3, 2e8, 2e5
    region = ax.Box(t=(0, 1e-5), x=(0, length))

    def exact(x: ax.Coordinates) -> torch.Tensor:
        wave = torch.sin(PI * x.x / length) * torch.cos(PI * speed * x.t / length)
        voltage: torch.Tensor = 230 * torch.exp(-damping * x.t) * wave
        return voltage

    def equation(v: ax.Field, _: ax.Coordinates) -> torch.Tensor:
        lossy = v.d("tt") + 2 * damping * v.d("t") + damping**2 * v
        return lossy - speed**2 * v.d("xx")

    start = region.face(t=0).uniform(edge(n))
    return ax.Problem(
        ("t", "x"),
        ("V",),
        {
            "line": ax.Condition(equation, region.uniform(n)),
            "start": ax.Condition(lambda v, x: v - exact(x), start),
            "rate": ax.Condition(lambda v, x: v.d("t") + damping * exact(x), start),
            "ends": ax.Condition(lambda v, x: v, region.faces("x").uniform(2 * edge(n))),
        },
        solution=exact,
    )


def option(n: int) -> ax.Problem:
    """Black and Scholes' European call, strike 100 dollars, a year."""
    rate, volatility, strike, top = 0.05, 0.2, 100.0, 300.0
    region = ax.Box(t=(0, 1), S=(0, top))

    def exact(x: ax.Coordinates) -> torch.Tensor:
        left, price = (1 - x.t).clamp(min=1e-12), x.S.clamp(min=1e-9)
        spread = volatility * left.sqrt()
        upper = (torch.log(price / strike) + rate * left) / spread + spread / 2
        normal = torch.special.ndtr
        return price * normal(upper) - strike * torch.exp(-rate * left) * normal(upper - spread)

    def equation(v: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        diffusion = 0.5 * volatility**2 * x.S**2 * v.d("SS")
        return v.d("t") + diffusion + rate * (x.S * v.d("S") - v)

    return ax.Problem(
        ("t", "S"),
        ("V",),
        {
            "equation": ax.Condition(equation, region.uniform(n)),
            "payoff": ax.Condition(
                lambda v, x: v - torch.relu(x.S - strike), region.face(t=1).uniform(2 * edge(n))
            ),
            "sides": ax.Condition(
                lambda v, x: v - exact(x), region.faces("S").uniform(2 * edge(n))
            ),
        },
        solution=exact,
    )


def chain(n: int) -> ax.Problem:
    """A decays to B and heats: mol/m^3, kmol/m^3 and kelvins on a millimetre."""
    length, slow, fast = 1e-3, 1e-9, 1e-7  # m, m^2/s
    first, second, heat = 5e-3, 2e-3, 1e-3  # 1/s, 1/s, K m^3/mol
    region = ax.Box(t=(0, 500), x=(0, length))

    def exact(x: ax.Coordinates) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        sums = [torch.zeros_like(x.t) for _ in range(3)]
        for size, mode in ((1000.0, 0.0), (500.0, PI / length)):
            shape = torch.cos(mode * x.x)
            a, b, c = first + slow * mode**2, second + slow * mode**2, fast * mode**2
            decay = torch.exp(-a * x.t)
            sums[0] += size * shape * decay
            sums[1] += 1e-3 * first * size * shape * (decay - torch.exp(-b * x.t)) / (b - a)
            sums[2] += heat * first * size * shape * (decay - torch.exp(-c * x.t)) / (c - a)
        return sums[0], sums[1], sums[2] + 300

    def equations(
        a: ax.Field, b: ax.Field, warm: ax.Field, _: ax.Coordinates
    ) -> tuple[torch.Tensor, ...]:
        return (
            a.d("t") - slow * a.d("xx") + first * a,
            b.d("t") - slow * b.d("xx") - 1e-3 * first * a + second * b,
            warm.d("t") - fast * warm.d("xx") - heat * first * a,
        )

    def start(
        a: ax.Field, b: ax.Field, warm: ax.Field, x: ax.Coordinates
    ) -> tuple[torch.Tensor | ax.Field, ...]:
        return a - 1000 - 500 * torch.cos(PI * x.x / length), b, warm - 300

    return ax.Problem(
        ("t", "x"),
        ("a", "b", "T"),
        {
            "equations": ax.Condition(equations, region.uniform(n)),
            "start": ax.Condition(start, region.face(t=0).uniform(edge(n))),
            "closed": ax.Condition(
                lambda a, b, warm, x: (a.d("x"), b.d("x"), warm.d("x")),
                region.faces("x").uniform(2 * edge(n)),
            ),
        },
        solution=exact,
    )


def melting(n: int) -> ax.Problem:
    """Stefan's problem with its front at z = 1: u(t, z) and the front s(t)."""
    root = 0.6200626338  # of l exp(l^2) erf(l) = 1 / sqrt(pi)
    region = ax.Box(t=(0.1, 1), z=(0, 1))

    def exact(x: ax.Coordinates) -> tuple[torch.Tensor, torch.Tensor]:
        return 1 - torch.erf(root * x.z) / math.erf(root), 2 * root * x.t.sqrt()

    def heat(u: ax.Field, s: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        return s**2 * u.d("t") - x.z * s * s.d("t") * u.d("z") - u.d("zz")

    def start(u: ax.Field, s: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
        profile, front = exact(x)
        return u - profile, s - front

    sides = region.face(z=1).uniform(edge(n))
    return ax.Problem(
        ("t", "z"),
        ("u", "s"),
        {
            "heat": ax.Condition(heat, region.uniform(n)),
            "one front": ax.Condition(lambda u, s, x: s.d("z"), region.uniform(n)),
            "hot": ax.Condition(lambda u, s, x: u - 1, region.face(z=0).uniform(edge(n))),
            "front": ax.Condition(lambda u, s, x: (u, s * s.d("t") + u.d("z")), sides),
            "start": ax.Condition(start, region.face(t=0.1).uniform(edge(n))),
        },
        solution=exact,
    )


def plate(n: int) -> ax.Problem:
    """Kirsch's hole of a centimetre in a quarter of steel under 100 MPa; displacements in m."""
    young, poisson, radius, width, load = 200e9, 0.3, 0.01, 0.04, 1e8
    shear, stiff = young / (2 + 2 * poisson), young / (1 - poisson**2)
    region = ax.Rectangle(x=(0, width), y=(0, width)) - ax.Disk(
        x=0, y=0, radius=radius, name="hole"
    )

    def exact(x: ax.Coordinates) -> tuple[torch.Tensor, torch.Tensor]:
        q = torch.hypot(x.x, x.y) / radius
        angle = torch.atan2(x.y, x.x)
        kappa, double = (3 - poisson) / (1 + poisson), 2 * angle
        factor = radius * load / (8 * shear)
        out = q * (kappa - 1 + 2 * torch.cos(double)) - 2 / q**3 * torch.cos(double)
        out = factor * (out + 2 / q * (1 + (1 + kappa) * torch.cos(double)))
        around = factor * torch.sin(double) * (-2 * q + 2 / q * (1 - kappa) - 2 / q**3)
        cos, sin = torch.cos(angle), torch.sin(angle)
        return out * cos - around * sin, out * sin + around * cos

    def stress(u: ax.Field, v: ax.Field) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        along, across = u.d("x"), v.d("y")
        return (
            stiff * (along + poisson * across),
            stiff * (across + poisson * along),
            shear * (u.d("y") + v.d("x")),
        )

    def balance(u: ax.Field, v: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
        along, across, sheared = stress(u, v)
        return (
            ax.d(along, "x") + ax.d(sheared, "y"),
            ax.d(sheared, "x") + ax.d(across, "y"),
        )

    def free(u: ax.Field, v: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
        along, across, sheared = stress(u, v)
        n_x, n_y = x.normal.x, x.normal.y
        return along * n_x + sheared * n_y, sheared * n_x + across * n_y

    def held(u: ax.Field, v: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
        there = exact(x)
        return u - there[0], v - there[1]

    def side(name: str) -> ax.Sampler:
        points: ax.Sampler = region.boundary(name).uniform(edge(n))
        return points

    return ax.Problem(
        ("x", "y"),
        ("u", "v"),
        {
            "balance": ax.Condition(balance, region.uniform(n)),
            "hole": ax.Condition(free, side("hole")),
            "left": ax.Condition(held, side("left")),
            "bottom": ax.Condition(held, side("bottom")),
            "right": ax.Condition(held, side("right")),
            "top": ax.Condition(held, side("top")),
        },
        solution=exact,
    )


def cavity(n: int) -> ax.Problem:
    """Maxwell's equations between two plates 10 cm apart, a nanosecond; V/m and A/m."""
    electric, magnetic, length, size = 8.854e-12, 4e-7 * PI, 0.1, 1000.0
    frequency = PI / length / math.sqrt(electric * magnetic)
    impedance = math.sqrt(magnetic / electric)
    region = ax.Box(t=(0, 1e-9), x=(0, length))

    def exact(x: ax.Coordinates) -> tuple[torch.Tensor, torch.Tensor]:
        place, time = PI * x.x / length, frequency * x.t
        return (
            size * torch.sin(place) * torch.cos(time),
            -size / impedance * torch.cos(place) * torch.sin(time),
        )

    def maxwell(e: ax.Field, h: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
        return electric * e.d("t") + h.d("x"), magnetic * h.d("t") + e.d("x")

    def start(e: ax.Field, h: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, ax.Field]:
        return e - exact(x)[0], h

    return ax.Problem(
        ("t", "x"),
        ("E", "H"),
        {
            "maxwell": ax.Condition(maxwell, region.uniform(n)),
            "start": ax.Condition(start, region.face(t=0).uniform(edge(n))),
            "plates": ax.Condition(lambda e, h, x: e, region.faces("x").uniform(2 * edge(n))),
        },
        solution=exact,
    )


def volterra(n: int) -> ax.Problem:
    """Find u: u' + u = 1 + 2 x + x (1 + 2 x) int_0^x exp(y (x - y)) u(y) dy: exp(x^2)."""

    def kernel(u: ax.Field, y: ax.Coordinates, x: ax.Coordinates) -> torch.Tensor:
        return x.x * (1 + 2 * x.x) * torch.exp(y.x * (x.x - y.x)) * u

    def equation(u: ax.Field, x: ax.Coordinates, memory: torch.Tensor) -> torch.Tensor:
        return u.d("x") - 1 - 2 * x.x + u - memory

    return ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.IntegroDifferential(
                equation, LINE.uniform(n), integrand=kernel, over=LINE.up_to("x", 10)
            ),
            "start": ax.Condition(lambda u, x: u - 1, LINE.face(x=0).grid(1)),
        },
        solution=lambda x: torch.exp(x.x**2),
    )


def minimal(n: int) -> ax.Problem:
    """Scherk's minimal surface log(cos x / cos y)."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return torch.log(torch.cos(x.x) / torch.cos(x.y))

    def area(u: ax.Field, _: ax.Coordinates) -> torch.Tensor:
        along, across = u.d("x"), u.d("y")
        bent = (1 + across**2) * u.d("xx") + (1 + along**2) * u.d("yy")
        return bent - 2 * along * across * u.d("xy")

    return ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "area": ax.Condition(area, SQUARE.uniform(n)),
            "frame": ax.Condition(lambda u, x: u - exact(x), SQUARE.faces().uniform(4 * edge(n))),
        },
        solution=exact,
    )


def p_laplacian(n: int) -> ax.Problem:
    """div(|grad u|^2 grad u) = -1 in the unit disc, u = 0 on its rim."""
    disc = ax.Disk(x=0.0, y=0.0, radius=1.0)

    def equation(u: ax.Field, _: ax.Coordinates) -> torch.Tensor:
        slope = ax.gradient(u, "xy")
        steep = slope[0] ** 2 + slope[1] ** 2
        return ax.divergence([steep * part for part in slope], "xy") + 1

    return ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "equation": ax.Condition(equation, disc.uniform(n)),
            "rim": ax.Condition(lambda u, x: u, disc.boundary().uniform(4 * edge(n))),
        },
        solution=lambda x: 0.75 * 0.5 ** (1 / 3) * (1 - torch.hypot(x.x, x.y) ** (4 / 3)),
    )


def front(n: int) -> ax.Problem:
    """Cahn and Hilliard's front at rest, (u^3 - u - e^2 u_xx)_xx = 0: tanh(x / (2^0.5 e))."""
    width, region = 0.2, ax.Box(x=(-1, 1))

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return torch.tanh(x.x / (math.sqrt(2) * width))

    def slope(x: ax.Coordinates) -> torch.Tensor:
        return (1 - exact(x) ** 2) / (math.sqrt(2) * width)

    def chemical(u: ax.Field, _: ax.Coordinates) -> torch.Tensor:
        return ax.d(u**3 - u - width**2 * u.d("xx"), "xx")

    return ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.Condition(chemical, region.uniform(n)),
            "ends": ax.Condition(
                lambda u, x: (u - exact(x), u.d("x") - slope(x)), region.boundary().grid(1)
            ),
        },
        solution=exact,
    )


CASES = {
    "telegraph": Case(telegraph, (2, 24, 1)),
    "option": Case(option, (2, 16, 16, 1)),
    "chain of three": Case(chain, (2, 20, 3)),
    "melting front": Case(melting, (2, 20, 2)),
    "plate with a hole": Case(plate, (2, 24, 2)),
    "Maxwell's cavity": Case(cavity, (2, 24, 2)),
    "Volterra": Case(volterra, (1, 12, 1)),
    "minimal surface": Case(minimal, (2, 24, 1)),
    "p-Laplacian": Case(p_laplacian, (2, 24, 1)),
    "Cahn-Hilliard's front": Case(front, (1, 16, 1)),
}


def tabulated(name: str, cases: dict[str, Case], told: Callable[..., list[str]]) -> None:
    """Runs all problems with all seeds, and writes the table ``name``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    lines = []
    for title, case in cases.items():
        for n in SIZES:
            for seed in SEEDS:
                found = told(title, case, n, seed)
                lines.append([found[0], str(seed), *found[1:]])
                print(*lines[-1], sep=" | ", flush=True)
    write(arguments.out, name, lines, table([HEADER[0], "seed", *HEADER[1:]], lines))


if __name__ == "__main__":
    tabulated("points_message_fresh", CASES, line)
