r"""Trains and draws all that a talk on natural-gradient training of PINNs shows.

    python examples/seminar.py --out seminar           # a minute: small nets, few steps, two seeds
    python examples/seminar.py --out seminar --full    # hours: all steps, five seeds
    python examples/seminar.py --out seminar --full --only kernels,green,learning
    python examples/seminar.py --out docs/figures/seminar --full \
        --only performance_laplace_5d --seeds 5 --seconds 60 --resume

Each part writes figures into the folder, its numbers into ``numbers.json``, and with which
settings, where and when it was run into ``made.json``. A later run of other parts adds to both.
The last command draws one figure of the documentation anew: 6 methods, 5 seeds and 60 seconds are
half an hour at most, and with ``--resume`` a run that was cut goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from statistics import median

import torch
from matplotlib.figure import Figure

import anagram_ext as ax
from anagram_ext.analysis import known_green
from anagram_ext.training.comparison import compare

METHODS = ("gd", "adam", "lbfgs", "engd", "anagram", "natural_lm")


@dataclass(frozen=True)
class Scale:
    """How much is done: everything, or little of everything.

    Attributes:
        seeds: of the comparisons.
        steps: of a method, None for its usual number.
        seconds: of each contestant on Burgers, None for so many steps.
        budget: seconds of each run of the comparisons instead of so many steps, where given.
        resume: whether finished runs of the comparisons are taken as they are.
    """

    seeds: tuple[int, ...]
    steps: Callable[[str], int | None]
    seconds: float | None
    quick: bool
    budget: float | None = None
    resume: bool = False


FULL = Scale(seeds=(0, 1, 2, 3, 4), steps=lambda method: None, seconds=100, quick=False)
QUICK = Scale(
    seeds=(0, 1),
    steps=lambda method: {"gd": 100, "adam": 100}.get(method, 25),
    seconds=None,
    quick=True,
)


def small(problem: ax.Problem, *widths: int) -> ax.Problem:
    """The same problem with another network."""
    d, m = len(problem.coordinates), len(problem.fields)
    return replace(problem, model=ax.MLP([d, *widths, m]))


def heat(scale: Scale) -> ax.Problem:
    return small(ax.problems.heat(12), 16) if scale.quick else ax.problems.heat()


def laplace(scale: Scale) -> ax.Problem:
    return small(ax.problems.laplace_2d(12), 16) if scale.quick else ax.problems.laplace_2d()


def laplace_5d(scale: Scale) -> ax.Problem:
    return small(ax.problems.laplace_5d(400), 16) if scale.quick else ax.problems.laplace_5d()


def allen_cahn(scale: Scale) -> ax.Problem:
    problem = ax.problems.allen_cahn(published=scale.quick)
    return small(problem, 12, 12) if scale.quick else problem


COMPARED = {"laplace_2d": laplace, "heat": heat, "laplace_5d": laplace_5d, "allen_cahn": allen_cahn}


def trained(problem: ax.Problem, method: str, scale: Scale, **options: object) -> ax.TrainResult:
    """A run from seed 0 without a progress bar."""
    options.setdefault("steps", scale.steps(method))
    return ax.train(problem, method=method, progress=False, **options)


def failure_of_adam(out: Path, scale: Scale) -> dict[str, float]:
    """Adam on Laplace 2D: loss and error stall together, far from what the net can do."""
    adam = trained(laplace(scale), "adam", scale)
    ours = trained(laplace(scale), "natural_lm", scale)
    ax.figures.convergence(adam.history, out / "adam_laplace_2d.png", "Laplace 2D by Adam")
    ax.figures.convergence(ours.history, out / "ours_laplace_2d.png", "Laplace 2D by natural_lm")
    return {"adam_l2": adam.l2_error, "natural_lm_l2": ours.l2_error}


def performance(name: str, out: Path, scale: Scale) -> dict[str, float]:
    """Error against step and time: all methods, medians and quartiles over the seeds."""
    folder = out / "performance" / name
    done = compare(
        COMPARED[name](scale),
        METHODS,
        scale.seeds,
        folder,
        steps=25 if scale.quick and scale.budget is None else None,
        seconds=scale.budget,
        progress=False,
        resume=scale.resume,
    )
    if not scale.quick:
        shutil.copy(folder / "l2_error.png", out / f"performance_{name}.png")
    return {
        f"{method}_l2": median(run.l2_error for run in runs)
        for method, runs in done.runs.items()
        if runs
    }


def kernels(out: Path, scale: Scale) -> dict[str, float]:
    """NTK and NNTK of the heat operator: 16 random rows over the (t, x) square, start and end."""
    problem = heat(scale)
    model = problem.model
    rng = torch.Generator().manual_seed(0)
    at = torch.rand(16, 2, generator=rng, dtype=torch.float64)
    run = trained(problem, "natural_lm", scale)
    spectra = {}
    for when, theta in {"start": model.init(0), "end": run.theta}.items():
        ntk = ax.analysis.ntk(problem, model, theta, at)
        nntk = ax.analysis.nntk(problem, model, theta, at, cutoff=1e-6)
        ax.figures.kernel(ntk, out / f"ntk_{when}.png", title=f"NTK of heat, {when}")
        ax.figures.kernel(nntk, out / f"nntk_{when}.png", title=f"NNTK of heat, {when}")
        spectra[when] = ax.analysis.spectrum(problem, model, theta, cutoff=1e-6)
    ax.figures.spectrum(spectra, out / "spectrum.png", "heat")
    return {f"rank_{when}": found.rank for when, found in spectra.items()} | {
        "captured_start": spectra["start"].captured_residual
    }


def scattered(widths: list[int], slope: float) -> tuple[ax.MLP, torch.Tensor]:
    """A net that bends everywhere in the unit cube, ever more steeply as it grows.

    A trained net, or Glorot's one, is smooth: its tangent space holds few functions, and their
    Green's function is a blurred one however many neurons there are.
    """
    model = ax.MLP(widths)
    d, n = widths[:2]
    theta = model.init(0)
    rng = torch.Generator().manual_seed(0)
    slopes = slope * torch.randn(n, d, generator=rng, dtype=torch.float64)
    centres = torch.rand(n, d, generator=rng, dtype=torch.float64)
    theta[: d * n] = slopes.reshape(-1)
    theta[d * n : (d + 1) * n] = -(slopes * centres).sum(dim=1)
    return model, theta


def cells(region: ax.Box, n: int) -> ax.Points:
    """The centres of n cells an axis: as a sum, the midpoint rule."""
    d = len(region.names)
    ticks = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return region.place(torch.cartesian_prod(*[ticks] * d).reshape(-1, d).numpy())


def minus_laplace(d: int, n: int) -> ax.Problem:
    """Minus the Laplacian of u, and u on the boundary, of the unit interval or square."""
    cube = ax.Box(**dict.fromkeys("xy"[:d], (0, 1)))
    faces = cube.faces().grid(1 if d == 1 else n)
    return ax.Problem(
        cube.names,
        ("u",),
        {
            "inside": ax.Condition(lambda u, x: -u.laplacian(), cells(cube, n)),
            "boundary": ax.Condition(lambda u, x: u, faces),
        },
    )


def green(out: Path, scale: Scale) -> dict[str, float]:
    """Green's function of D on the tangent space beside the true one: trained nets, wide nets."""
    one, two = [[0.25], [0.6]], [[0.4, 0.6], [0.75, 0.25]]
    wide = 64 if scale.quick else 256
    line = trained(ax.problems.poisson_1d(), "natural_lm", scale)
    square = trained(laplace(scale), "natural_lm", scale)
    cases = {
        "line_trained": (line.model, line.theta, one),
        "line_8": (*scattered([1, 8, 1], 4.0), one),
        "line_64": (*scattered([1, 64, 1], 16.0), one),
        "square_trained": (square.model, square.theta, two),
        f"square_{wide}": (*scattered([2, wide, 1], 1.0), two),
    }
    numbers = {}
    for name, (model, theta, places) in cases.items():
        at = torch.tensor(places, dtype=torch.float64)
        d = at.shape[1]
        problem = minus_laplace(d, 800 if d == 1 else 40 if scale.quick else 60)
        points = cells(problem.conditions["inside"].points.region, 200 if d == 1 else 41)
        found = ax.analysis.green(problem, model, theta, at, points, cutoff=1e-9)
        true = known_green.interval if d == 1 else known_green.square
        ax.figures.kernel(found, out / f"green_{name}.png", exact=true)
        exact = true(at, points)
        numbers[name] = float((found.values - exact).norm() / exact.norm())
    return numbers


