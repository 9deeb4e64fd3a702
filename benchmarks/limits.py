"""What limits a finished run: optimisation, the points, the network, or rounding?

    python benchmarks/limits.py [NAME ...] --seeds 1 --budget 150 --out benchmarks/results

Two answers from the iterate that a default run returns. **One linear step**: the best that the
tangent space there can do, for each damping, on points as many as the run had, on three times as
many, and with a network wider by 1.3 that begins with the same function; its loss on held-out
points and its error tell what a step as long as that would bring, were the residual linear.
**Going on**: from the same iterate, for so many processor seconds each, with the same rule, with
one set of as many points as the run had, with three times as many, and wider on these. All are
judged on the same held-out points. Seconds are processor seconds. Runs on file are not repeated.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from coupling import until
from measure import table, write
from runs import Record, record_of

import anagram_ext as ax
from anagram_ext import problems
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.training.rounding import rounding_loss
from anagram_ext.verdicts.validation import Validation

WIDER = 1.3  # of all hidden layers
MORE = 3  # times the points
DAMPINGS = (1e-8, 1e-10, 1e-12, 1e-14, 1e-16, 1e-18, 1e-20, 1e-24)
CURVE = ("loss", "held_out_loss", "l2_error", "cutoff", "rows")
ENDLESS = 10_000  # steps; the budget ends a run
LONG = ("curve", "theta")  # not for the summary
RULE = "the rule of the run"
AS_MANY = "one set of as many points"
MORE_POINTS = "one set of three times as many"
WIDER_MORE = "a wider network, three times as many"
LINEAR = [
    "problem",
    "seed",
    "points and network",
    "P",
    "S",
    "damping",
    "df",
    "training",
    "PRESS",
    "held out",
]
LINEAR += ["L2"]
LONGER = ["problem", "seed", "went on with", "P", "S", "steps", "CPU s", "damping", "training"]
LONGER += ["PRESS", "held out", "held out / training", "L2"]


def finished(name: str, seed: int, path: Path) -> Record:
    """A run with default settings, its parameters and how many points it had at the end."""
    if not path.exists():
        last: dict[str, dict[str, int]] = {}
        begun = time.process_time()
        result = ax.train(
            problems.get(name),
            seed=seed,
            callbacks=[lambda run: last.update(sizes=run.system.sizes)],
            progress=False,
        )
        record = record_of(result) | {"problem": name, "cpu": time.process_time() - begun}
        history = {key: result.history[key].tolist() for key in ("cutoff", "held_out_loss")}
        record |= {"theta": result.theta.tolist(), "history": history, **last}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    record = json.loads(path.read_text(encoding="utf-8"))
    print(f"{path.stem}: L2 {record['l2_error']:.1e}, {record['cpu']:.0f} CPU s", flush=True)
    return record


def drawn(
    problem: ax.Problem, model: Any, theta: torch.Tensor, sizes: dict[str, int]
) -> ax.Problem:
    """The problem with one set of so many points, chosen as training chooses them at theta."""
    system = PdeSystem(problem, model, seed=1_000)
    system.redraw(theta, sizes)

    def fixed(name: str) -> ax.Condition:
        condition = problem.conditions[name]
        points = system.blocks[name].coordinates.points
        return replace(condition, points=ax.Points(points, condition.points.region))

    return replace(problem, conditions={name: fixed(name) for name in problem.conditions})


class TangentSpace:
    """The residual on some points linearised, in the scaled parameters of ``natural_lm``."""

    def __init__(self, problem: ax.Problem, model: Any, theta: torch.Tensor) -> None:
        self.r, self.J = ax.jacobian(problem, model, theta)
        lengths = self.J.norm(dim=0)
        self.scale = (lengths / lengths.max()).clamp(min=1e-3).sqrt()
        self.factorisation = ax.factorise(self.J / self.scale)
        self.sigma = self.factorisation.singular_values
        self.projected = self.factorisation.project(self.r)

    def step(self, damping: float) -> torch.Tensor:
        """The damped step [P], damping in units of the largest squared singular value."""
        shift = damping * float(self.sigma[0]) ** 2
        filtered = self.sigma / (self.sigma**2 + shift) * self.projected
        return self.factorisation.expand(filtered) / self.scale

    def effective(self, damping: float) -> float:
        """The effective number of parameters at a damping."""
        shift = damping * float(self.sigma[0]) ** 2
        return float((self.sigma**2 / (self.sigma**2 + shift)).sum())

    def press(self, damping: float) -> float:
        """PRESS of the residual here, if a step with this damping led here."""
        free = 1 - self.factorisation.leverages(damping).clamp(max=0.99)
        return half(self.r / free)


def half(residual: torch.Tensor) -> float:
    return float(0.5 * residual.square().sum())


def elsewhere(problem: ax.Problem, model: Any) -> tuple[ax.Problem, ax.Problem]:
    """The problem on the points that all are judged by, and its error as one."""
    system = PdeSystem(problem, model)
    held_out = Validation(system).held_out
    conditions = {
        name: replace(condition, points=held_out[name].blocks[name].coordinates.points)
        for name, condition in problem.conditions.items()
    }
    error = ax.Condition(lambda u, x: u - problem.solution(x), problem.evaluation)
    return replace(problem, conditions=conditions), replace(problem, conditions={"u": error})


def linear_steps(problem: ax.Problem, model: Any, theta: torch.Tensor) -> list[Record]:
    """What full steps on fixed points would do to the losses and the error, were all linear."""
    space = TangentSpace(problem, model, theta)
    judged = elsewhere(problems.get(problem.name), model)
    held_out, error = (ax.jacobian(p, model, theta) for p in judged)
    where = {"P": len(theta), "S": len(space.r)}
    made = [
        where
        | {"damping": math.inf, "df": 0.0, "training": half(space.r), "press": half(space.r)}
        | {"held_out": half(held_out[0]), "l2": math.sqrt(2 * half(error[0]))}
    ]
    for damping in DAMPINGS:
        step = space.step(damping)
        left = space.r - space.J @ step
        rows = {"damping": damping, "df": space.effective(damping), "training": half(left)}
        rows |= {"press": space.factorisation.press(space.r, damping)}
        rows |= {"held_out": half(held_out[0] - held_out[1] @ step)}
        made.append(where | rows | {"l2": math.sqrt(2 * half(error[0] - error[1] @ step))})
    return made


def gone_on(
    problem: ax.Problem, model: Any, theta: torch.Tensor, judge: Validation, budget: float
) -> Record:
    """Further training from theta for so many processor seconds."""
    begun = time.process_time()
    watched = [until(budget)]
    run = ax.train(problem, model, theta=theta, steps=ENDLESS, callbacks=watched, progress=False)
    cpu = time.process_time() - begun
    history = run.history
    damping = float(np.nanmedian(history["cutoff"][-10:])) ** 2
    if PdeSystem(problem, model).redrawn:
        best = int(np.nanargmin(history["held_out_loss"]))
        press, damping = float(history["press"][best]), float(history["cutoff"][best]) ** 2
    else:
        press = TangentSpace(problem, model, run.theta).press(damping)
    absolute, _ = judge.l2_error(run.theta)
    return {
        "P": len(theta),
        "S": int(history["rows"][-1]),
        "steps": run.steps,
        "cpu": cpu,
        "damping": damping,
        "training": run.loss,
        "press": press,
        "held_out": judge.held_out_loss(run.theta),
        "l2": absolute,
        "stop": run.stop_reason,
        "rounding": rounding_loss(PdeSystem(problem, model), run.theta),
        "curve": {key: history[key].tolist() for key in CURVE},
        "theta": run.theta.tolist(),
    }


def ways_on(
    name: str, seed: int, run: Record
) -> dict[str, Callable[[], tuple[ax.Problem, Any, torch.Tensor]]]:
    """What to go on with: the problem with its points, the network, and where it begins."""
    problem, theta = problems.get(name), torch.tensor(run["theta"], dtype=torch.float64)
    model, sizes = problem.model, run["sizes"]
    more = {condition: MORE * size for condition, size in sizes.items()}

    def wider() -> tuple[ax.Problem, Any, torch.Tensor]:
        return drawn(problem, model, theta, more), *model.widened(theta, WIDER, seed=seed)

    return {
        RULE: lambda: (problem, model, theta),
        AS_MANY: lambda: (drawn(problem, model, theta, sizes), model, theta),
        MORE_POINTS: lambda: (drawn(problem, model, theta, more), model, theta),
        WIDER_MORE: wider,
    }


def on_file(path: Path, run: Callable[[], Any], known: bool) -> Any:
    """What is on file, else from running it now; None where only what is known is asked for."""
    if not path.exists():
        if known:
            return None
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(run()) + "\n", encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def asked(
    name: str, seed: int, budget: float, folder: Path, known: bool
) -> tuple[list[Record], list[Record]]:
    """Both answers for one run."""
    run = finished(name, seed, folder / f"{name}-{seed}.json")
    ways = ways_on(name, seed, run)
    linear, longer = [], []
    for kind in (AS_MANY, MORE_POINTS, WIDER_MORE):
        path = folder / f"{name}-{seed}-linear-{'-'.join(kind.split())}.json"
        way = ways[kind]
        where = {"problem": name, "seed": seed, "kind": kind}
        linear += [
            where | line for line in on_file(path, lambda w=way: linear_steps(*w()), known) or []
        ]
    for kind in (MORE_POINTS, RULE, WIDER_MORE, AS_MANY):
        path = folder / f"{name}-{seed}-{'-'.join(kind.split())}.json"

        def further(kind: str = kind) -> Record:
            problem, model, theta = ways[kind]()
            judge = Validation(PdeSystem(problems.get(name), model))
            return gone_on(problem, model, theta, judge, budget)

        record = on_file(path, further, known)
        if record is None:
            continue
        record = {"problem": name, "seed": seed, "kind": kind} | record
        print({key: record[key] for key in record if key not in LONG}, flush=True)
        longer.append(record)
    return linear, longer


def known(record: Record) -> Record:
    """Without what is not a number, for JSON."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }


