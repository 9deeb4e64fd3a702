"""Periodic walls as pairs of points against a network that is periodic by its inputs.

    python benchmarks/pairs_embeddings.py [NAME ...] --seeds 3 --out benchmarks/results

The same equation, initial points and hidden layers; pairs ask for one value and as many
derivatives less one as the equation has in x. Long evolutions go in windows. Errors against closed
forms or Fourier modes on 10 000 points that were not trained on. "Of embeddings" compares medians,
and in brackets the worst of the seeds that both have.

One JSON a run; runs that are there are not repeated, and the table shows every run on file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from pathlib import Path
from typing import Any

import torch

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent / "suite")]

import spectral
from case import fresh, relative
from measure import table, write

import anagram_ext as ax

SEAM = 100.0  # weight of the pairs and of the initial values
KINDS = ("embedding", "pairs")
SOLVED_IS = 1e-4  # the relative error that "solved" stands for
HEADER = ["problem", "periodic by", "seeds", "relative L2, median", "worst", "of embeddings"]
HEADER += ["P", "rows", "windows", "steps", "CPU s", "estimated", "verdicts", "below 1e-4"]

Record = dict[str, Any]


@dataclass(frozen=True)
class Evolution:
    """A periodic evolution and how it is trained.

    Attributes:
        end: of the time, which begins at 0.
        interval: of x.
        fields: names.
        equation: residual of the fields and the coordinates.
        start: the initial values [n, m] at positions x [n].
        solution: the fields [n, m] at times and positions [n].
        order: derivatives of the equation in x.
        hidden: layers.
        harmonics: of the embedding.
        points: of the equation in a window, along t and x.
        windows: of time.
        steps: of a window.
        activation: of the network.
    """

    end: float
    interval: tuple[float, float]
    fields: tuple[str, ...]
    equation: Callable[..., Any]
    start: Callable[[torch.Tensor], torch.Tensor]
    solution: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    order: int
    hidden: tuple[int, ...]
    harmonics: int
    points: tuple[int, int]
    windows: int
    steps: int
    activation: str = "tanh"


def by_modes(exact: spectral.Periodic, fields: int) -> Callable[..., torch.Tensor]:
    """A solution by Fourier modes at the nearest times that it knows, real and imaginary parts."""

    def solution(t: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        values = torch.from_numpy(exact(t.numpy(), x.numpy()))
        return torch.stack([values.real, values.imag][:fields], dim=1)

    return solution


def schroedinger(u: ax.Field, v: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """Real and imaginary part of i h_t + h_xx / 2 + |h|^2 h = 0 for h = u + i v."""
    size = u**2 + v**2
    return u.d("t") + v.d("xx") / 2 + size * v, v.d("t") - u.d("xx") / 2 - size * u


def pulses(x: torch.Tensor) -> torch.Tensor:
    """The first values of ``spectral.schroedinger``, real and imaginary part [n, 2]."""
    real = sum(2 / torch.cosh(x - 10 * period) for period in range(-4, 5))
    return torch.stack([real, torch.zeros_like(real)], dim=1)


EVOLUTIONS = {
    "convection, speed 30": Evolution(
        1.0, (0, 2 * pi), ("u",),
        lambda u, x: u.d("t") + 30 * u.d("x"),
        lambda x: torch.sin(x)[:, None],
        lambda t, x: torch.sin(x - 30 * t)[:, None],
        1, (24, 24), 1, (60, 40), 1, 100, "sin",
    ),
    "KdV": Evolution(
        0.5, (-1, 1), ("u",),
        lambda u, x: u.d("t") + u * u.d("x") + 0.022**2 * u.d("xxx"),
        lambda x: torch.cos(pi * x)[:, None],
        by_modes(spectral.kdv(), 1),
        3, (20, 20), 2, (15, 60), 4, 100,
    ),
    "Schroedinger": Evolution(
        pi / 2, (-5, 5), ("u", "v"), schroedinger, pulses,
        by_modes(spectral.schroedinger(), 2),
        2, (20, 20), 2, (14, 50), 5, 60,
    ),
    "Kuramoto-Sivashinsky": Evolution(
        0.5, (-1, 1), ("u",),
        lambda u, x: u.d("t") + 5 * u * u.d("x") + 0.5 * u.d("xx") + 0.005 * u.d("xxxx"),
        lambda x: -torch.sin(pi * x)[:, None],
        by_modes(spectral.kuramoto_sivashinsky(), 1),
        4, (20, 20), 2, (16, 50), 4, 100,
    ),
}  # fmt: skip


def posed(about: Evolution, kind: str) -> tuple[ax.Problem, ax.Model]:
    """The problem with its model: periodic by pairs, or by what the network sees."""
    strip = ax.Box(t=(0, about.end), x=about.interval)

    def initial(*arguments: Any) -> tuple[torch.Tensor, ...]:
        fields, x = arguments[:-1], arguments[-1]
        first = about.start(x.x)
        return tuple(field - first[:, j] for j, field in enumerate(fields))

    def seam(a: Any, b: Any) -> tuple[torch.Tensor, ...]:
        return tuple(
            a[name].d(*["x"] * k) - b[name].d(*["x"] * k) if k else a[name] - b[name]
            for name in about.fields
            for k in range(about.order)
        )

    conditions = {
        "equation": ax.Condition(about.equation, strip.stratified(*about.points)),
        "initial": ax.Condition(initial, strip.face(t=0).stratified(80), weight=SEAM),
    }
    inputs, features = None, 2
    if kind == "pairs":
        conditions["seam"] = ax.Paired(seam, strip.opposite("x").stratified(100), weight=SEAM)
    else:
        period = about.interval[1] - about.interval[0]
        inputs, features = ax.periodic(x=period, harmonics=about.harmonics), 1 + 2 * about.harmonics
    network = ax.MLP([features, *about.hidden, len(about.fields)], about.activation)
    return ax.Problem(("t", "x"), about.fields, conditions), ax.Model(network, inputs=inputs)


def run(name: str, kind: str, seed: int, steps: int | None = None) -> Record:
    """One evolution in windows."""
    about = EVOLUTIONS[name]
    problem, model = posed(about, kind)
    started = time.process_time()
    march = ax.march(
        problem,
        model,
        windows=about.windows,
        seed=seed,
        steps=steps or about.steps,
        coupled=False,
        progress=False,
    )
    seconds = time.process_time() - started
    points = fresh(ax.Box(t=(0, about.end), x=about.interval))
    points[:, 0] = (points[:, 0] / about.end * 200).round() / 200 * about.end
    exact = about.solution(points[:, 0], points[:, 1])
    last = march.runs[-1]
    return {
        "problem": name,
        "kind": kind,
        "seed": seed,
        "error": relative(march(points), exact),
        "estimated_error": march.estimated_error,
        "verdict": str(march.verdict),
        "warning": march.warning,
        "loss": march.loss,
        "steps": sum(run.steps for run in march.runs),
        "windows": len(march.runs),
        "parameters": last.model.n_parameters,
        "rows": last.facts.n_rows,
        "cpu_seconds": seconds,
    }


def recorded(folder: Path, name: str, kind: str, seed: int) -> Record:
    """The record of a run: from its file if there is one, else from running it now."""
    path = folder / f"{name.partition(',')[0].lower()}-{kind}-{seed}.json"
    if not path.exists():
        record = run(name, kind, seed)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    record = json.loads(path.read_text(encoding="utf-8"))
    print(record, flush=True)
    return record


def lines(records: list[Record]) -> list[list[str]]:
    """Both kinds of one problem, one line each."""
    errors = {
        kind: {record["seed"]: record["error"] for record in records if record["kind"] == kind}
        for kind in KINDS
    }
    base = statistics.median(errors["embedding"].values())
    made = []
    for kind in KINDS:
        of = [record for record in records if record["kind"] == kind]
        middle = statistics.median(errors[kind].values())
        common = errors[kind].keys() & errors["embedding"].keys()
        worst = max(errors[kind][seed] / errors["embedding"][seed] for seed in common)
        below = sum(error <= SOLVED_IS for error in errors[kind].values())
        verdicts = Counter(record["verdict"] for record in of)
        columns = ("parameters", "rows", "windows", "steps", "cpu_seconds")
        made.append(
            [
                of[0]["problem"],
                kind,
                str(len(of)),
                f"{middle:.1e}",
                f"{max(errors[kind].values()):.1e}",
                f"{middle / base:.2g} ({worst:.2g})",
                *(f"{statistics.median(record[c] for record in of):.0f}" for c in columns),
                f"{statistics.median(record['estimated_error'] for record in of):.1e}",
                ", ".join(f"{verdict} {count}" for verdict, count in verdicts.items()),
                f"{below} of {len(of)}",
            ]
        )
    return made


def on_file(folder: Path) -> list[Record]:
    """All records in a folder, in the order of their names."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[], help="all by default")
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--table", action="store_true", help="only the table of what is on file")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ax.TrainingWarning)
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    for name in () if options.table else options.names or EVOLUTIONS:
        for seed in range(options.seeds):
            for kind in KINDS:
                recorded(options.out / "pairs_embeddings", name, kind, seed)
    results = on_file(options.out / "pairs_embeddings")
    made = []
    for name in EVOLUTIONS:
        of = [record for record in results if record["problem"] == name]
        if {record["kind"] for record in of} == set(KINDS):
            made += lines(of)
    write(options.out, "pairs_embeddings", results, table(HEADER, made))


if __name__ == "__main__":
    main()
