"""A curve fit with a thousand parameters: seconds to an accuracy, for this package and others.

    python benchmarks/least_squares.py --out results

The same module, data and first parameters for all, float64, one thread, processor seconds of the
methods alone: what a machine shows that does nothing else. torch-levenberg-marquardt is a package
of its own (``pip install torch-levenberg-marquardt``, which brings pytorch-lightning) and left out
where it is not installed; its two faster solvers with two of its dampings all take part, and at
every accuracy the fastest counts. SciPy gets the Jacobian sample by sample from torch.func. Whoever
has not arrived after ``--seconds`` is given up.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import math
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import scipy.optimize
import torch
from measure import table, write
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap

import anagram_ext as ax
from anagram_ext.methods.second_start import SecondStart

INPUTS = torch.linspace(-1, 1, 1000, dtype=torch.float64)[:, None]
TARGETS = torch.sin(10 * INPUTS) * torch.exp(INPUTS)
ACCURACIES = (1e-2, 1e-3, 1e-4, 1e-5)  # root mean square of the residual


class Plain(nn.Module):
    """1-30-30-1, 1021 parameters."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.layers = nn.Sequential(
                nn.Linear(1, 30), nn.Tanh(), nn.Linear(30, 30), nn.Tanh(), nn.Linear(30, 1)
            ).double()

    def forward(self, x: Tensor) -> Tensor:
        values: Tensor = self.layers(x)
        return values


class Arrivals:
    """When a fit reached each accuracy, in seconds of its own time."""

    def __init__(self, limit: float) -> None:
        self.seconds = dict.fromkeys(ACCURACIES, math.inf)
        self.best = math.inf
        self.steps = 0
        self.limit = limit

    def note(self, seconds: float, rms: float) -> bool:
        """Whether the fit is over."""
        self.best = min(self.best, rms)
        for accuracy in ACCURACIES:
            if rms <= accuracy:
                self.seconds[accuracy] = min(self.seconds[accuracy], seconds)
        return seconds > self.limit or rms <= ACCURACIES[-1]


class Clocked:
    """A method that notes when it has arrived where, and ends when it has arrived."""

    def __init__(self, method: Any, arrivals: Arrivals) -> None:
        self._method, self._arrivals = method, arrivals
        self.name = method.name
        self.default_steps, self.evaluate_every = method.default_steps, 1

    def start(self, system: Any, theta: Tensor) -> None:
        self._begin = time.process_time()
        self._method.start(system, theta)

    def step(self) -> Any:
        info = self._method.step()
        seconds = time.process_time() - self._begin
        self._arrivals.steps += 1
        over = self._arrivals.note(seconds, math.sqrt(2 * info.loss / len(INPUTS)))
        return dataclasses.replace(info, stop="over") if over else info


def ours(method: str, seed: int, limit: float) -> Arrivals:
    arrivals = Arrivals(limit)
    # By name ``least_squares`` gives natural_lm a second start; Clocked hides the name.
    own = SecondStart() if method == SecondStart.name else ax.methods.get(method)()
    clocked = Clocked(own, arrivals)
    residual = lambda net: net(INPUTS) - TARGETS
    ax.least_squares(residual, Plain(seed), clocked, steps=10_000, progress=False)
    return arrivals


def torch_levenberg_marquardt(seed: int, limit: float, solver: str, mode: str) -> Arrivals:
    from torch_levenberg_marquardt.damping import StandardDampingStrategy
    from torch_levenberg_marquardt.loss import MSELoss
    from torch_levenberg_marquardt.training import LevenbergMarquardtModule

    fit = LevenbergMarquardtModule(
        Plain(seed),
        MSELoss(),
        damping_strategy=StandardDampingStrategy(damping_mode=mode, min_value=1e-20),
        solve_method=solver,
    )
    arrivals, spent = Arrivals(limit), 0.0
    while True:
        begin = time.process_time()
        try:
            _, loss, stop, _ = fit.training_step(INPUTS, TARGETS)
        except torch.linalg.LinAlgError:
            return arrivals
        spent += time.process_time() - begin
        arrivals.steps += 1
        with torch.no_grad():
            rms = float((fit.forward(INPUTS) - TARGETS).square().mean().sqrt())
        if arrivals.note(spent, rms) or stop or not math.isfinite(float(loss)):
            return arrivals


