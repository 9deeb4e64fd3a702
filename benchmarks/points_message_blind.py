"""Is the message about too few points right on problems that it was not tuned on?

    python benchmarks/points_message_blind.py --out results

The ten problems, their networks, numbers of points and the criterion below were fixed before any
of them was run, and nothing was changed afterwards. Each is trained on few, on more and on many
points. A run whose warning asks for N rows is followed by one with N rows. A run counts as

- *right, asked* if it asked for N rows and its L2 error on N rows is less than a third;
- *right, silent* if it did not ask and its held-out loss is below ten times its training loss, or
  below machine epsilon times the first loss, where digits have run out;
- *wrong* otherwise.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from measure import table, write
from points_message import needed

import anagram_ext as ax

SIZES = (40, 160, 1000)  # points inside
STEPS = 120
LESS = 3.0  # factor of the error that as many rows as asked for have to bring
GAP = 10.0  # held-out over training loss up to which silence is right
EPS = 2.0**-52
HEADER = ["problem", "parameters", "rows", "effective", "verdict", "held out / training", "L2"]
HEADER += ["asked for", "verdict", "L2", "the message was"]

LINE, SQUARE = ax.Box(x=(0, 1)), ax.Box(x=(0, 1), y=(0, 1))
STRIP = ax.Box(t=(0, 1), x=(0, 1))
WIDE = ax.Box(t=(0, 2), x=(-3, 3))
CUBE = ax.Box(x=(0, 1), y=(0, 1), z=(0, 1))
RING = ax.Disk(x=0.0, y=0.0, radius=1.0) - ax.Disk(x=0.0, y=0.0, radius=0.4)


@dataclass(frozen=True)
class Case:
    """From a number of points inside to a problem, and its network."""

    make: Callable[[int], ax.Problem]
    widths: tuple[int, ...]


def edge(n: int, share: float = 1.0) -> int:
    """Points of one side beside n inside."""
    return max(4, math.ceil(share * math.sqrt(n)))


def boundary_layer(n: int) -> ax.Problem:
    """-0.0025 u'' + u = 1, u = 0 at both ends."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return 1 - torch.cosh((x.x - 0.5) / 0.05) / math.cosh(10)

    return ax.Problem(
        ("x",),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u - 0.0025 * u.d("xx") - 1, LINE.uniform(n)),
            "ends": ax.Condition(lambda u, x: u, LINE.boundary().grid(1)),
        },
        solution=exact,
    )


def sine_gordon(n: int) -> ax.Problem:
    """u_tt - u_xx + sin u = 0, a kink of speed 1/2."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return 4 * torch.atan(torch.exp((x.x - 0.5 * x.t) / math.sqrt(0.75)))

    def speed(x: ax.Coordinates) -> torch.Tensor:
        return -(0.5 / math.sqrt(0.75)) * 2 / torch.cosh(x.x / math.sqrt(0.75))

    start = WIDE.face(t=0)
    equation = ax.Condition(lambda u, x: u.d("tt") - u.d("xx") + torch.sin(u), WIDE.uniform(n))
    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "equation": equation,
            "start": ax.Condition(lambda u, x: u - exact(x), start.uniform(edge(n))),
            "speed": ax.Condition(lambda u, x: u.d("t") - speed(x), start.uniform(edge(n))),
            "ends": ax.Condition(lambda u, x: u - exact(x), WIDE.faces("x").uniform(2 * edge(n))),
        },
        solution=exact,
    )


def travelling(n: int) -> ax.Problem:
    """u_t + u u_x = 0.05 u_xx, a front of speed 1/2."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return 0.5 * (1 - torch.tanh((x.x - 0.3 - 0.5 * x.t) / 0.2))

    def burgers(u: ax.Field, _: ax.Coordinates) -> torch.Tensor:
        return u.d("t") + u * u.d("x") - 0.05 * u.d("xx")

    return evolving(burgers, exact, n)


