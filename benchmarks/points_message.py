"""Is the message about too few points right? Ten problems beside those of the zoo.

    python benchmarks/points_message.py --out results

Each is trained on too few points, and its warning says how many rows are needed at least; then on
so many, and once more where these still ask for more. That the number goes by the largest
effective number of parameters of a run was decided on these problems: they show that it works
here, and are no independent test of it.
"""

from __future__ import annotations

import argparse
import math
import re
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from measure import table, write

import anagram_ext as ax

NEEDED = re.compile(r"at\s+least\s+(\d+)\s+are\s+needed")
HEADER = ["problem", "parameters", "rows", "verdict", "L2", "asked for", "verdict", "L2"]
HEADER += ["asked again", "verdict", "L2"]
FEW = {"one dimension": 15}  # points inside to begin with
FEW_OTHERS = 40

Fields = Callable[[ax.Coordinates], torch.Tensor]
LINE, SQUARE = ax.Box(x=(0, 1)), ax.Box(x=(0, 1), y=(0, 1))
DISC = ax.Disk(x=0.0, y=0.0, radius=1.0)
STRIP = ax.Box(t=(0, 1), x=(0, 1))


def steady(
    equation: Callable[..., torch.Tensor], exact: Fields, region: object, widths: list[int], n: int
) -> tuple[ax.Problem, ax.MLP]:
    """With the solution prescribed on the boundary, n points inside."""
    boundary = max(4, int(1.5 * math.sqrt(n))) if region is not LINE else 2
    names = region.names
    walls = region.boundary()
    around = walls.grid(1) if region is LINE else walls.uniform(boundary)
    conditions = {
        "equation": ax.Condition(equation, region.uniform(n)),
        "boundary": ax.Condition(lambda u, x: u - exact(x), around),
    }
    return ax.Problem(names, ("u",), conditions, solution=exact), ax.MLP(widths)


def evolution(
    equation: Callable[..., torch.Tensor], exact: Fields, order: int, widths: list[int], n: int
) -> tuple[ax.Problem, ax.MLP]:
    """With the solution prescribed at both ends and at the first time, n points inside."""
    edge = max(4, int(0.7 * math.sqrt(n)))
    conditions = {
        "equation": ax.Condition(equation, STRIP.uniform(n)),
        "start": ax.Condition(lambda u, x: u - exact(x), STRIP.face(t=0).uniform(edge)),
        "ends": ax.Condition(lambda u, x: u - exact(x), STRIP.faces("x").uniform(2 * edge)),
    }
    if order == 2:
        at_rest = STRIP.face(t=0).uniform(edge)
        conditions["at rest"] = ax.Condition(lambda u, x: u.d("t"), at_rest)
    return ax.Problem(("t", "x"), ("u",), conditions, solution=exact), ax.MLP(widths)


