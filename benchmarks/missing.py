"""Whether a missing condition can be seen: what counting says, and how loose the fields are.

    python benchmarks/missing.py --out results

Trains small problems with all their conditions and without one, problems whose equation degenerates
at a boundary and needs nothing there, and the zoo's with up to three coordinates for a few steps.
``loose`` is the relative change of the fields for residuals as large as their terms.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from measure import table, write

import anagram_ext as ax
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.verdicts.error_estimate import error_estimate
from anagram_ext.verdicts.evidence import blocks_to_judge
from anagram_ext.verdicts.line_ends import too_few_conditions
from anagram_ext.verdicts.missing import looseness
from anagram_ext.verdicts.validation import Validation

STRIP = ax.Box(t=(0, 1), x=(0, 1))
SQUARE = ax.Box(x=(0, 1), y=(0, 1))
LINE = ax.Box(x=(0, 1))
DISC = ax.Box(t=(0, 1), x=(0, 1))  # x is the radius
PRICES = ax.Box(t=(0, 1), x=(0, 4))


def zero(u, _):
    return u


def sine(u, x):
    return u - torch.sin(math.pi * x.x)


def poisson(u, x):
    return u.laplacian() + 2 * math.pi**2 * torch.sin(math.pi * x.x) * torch.sin(math.pi * x.y)


def black_scholes(u, x):
    return u.d("t") - 0.02 * x.x**2 * u.d("xx") - 0.05 * x.x * u.d("x") + 0.05 * u


def evolution(equation):
    return {
        "pde": ax.Condition(equation, STRIP.grid(20)),
        "start": ax.Condition(sine, STRIP.face(t=0).grid(40)),
        "walls": ax.Condition(zero, STRIP.faces("x").grid(20)),
    }


COMPLETE = {
    "heat": evolution(lambda u, x: u.d("t") - 0.25 * u.d("xx")),
    "wave": evolution(lambda u, x: u.d("tt") - u.d("xx"))
    | {"velocity": ax.Condition(lambda u, x: u.d("t"), STRIP.face(t=0).grid(40))},
    "poisson": {
        "pde": ax.Condition(poisson, SQUARE.grid(20)),
        "sides": ax.Condition(zero, SQUARE.faces("x").grid(20)),
        "bottom": ax.Condition(zero, SQUARE.face(y=0).grid(20)),
        "top": ax.Condition(zero, SQUARE.face(y=1).grid(20)),
    },
    "line": {
        "pde": ax.Condition(lambda u, x: u.d("xx") + 1, LINE.grid(40)),
        "left": ax.Condition(zero, LINE.face(x=0).grid(1)),
        "right": ax.Condition(zero, LINE.face(x=1).grid(1)),
    },
}
LEFT_OUT = {
    "heat": ("start", "walls"),
    "wave": ("velocity", "walls"),
    "poisson": ("top", "sides"),
    "line": ("right",),
}
NEED_NOTHING = {
    "centre of a disc": {
        "pde": ax.Condition(lambda u, x: x.x * u.d("xx") + u.d("x") + 4 * x.x, LINE.grid(40)),
        "edge": ax.Condition(zero, LINE.face(x=1).grid(1)),
    },
    "heat in a disc": {
        "pde": ax.Condition(lambda u, x: x.x * (u.d("t") - u.d("xx")) - u.d("x"), DISC.grid(20)),
        "start": ax.Condition(lambda u, x: u - (1 - x.x**2), DISC.face(t=0).grid(40)),
        "edge": ax.Condition(zero, DISC.face(x=1).grid(20)),
    },
    "Legendre": {
        "pde": ax.Condition(
            lambda u, x: x.x * (1 - x.x) * u.d("xx") + (1 - 2 * x.x) * u.d("x") + 6 * u,
            LINE.grid(60),
        ),
        "end": ax.Condition(lambda u, x: u - 1, LINE.face(x=1).grid(1)),
    },
    "Black-Scholes": {
        "pde": ax.Condition(black_scholes, PRICES.grid(20)),
        "payoff": ax.Condition(
            lambda u, x: u - torch.nn.functional.softplus(4 * (x.x - 1)) / 4,
            PRICES.face(t=0).grid(40),
        ),
        "far": ax.Condition(
            lambda u, x: u - x.x + torch.exp(-0.05 * x.t), PRICES.face(x=4).grid(20)
        ),
    },
}


def small(conditions) -> ax.Problem:
    two = len(conditions["pde"].points[0]) == 2
    names = ("x",) if not two else ("t", "x") if "start" in conditions else ("x", "y")
    names = ("t", "x") if "payoff" in conditions or "velocity" in conditions else names
    return ax.Problem(names, ("u",), conditions)


def asked() -> Iterator[tuple[str, str, ax.Problem, ax.MLP | None]]:
    """Kind, name, problem and network."""
    for name, conditions in COMPLETE.items():
        yield "complete", name, small(conditions), None
        for which in LEFT_OUT[name]:
            some = {key: value for key, value in conditions.items() if key != which}
            problem = ax.Problem(small(conditions).coordinates, ("u",), some)
            yield "incomplete", f"{name} without {which}", problem, None
    for name, conditions in NEED_NOTHING.items():
        yield "needs nothing", name, small(conditions), None
    for name in ax.problems.names():
        problem = ax.problems.get(name)
        if len(problem.coordinates) <= 3:
            yield "zoo, 20 steps", name, problem, problem.model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    results, lines = {}, []
    for kind, name, problem, model in asked():
        network = model or ax.MLP([len(problem.coordinates), 30, 1])
        run = ax.train(problem, network, steps=20 if model else 80, progress=False)
        system = PdeSystem(problem, run.model)
        blocks = blocks_to_judge(system, Validation(system))
        error = error_estimate(system, blocks, run.theta)
        loose = looseness(system, blocks, run.theta, error.sensitivity)
        found = next(too_few_conditions(system), None)
        counted = f"{found.coordinate}, {found.place}" if found else "-"
        results[f"{kind}: {name}"] = {"loose": loose, "too few": counted, "verdict": run.verdict}
        lines.append([kind, name, f"{loose:.1e}", counted, str(run.verdict)])
        print(*lines[-1], flush=True)
    heads = ["", "problem", "loose", "too few conditions along, at", "verdict"]
    write(arguments.out, "missing", results, table(heads, lines))


if __name__ == "__main__":
    main()
