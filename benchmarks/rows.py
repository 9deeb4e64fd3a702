"""Other activations, depths and weights at incompatible corners: what each is worth.

    python benchmarks/rows.py --out results --seeds 0 1 2 --budget 6

``laplace_2d`` as it is in the zoo, and Burgers and Allen-Cahn with small networks and few points
(`coupling.py`), all for the same processor time or to their end. Networks that are compared have
about as many parameters. Corners: where initial values and walls of Allen-Cahn do not fit together,
rows of walls and equation weigh d / (d + WIDTH) at the distance d. Runs on file are not repeated.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch
from coupling import small, until
from measure import table, write
from runs import Record, median, recorded, worst

import anagram_ext as ax
from anagram_ext import problems

WIDTH = 0.02  # of the region around a corner; not varied
ENDLESS = 10_000  # steps; the budget ends a run
PROBLEMS = ("laplace_2d", "burgers", "allen_cahn")
WIDTHS = {"laplace_2d": (2, 32, 1)}  # of the three, 129 and 361 parameters
SMALL = (2, 12, 12, 12, 1)
DEEP = {"laplace_2d": (2, 5, 5, 5, 6, 1)}  # four hidden layers, 118 and 371
DEEP_SMALL = (2, 10, 10, 10, 10, 1)
HALVES = {"laplace_2d": (2, 16, 1)}  # two such networks, added, 130 and 354
HALVES_SMALL = (2, 8, 8, 8, 1)
AS_IT_IS, SIN, MIXED, FOUR = "as it is", "sin", "tanh and sin, added", "four layers"
CORNER = "weights at corners"
KINDS = (AS_IT_IS, SIN, MIXED, FOUR, CORNER)
HEADER = ["problem", "variant", "P", "seeds", "median L2", "worst L2", "L2 of each seed"]
HEADER += ["median held-out loss", "steps"]


def network(name: str, kind: str) -> ax.MLP | ax.Model:
    """The network of a variant."""
    if kind == FOUR:
        return ax.MLP(list(DEEP.get(name, DEEP_SMALL)))
    if kind == MIXED:
        half = list(HALVES.get(name, HALVES_SMALL))
        both = {"u": ax.MLP(half), "v": ax.MLP(half, "sin")}
        return ax.Model(both, outputs=lambda u, v, x: u + v)
    return ax.MLP(list(WIDTHS.get(name, SMALL)), "sin" if kind == SIN else "tanh")


def at_corners(x: ax.Coordinates) -> torch.Tensor:
    """The weight of a row, [n]: zero at (0, 1) and (0, -1), near one elsewhere."""
    distance = torch.sqrt(x.t**2 + (1 - x.x.abs()) ** 2)
    return distance / (distance + WIDTH)


def lighter(condition: ax.Condition) -> ax.Condition:
    """The condition with rows that weigh little at the corners."""
    plain = condition.residual
    return replace(condition, residual=lambda u, x: at_corners(x) * plain(u, x))


def stated(name: str, kind: str) -> ax.Problem:
    """The problem of a variant."""
    problem = problems.get(name) if name == "laplace_2d" else small(name, density=True)
    if kind == CORNER:
        weighed = {key: lighter(problem.conditions[key]) for key in ("interior", "walls")}
        return replace(problem, conditions=problem.conditions | weighed)
    return problem


def run(name: str, kind: str, seed: int, budget: float) -> ax.TrainResult:
    """One run within its budget."""
    return ax.train(
        stated(name, kind),
        network(name, kind),
        seed=seed,
        steps=ENDLESS,
        callbacks=[until(budget)],
        progress=False,
    )


def line(name: str, kind: str, runs: list[Record]) -> list[str]:
    """Medians over the seeds, and the errors of all."""
    errors = [record["l2_error"] for record in runs]
    return [
        *(name, kind, str(network(name, kind).n_parameters), str(len(runs))),
        *(median(errors), worst(errors), ", ".join(f"{error:.1e}" for error in errors)),
        median(record["held_out_loss"] for record in runs),
        f"{float(median(record['steps'] for record in runs)):.0f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--budget", type=float, default=6.0, help="processor seconds of a run")
    parser.add_argument("--problems", nargs="+", default=PROBLEMS, choices=PROBLEMS)
    parser.add_argument("--variants", nargs="+", default=KINDS, choices=KINDS)
    options = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    lines = []
    for name in options.problems:
        for kind in options.variants:
            if kind == CORNER and name != "allen_cahn":
                continue
            runs = []
            for seed in options.seeds:
                file = f"{name}-{'-'.join(kind.replace(',', '').split())}-{seed}.json"
                one = partial(run, name, kind, seed, options.budget)
                runs.append(recorded(options.out / "runs" / "rows" / file, one))
            lines.append(line(name, kind, runs))
            print(*lines[-1], sep=" | ", flush=True)
    text = f"At most {options.budget:g} processor seconds a run, one thread.\n\n"
    write(options.out, "rows", lines, text + table(HEADER, lines))


if __name__ == "__main__":
    main()