def learning(out: Path, scale: Scale) -> dict[str, float]:
    """Learning as repeated application of Green's function to the residual, Poisson 1D."""
    problem = ax.problems.poisson_1d()
    model, theta = problem.model, problem.model.init(0)
    points = torch.linspace(0, 1, 201, dtype=torch.float64)[:, None]
    exact = torch.sin(torch.pi * points[:, 0])
    steps = 6
    figure = Figure(figsize=(3.2 * steps, 5.2), layout="constrained")
    grid = figure.subplots(2, steps, sharex=True, sharey="row")
    for k in range(steps):
        u = model(theta, points)[:, 0]
        change = ax.analysis.green_step(problem, model, theta, points, cutoff=1e-6)[:, 0]
        grid[0, k].plot(points, u, color="#0072B2", label="u")
        grid[0, k].plot(points, u + change, color="#D55E00", label="u - int g r")
        grid[0, k].plot(points, exact, "--", color="black", linewidth=1, label="solution")
        grid[0, k].set_title(f"step {k}")
        grid[1, k].plot(points, change, color="#D55E00")
        grid[1, k].set_xlabel("x")
        theta = ax.step(problem, model, theta, cutoff=1e-6).theta
    grid[0, 0].legend()
    grid[1, 0].set_ylabel("- int g(x, y) r(y) dy")
    figure.savefig(out / "learning.png")
    return {"l2_after_six": float((model(theta, points)[:, 0] - exact).square().mean().sqrt())}


