"""A curve fit with a thousand parameters: seconds to an accuracy, for this package and others.

    python benchmarks/least_squares.py --out results

The same module, data and first parameters for all, float64. torch-levenberg-marquardt is a package
of its own (``pip install torch-levenberg-marquardt``) and left out where it is not installed; all
its two faster solvers with two of its dampings take part, and the fastest counts. SciPy
gets the Jacobian sample by sample from torch.func. Clocks run while the methods do; whoever has not
arrived after ``--seconds`` is given up.
"""

from __future__ import annotations

import argparse
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

    def forward(self, x: Tensor) -> Tensor:  # noqa: D102
        values: Tensor = self.layers(x)
        return values


class Arrivals:
    """When a fit reached each accuracy, in seconds of its own time."""

    def __init__(self, limit: float) -> None:
        self.seconds = dict.fromkeys(ACCURACIES, math.inf)
        self.best = math.inf
        self.limit = limit

    def note(self, seconds: float, rms: float) -> bool:
        """Whether the fit is over."""
        self.best = min(self.best, rms)
        for accuracy in ACCURACIES:
            if rms <= accuracy:
                self.seconds[accuracy] = min(self.seconds[accuracy], seconds)
        return seconds > self.limit or rms <= ACCURACIES[-1]


def ours(method: str, seed: int, limit: float) -> Arrivals:
    arrivals = Arrivals(limit)
    fit = ax.least_squares(
        lambda net: net(INPUTS) - TARGETS,
        Plain(seed),
        method,
        steps=200,
        seconds=limit,
        progress=False,
    )
    for seconds, loss in zip(fit.history["seconds"], fit.history["loss"], strict=True):
        if arrivals.note(float(seconds), math.sqrt(2 * loss / len(INPUTS))):
            break
    return arrivals


def torch_levenberg_marquardt(seed: int, limit: float, solver: str, mode: str) -> Arrivals:
    from torch_levenberg_marquardt.damping import StandardDampingStrategy  # noqa: PLC0415 -- optional
    from torch_levenberg_marquardt.loss import MSELoss  # noqa: PLC0415
    from torch_levenberg_marquardt.training import LevenbergMarquardtModule  # noqa: PLC0415

    fit = LevenbergMarquardtModule(
        Plain(seed),
        MSELoss(),
        damping_strategy=StandardDampingStrategy(damping_mode=mode, min_value=1e-20),
        solve_method=solver,
    )
    arrivals, spent = Arrivals(limit), 0.0
    while True:
        begin = time.perf_counter()
        try:
            _, loss, stop, _ = fit.training_step(INPUTS, TARGETS)
        except torch.linalg.LinAlgError:
            return arrivals
        spent += time.perf_counter() - begin
        with torch.no_grad():
            rms = float((fit.forward(INPUTS) - TARGETS).square().mean().sqrt())
        if arrivals.note(spent, rms) or stop or not math.isfinite(float(loss)):
            return arrivals


def scipy_least_squares(seed: int, limit: float, method: str) -> Arrivals:
    net = Plain(seed)
    shapes = {name: p.shape for name, p in net.named_parameters()}
    sizes = [shape.numel() for shape in shapes.values()]
    arrivals, begin = Arrivals(limit), time.perf_counter()

    def output(theta: Tensor, x: Tensor) -> Tensor:
        parts = zip(shapes.items(), theta.split(sizes), strict=True)
        named = {name: part.view(shape) for (name, shape), part in parts}
        values: Tensor = functional_call(net, named, (x[None],))[0, 0]
        return values

    def residual(theta: Any) -> Any:
        values = vmap(output, in_dims=(None, 0))(torch.from_numpy(theta), INPUTS)
        found = (values - TARGETS[:, 0]).numpy()
        if arrivals.note(time.perf_counter() - begin, float((found**2).mean() ** 0.5)):
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
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    results = []
    for name, ways in contestants(options.seconds).items():
        for seed in range(options.seeds):
            runs = [way(seed) for way in ways]
            best = {a: min(run.seconds[a] for run in runs) for a in ACCURACIES}
            reached = min(run.best for run in runs)
            results.append({"name": name, "seed": seed, "reached": reached, "seconds": best})
    rows = [
        [
            row["name"],
            str(row["seed"]),
            *(f"{row['seconds'][a]:.2f}" for a in ACCURACIES),
            f"{row['reached']:.1e}",
        ]
        for row in results
    ]
    header = ["", "seed", *(f"s to {a:.0e}" for a in ACCURACIES), "reached"]
    write(options.out, "least_squares", results, table(header, rows))


if __name__ == "__main__":
    main()