def number(value: float) -> str:
    return f"{value:.1e}" if math.isfinite(value) else "-"


def linear_line(record: Record) -> list[str]:
    where = [str(record[key]) for key in ("problem", "seed", "kind", "P", "S")]
    losses = [number(record[key]) for key in ("training", "press", "held_out", "l2")]
    return [*where, number(record["damping"]), f"{record['df']:.0f}", *losses]


def longer_line(record: Record) -> list[str]:
    where = [str(record[key]) for key in ("problem", "seed", "kind", "P", "S", "steps")]
    losses = [number(record[key]) for key in ("damping", "training", "press", "held_out")]
    gap = f"{record['held_out'] / record['training']:.1f}"
    return [*where, f"{record['cpu']:.0f}", *losses, gap, number(record["l2"])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["burgers", "allen_cahn"])
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--budget", type=float, default=150.0, help="processor seconds of a way on")
    parser.add_argument("--table", action="store_true", help="only the table of what is on file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    linear, longer = [], []
    for name in options.names:
        for seed in options.seeds:
            found = asked(
                name, seed, options.budget, options.out / "runs" / "limits", options.table
            )
            linear += found[0]
            longer += found[1]
    short = [{key: record[key] for key in record if key not in LONG} for record in longer]
    text = (
        table(LINEAR, map(linear_line, linear)) + "\n\n" + table(LONGER, map(longer_line, longer))
    )
    write(options.out, "limits", [known(record) for record in linear + short], text)


if __name__ == "__main__":
    main()