def scipy_least_squares(seed: int, limit: float, method: str) -> Arrivals:
    net = Plain(seed)
    shapes = {name: p.shape for name, p in net.named_parameters()}
    sizes = [shape.numel() for shape in shapes.values()]
    arrivals, begin = Arrivals(limit), time.process_time()

    def output(theta: Tensor, x: Tensor) -> Tensor:
        parts = zip(shapes.items(), theta.split(sizes), strict=True)
        named = {name: part.view(shape) for (name, shape), part in parts}
        values: Tensor = functional_call(net, named, (x[None],))[0, 0]
        return values

    def residual(theta: Any) -> Any:
        values = vmap(output, in_dims=(None, 0))(torch.from_numpy(theta), INPUTS)
        found = (values - TARGETS[:, 0]).numpy()
        arrivals.steps += 1
        if arrivals.note(time.process_time() - begin, float((found**2).mean() ** 0.5)):
            raise StopIteration
        return found

    def jacobian(theta: Any) -> Any:
        return vmap(jacrev(output), in_dims=(None, 0))(torch.from_numpy(theta), INPUTS).numpy()

    start = nn.utils.parameters_to_vector(net.parameters()).detach().numpy()
    with suppress(StopIteration):
        scipy.optimize.least_squares(
            residual, start, jacobian, method=method, xtol=1e-15, ftol=1e-15, gtol=1e-15
        )
    return arrivals


def contestants(limit: float) -> dict[str, list[Callable[[int], Arrivals]]]:
    """By name the ways to run it, of which the fastest counts."""
    found: dict[str, list[Callable[[int], Arrivals]]] = {
        f"anagram_ext {method}": [lambda seed, m=method: ours(m, seed, limit)]  # type: ignore[misc]
        for method in ("natural_lm", "levenberg_marquardt")
    }
    if find_spec("torch_levenberg_marquardt"):
        settings = itertools.product(("cholesky", "solve"), ("standard", "fletcher"))
        found["torch-levenberg-marquardt"] = [
            lambda seed, s=solver, m=mode: torch_levenberg_marquardt(seed, limit, s, m)  # type: ignore[misc]
            for solver, mode in settings
        ]
    found["scipy.optimize.least_squares trf"] = [
        lambda seed: scipy_least_squares(seed, limit, "trf")
    ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    ours("natural_lm", 0, 0.5)  # what is loaded once
    results = []
    for name, ways in contestants(options.seconds).items():
        for seed in range(options.seeds):
            runs = [way(seed) for way in ways]
            best = {a: min(run.seconds[a] for run in runs) for a in ACCURACIES}
            reached = min(run.best for run in runs)
            results.append({"name": name, "seed": seed, "reached": reached, "seconds": best})
    write(options.out, "least_squares", results, summary(results))


def summary(results: list[dict[str, Any]]) -> str:
    """Median seconds over seeds, who has not arrived being the slowest, and how many have."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for row in results:
        by_name.setdefault(row["name"], []).append(row)
    rows = []
    for name, own in by_name.items():
        cells = []
        for accuracy in ACCURACIES:
            seconds = sorted(row["seconds"][accuracy] for row in own)
            arrived = sum(map(math.isfinite, seconds))
            middle = seconds[len(seconds) // 2]
            shown = f"{middle:.2f}" if math.isfinite(middle) else "-"
            cells.append(f"{shown} ({arrived}/{len(own)})")
        best = sorted(row["reached"] for row in own)[len(own) // 2]
        rows.append([name, *cells, f"{best:.1e}"])
    header = ["", *(f"s to {a:.0e} (arrived)" for a in ACCURACIES), "median reached"]
    return table(header, rows)


if __name__ == "__main__":
    main()