def transport(n: int) -> ax.Problem:
    """u_t + 2 u_x + u = 0 with its inflow."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return torch.exp(-x.t) * torch.sin(5 * (x.x - 2 * x.t))

    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.d("t") + 2 * u.d("x") + u, STRIP.uniform(n)),
            "start": ax.Condition(lambda u, x: u - exact(x), STRIP.face(t=0).uniform(edge(n))),
            "inflow": ax.Condition(lambda u, x: u - exact(x), STRIP.face(x=0).uniform(edge(n))),
        },
        solution=exact,
    )


def porous(n: int) -> ax.Problem:
    """u_t = (u u_x)_x + f."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return 1 + 0.5 * torch.exp(-x.t) * torch.sin(4 * x.x)

    def equation(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        wave = 0.5 * torch.exp(-x.t) * torch.sin(4 * x.x)
        slope = 2 * torch.exp(-x.t) * torch.cos(4 * x.x)
        source = -wave - slope**2 + 16 * wave * (1 + wave)
        return u.d("t") - u.d("x") ** 2 - u * u.d("xx") - source

    return evolving(equation, exact, n)


def evolving(
    equation: Callable[..., torch.Tensor],
    exact: Callable[[ax.Coordinates], torch.Tensor],
    n: int,
) -> ax.Problem:
    """With the solution prescribed at both ends and at the first time."""
    return ax.Problem(
        ("t", "x"),
        ("u",),
        {
            "equation": ax.Condition(equation, STRIP.uniform(n)),
            "start": ax.Condition(lambda u, x: u - exact(x), STRIP.face(t=0).uniform(edge(n))),
            "ends": ax.Condition(lambda u, x: u - exact(x), STRIP.faces("x").uniform(2 * edge(n))),
        },
        solution=exact,
    )


def cube(n: int) -> ax.Problem:
    """Laplacian u = f in three dimensions."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return torch.sin(3 * x.x) * torch.cos(2 * x.y) * torch.exp(x.z)

    return ax.Problem(
        ("x", "y", "z"),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.laplacian() + 12 * exact(x), CUBE.uniform(n)),
            "walls": ax.Condition(lambda u, x: u - exact(x), CUBE.faces().uniform(6 * edge(n))),
        },
        solution=exact,
    )


def beam(n: int) -> ax.Problem:
    """Fourth derivative u'''' = f, deflection and moment prescribed at both ends."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return torch.sin(2 * math.pi * x.x) + x.x**3

    four = (2 * math.pi) ** 4
    load = ax.Condition(
        lambda u, x: (u.d("xxxx") - four * torch.sin(2 * math.pi * x.x)) / four, LINE.uniform(n)
    )
    ends = ax.Condition(
        lambda u, x: (u - exact(x), (u.d("xx") - 6 * x.x) / 40), LINE.boundary().grid(1)
    )
    return ax.Problem(("x",), ("u",), {"load": load, "ends": ends}, solution=exact)


def ring(n: int) -> ax.Problem:
    """Laplacian u = 4 u between two circles."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return torch.exp(1.2 * x.x + 1.6 * x.y) + torch.sin(2 * x.x) * torch.cosh(
            math.sqrt(8) * x.y
        )

    return ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "equation": ax.Condition(lambda u, x: u.laplacian() - 4 * u, RING.uniform(n)),
            "circles": ax.Condition(
                lambda u, x: u - exact(x), RING.boundary().uniform(4 * edge(n))
            ),
        },
        solution=exact,
    )


def schroedinger(n: int) -> ax.Problem:
    """Waves: i psi_t = -psi_xx / 2, two plane waves, real and imaginary part."""

    def exact(x: ax.Coordinates) -> tuple[torch.Tensor, torch.Tensor]:
        first, second = 3 * x.x - 4.5 * x.t, -2 * x.x - 2 * x.t
        return (
            torch.cos(first) + torch.cos(second),
            torch.sin(first) + torch.sin(second),
        )

    def values(u: ax.Field, v: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
        real, imaginary = exact(x)
        return u - real, v - imaginary

    return ax.Problem(
        ("t", "x"),
        ("u", "v"),
        {
            "equation": ax.Condition(
                lambda u, v, x: (u.d("t") + 0.5 * v.d("xx"), v.d("t") - 0.5 * u.d("xx")),
                STRIP.uniform(n),
            ),
            "start": ax.Condition(values, STRIP.face(t=0).uniform(edge(n))),
            "ends": ax.Condition(values, STRIP.faces("x").uniform(2 * edge(n))),
        },
        solution=exact,
    )


def eikonal(n: int) -> ax.Problem:
    """|grad u|^2 - 0.1 laplacian u = f."""

    def exact(x: ax.Coordinates) -> torch.Tensor:
        return torch.sin(2 * x.x + x.y) + x.y**2

    def equation(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        phase = 2 * x.x + x.y
        along_x, along_y = 2 * torch.cos(phase), torch.cos(phase) + 2 * x.y
        source = along_x**2 + along_y**2 - 0.1 * (2 - 5 * torch.sin(phase))
        return u.d("x") ** 2 + u.d("y") ** 2 - 0.1 * u.laplacian() - source

    return ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "equation": ax.Condition(equation, SQUARE.uniform(n)),
            "walls": ax.Condition(lambda u, x: u - exact(x), SQUARE.faces().uniform(4 * edge(n))),
        },
        solution=exact,
    )


CASES = {
    "boundary layer": Case(boundary_layer, (1, 24, 1)),
    "sine-Gordon kink": Case(sine_gordon, (2, 24, 1)),
    "Burgers' front": Case(travelling, (2, 24, 1)),
    "transport with decay": Case(transport, (2, 16, 16, 1)),
    "Poisson in a cube": Case(cube, (3, 32, 1)),
    "beam": Case(beam, (1, 16, 1)),
    "screened Poisson in a ring": Case(ring, (2, 24, 1)),
    "porous medium": Case(porous, (2, 24, 1)),
    "Schroedinger": Case(schroedinger, (2, 24, 2)),
    "viscous eikonal": Case(eikonal, (2, 16, 16, 1)),
}


def rows_of(problem: ax.Problem) -> int:
    """S: points times components of each condition."""
    net = ax.MLP([len(problem.coordinates), 1, len(problem.fields)])
    return len(ax.jacobian(problem, net, net.init(seed=0))[0])


def enough(make: Callable[[int], ax.Problem], n: int, rows: int) -> int:
    """The least number of points inside, from n on in steps of 5 %, with so many rows."""
    while rows_of(make(n)) < rows:
        n = math.ceil(1.05 * n)
    return n


def trained(case: Case, n: int, seed: int) -> ax.TrainResult:
    return ax.train(case.make(n), ax.MLP(case.widths), seed=seed, steps=STEPS, progress=False)


def line(name: str, case: Case, n: int, seed: int = 0) -> list[str]:
    """One run, and the one with as many rows as it asks for."""
    return told(name, case, n, seed, trained(case, n, seed))


def told(name: str, case: Case, n: int, seed: int, run: ax.TrainResult) -> list[str]:
    """What a run was told, and what came of it."""
    gap = run.held_out_loss / run.loss
    cells = [name, str(ax.MLP(case.widths).n_parameters), str(run.facts.n_rows)]
    cells += [f"{run.facts.effective:.0f}", str(run.verdict), f"{gap:.1e}", f"{run.l2_error:.1e}"]
    asked = needed(run.warning)
    if asked is None:
        digits = run.held_out_loss <= EPS * run.facts.first_loss
        right = "right, silent" if gap < GAP or digits else "wrong, silent"
        return [*cells, "-", "-", "-", right]
    more = trained(case, enough(case.make, n, asked), seed)
    right = "right, asked" if LESS * more.l2_error < run.l2_error else "wrong, asked"
    return [*cells, str(asked), str(more.verdict), f"{more.l2_error:.1e}", right]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    lines = []
    for name, case in CASES.items():
        for n in SIZES:
            lines.append(line(name, case, n))
            print(*lines[-1], sep=" | ", flush=True)
    write(arguments.out, "points_message_blind", lines, table(HEADER, lines))


if __name__ == "__main__":
    main()