def burgers(out: Path, scale: Scale) -> dict[str, float]:
    """Burgers by Adam and L-BFGS, by ANaGRAM, and by natural_lm: solution and error.

    In full each of the three has the same time, Adam and L-BFGS half of it each.
    """
    problem = ax.problems.burgers(published=scale.quick)
    if scale.quick:
        problem = small(problem, 16, 16)
    whole: dict[str, object] = {} if scale.seconds is None else {"seconds": scale.seconds}
    half: dict[str, object] = {} if scale.seconds is None else {"seconds": scale.seconds / 2}
    adam = trained(problem, "adam", scale, **half)
    runs = {
        "adam_lbfgs": trained(problem, "lbfgs", scale, theta=adam.theta, **half),
        "anagram": trained(problem, "anagram", scale, **whole),
        "natural_lm": trained(problem, "natural_lm", scale, **whole),
    }
    for name, run in runs.items():
        ax.figures.solution_maps(problem, run.model, run.theta, out / f"burgers_{name}.png")
    return {f"{name}_l2": run.l2_error for name, run in runs.items()}


PARTS: dict[str, Callable[[Path, Scale], dict[str, float]]] = {
    "failure_of_adam": failure_of_adam,
    **{f"performance_{name}": partial(performance, name) for name in COMPARED},
    "kernels": kernels,
    "green": green,
    "learning": learning,
    "burgers": burgers,
}


def made(scale: Scale, seconds: float) -> dict[str, object]:
    """With which settings, how, where and when a part was made."""
    return {
        "mode": "quick" if scale.quick else "full",
        "seeds": len(scale.seeds),
        "seconds_a_run": scale.budget,
        "wall_seconds": round(seconds),
        "date": date.today().isoformat(),
        "system": platform.platform(),
        **ax.info(),
    }


def add_to(path: Path, entries: dict[str, dict[str, object]]) -> None:
    """Adds entries to a file of them."""
    before = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(before | entries, indent=1) + "\n")


def main(arguments: list[str] | None = None) -> dict[str, dict[str, float]]:
    """Runs the parts that the command line asks for; returns and writes their numbers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--full", action="store_true", help="the nets and steps of the talk: hours")
    parser.add_argument("--seeds", type=int, metavar="N", help="of the comparisons")
    parser.add_argument("--seconds", type=float, metavar="S", help="of each run of a comparison")
    parser.add_argument("--resume", action="store_true", help="go on with comparisons in DIR")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas")
    chosen = parser.parse_args(arguments)
    names = chosen.only.split(",")
    for name in names:
        if name not in PARTS:
            parser.error(f"--only must name parts out of {', '.join(PARTS)}, got {name!r}")
    scale = FULL if chosen.full else QUICK
    if chosen.seeds is not None:
        scale = replace(scale, seeds=tuple(range(chosen.seeds)))
    scale = replace(scale, budget=chosen.seconds, resume=chosen.resume)
    chosen.out.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", ax.TrainingWarning)  # few steps, and methods that fail: shown
    numbers = {}
    for name in names:
        start = time.perf_counter()
        numbers[name] = PARTS[name](chosen.out, scale)
        seconds = time.perf_counter() - start
        print(f"{name}: {seconds:.1f} s", flush=True)
        for key, value in numbers[name].items():
            print(f"  {key} {value:.3g}")
        add_to(chosen.out / "numbers.json", {name: dict(numbers[name])})
        add_to(chosen.out / "made.json", {name: made(scale, seconds)})
    return numbers


if __name__ == "__main__":
    main()