def problems() -> dict[str, Callable[[int], tuple[ax.Problem, ax.MLP]]]:
    """From a number of points inside to a problem and its network."""
    pi, sin, cos, exp = torch.pi, torch.sin, torch.cos, torch.exp

    def bump(x: ax.Coordinates) -> torch.Tensor:
        return exp(-20 * ((x.x - 0.6) ** 2 + (x.y - 0.4) ** 2))

    def poisson(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        squared = (x.x - 0.6) ** 2 + (x.y - 0.4) ** 2
        return u.laplacian() - (1600 * squared - 80) * bump(x)

    def wave(x: ax.Coordinates) -> torch.Tensor:
        return sin(2 * pi * x.x) * cos(2 * pi * x.t)

    def layer(x: ax.Coordinates) -> torch.Tensor:
        return (1 - exp(10 * (x.x - 1))) / (1 - math.exp(-10)) * sin(pi * x.y)

    def convection(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        profile = (1 - exp(10 * (x.x - 1))) / (1 - math.exp(-10))
        slope = -10 * exp(10 * (x.x - 1)) / (1 - math.exp(-10))
        source = (slope - 0.1 * (10 * slope - pi**2 * profile)) * sin(pi * x.y)
        return u.d("x") - 0.1 * u.laplacian() - source

    def ripples(x: ax.Coordinates) -> torch.Tensor:
        return sin(6 * x.x) * cos(5 * x.y)

    def helmholtz(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        return u.laplacian() + 30 * u - (30 - 61) * ripples(x)

    def front(x: ax.Coordinates) -> torch.Tensor:
        return 1 / (1 + exp(5 * (x.x - 0.8 * x.t))) ** 2

    def fisher(u: ax.Field, _: ax.Coordinates) -> torch.Tensor:
        # Its front of speed 5 / 6^0.5 (D R)^0.5 and width (6 D / R)^0.5.
        rate, diffusion = 4.8, 0.032
        return u.d("t") - diffusion * u.d("xx") - rate * u * (1 - u)

    def beam(x: ax.Coordinates) -> torch.Tensor:
        return sin(3 * pi * x.x) + x.x

    def humps(x: ax.Coordinates) -> torch.Tensor:
        return sin(2 * pi * x.x) * sin(pi * x.y)

    def exponential(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        return u.laplacian() - exp(u) + 5 * pi**2 * humps(x) + exp(humps(x))

    def variable(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        k = 1 + 0.5 * sin(4 * x.x)
        source = 2 * cos(4 * x.x) * 3 * cos(3 * x.x) * cos(2 * x.y)
        source = source - k * 13 * sin(3 * x.x) * cos(2 * x.y)
        return ax.d(k * u.d("x"), "x") + k * u.d("yy") - source

    def mode(x: ax.Coordinates) -> torch.Tensor:
        return sin(3 * x.x) * cos(2 * x.y)

    def saddle(x: ax.Coordinates) -> torch.Tensor:
        return exp(x.x) * cos(3 * x.y)

    def warm(x: ax.Coordinates) -> torch.Tensor:
        return exp(-x.t) * sin(3 * x.x) + x.t * x.x**2

    def heated(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        source = 8 * exp(-x.t) * sin(3 * x.x) + x.x**2 - 2 * x.t
        return u.d("t") - u.d("xx") - source

    def reacting(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
        return u.laplacian() + u**3 + 8 * saddle(x) - saddle(x) ** 3

    flat, tall = [2, 24, 1], [2, 16, 16, 1]
    return {
        "Poisson, a bump": partial(steady, poisson, bump, SQUARE, flat),
        "wave": partial(evolution, lambda u, x: u.d("tt") - u.d("xx"), wave, 2, flat),
        "convection and diffusion": partial(steady, convection, layer, SQUARE, flat),
        "Helmholtz": partial(steady, helmholtz, ripples, SQUARE, flat),
        "Fisher's front": partial(evolution, fisher, front, 1, tall),
        "one dimension": partial(
            steady, lambda u, x: u.d("xx") + 9 * pi**2 * sin(3 * pi * x.x), beam, LINE, [1, 20, 1]
        ),
        "exponential reaction": partial(steady, exponential, humps, SQUARE, tall),
        "variable coefficient": partial(steady, variable, mode, SQUARE, flat),
        "cubic reaction in a disc": partial(steady, reacting, saddle, DISC, flat),
        "heat with a source": partial(evolution, heated, warm, 1, flat),
    }


def trained(problem: ax.Problem, net: ax.MLP) -> ax.TrainResult:
    return ax.train(problem, net, seed=0, steps=120, progress=False)


def needed(warning: str | None) -> int | None:
    """The number of rows that a warning asks for."""
    found = NEEDED.search(warning or "")
    return None if found is None else int(found[1])


def line(name: str, make: Callable[[int], tuple[ax.Problem, ax.MLP]]) -> list[str]:
    """Trains on few points, then twice on as many as the warning asks for."""
    n = FEW.get(name, FEW_OTHERS)
    cells = [name, str(make(n)[1].n_parameters)]
    for _ in range(3):
        problem, net = make(n)
        rows = sum(len(c.points_for(0)) for c in problem.conditions.values())
        run = trained(problem, net)
        cells += [str(rows), str(run.verdict), f"{run.l2_error:.1e}"]
        asked = needed(run.warning)
        if asked is None:
            break
        n = math.ceil(n * asked / rows)
    return cells + ["-"] * (len(HEADER) - len(cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    lines = []
    for name, make in problems().items():
        lines.append(line(name, make))
        print(*lines[-1], sep=" | ", flush=True)
    write(arguments.out, "points_message", lines, table(HEADER, lines))


if __name__ == "__main__":
    main()
