"""One ANaGRAM step: this package, JAX and torch.func, with the same cutoff and the same search.

    python benchmarks/step.py [CASE ...] --out results

Prints time of the step and of its pieces, peak memory and ratios. The contestants take turns in one
process; medians of several rounds. Where a full SVD takes a minute it is done once, and the step of
JAX and torch.func is the sum of its pieces.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cases
import numpy as np
import scipy.linalg
import torch
from contestants import CONTESTANTS, CUTOFF, Contestant
from measure import medians, table, write
from memory import of_step

PIECES = ("J", "solve", "search", "step")
LARGE = 10**7  # entries of J from which a full SVD takes a minute

# How far two correct steps may lie apart, relative to the step. An SVD determines what it keeps to
# about eps * sigma_1 / sigma_k = 2e-10 at this cutoff, over the relative gap to the first singular
# value left out, which is a few percent.
TOLERANCE = 1e-6

Solver = Callable[[torch.Tensor, torch.Tensor], Any]
Seconds = dict[str, float]


def scipy_lstsq(driver: str, r: torch.Tensor, J: torch.Tensor) -> Any:
    return scipy.linalg.lstsq(J.numpy(), r.numpy(), CUTOFF, lapack_driver=driver)[0]


def torch_lstsq(driver: str, r: torch.Tensor, J: torch.Tensor) -> Any:
    return torch.linalg.lstsq(J, r[:, None], rcond=CUTOFF, driver=driver).solution[:, 0]


SOLVERS: dict[str, Solver] = {
    f"{library} {driver}": partial(solve, driver)
    for library, solve in (("scipy", scipy_lstsq), ("torch", torch_lstsq))
    for driver in ("gelsd", "gelsy")
}


def once(function: Callable[[], object]) -> tuple[float, Any]:
    """Seconds and result."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def require_same(name: str, expected: Any, found: Any, size: float) -> None:
    """Raises unless both vectors agree to the tolerance, relative to `size`."""
    error = float(np.linalg.norm(np.asarray(found) - np.asarray(expected))) / size
    if not error <= TOLERANCE:
        raise SystemExit(f"{name}: not the same step, relative difference {error:.1e}")


def small(
    case: cases.Case, competitors: dict[str, Contestant], rounds: int
) -> tuple[dict[str, Seconds], Seconds]:
    """Medians of each piece for each contestant, and of the solvers, all on the same J."""
    theta0 = case.model.init(seed=0).numpy()
    pieces: dict[str, dict[str, Callable[[], Any]]] = {piece: {} for piece in PIECES}
    for name, competitor in competitors.items():
        theta = competitor.theta(theta0)
        r, J = competitor.jacobian(theta)
        direction = competitor.direction(r, J)
        pieces["J"][name] = partial(competitor.jacobian, theta)
        pieces["solve"][name] = partial(competitor.direction, r, J)
        pieces["search"][name] = partial(competitor.search, theta, direction)
        pieces["step"][name] = partial(competitor.step, theta)
    steps = {name: np.asarray(step()) - theta0 for name, step in pieces["step"].items()}
    expected = steps.pop("torch.func")
    for name, found in steps.items():
        require_same(f"{case.name}, {name}", expected, found, float(np.linalg.norm(expected)))
    by_piece = {piece: medians(functions, rounds) for piece, functions in pieces.items()}
    seconds = {name: {piece: by_piece[piece][name] for piece in PIECES} for name in competitors}
    r, J = competitors["torch.func"].jacobian(torch.from_numpy(theta0))
    return seconds, medians({name: partial(f, r, J) for name, f in SOLVERS.items()}, rounds)


def large(
    case: cases.Case, competitors: dict[str, Contestant], rounds: int
) -> tuple[dict[str, Seconds], Seconds]:
    """The same where a full SVD takes a minute: each is done once."""
    theta0 = case.model.init(seed=0).numpy()
    seconds: dict[str, Seconds] = {}
    directions = {}
    for name, competitor in competitors.items():
        theta = competitor.theta(theta0)
        r, J = competitor.jacobian(theta)
        solve, directions[name] = once(partial(competitor.direction, r, J))
        search = partial(competitor.search, theta, directions[name])
        own = medians({"J": partial(competitor.jacobian, theta), "search": search}, rounds)
        own["solve"] = solve
        own["step"] = own["J"] + own["solve"] + own["search"]
        if name == "anagram_ext":
            full = {
                "solve": partial(competitor.direction, r, J),
                "step": partial(competitor.step, theta),
            }
            own.update(medians(full, rounds))
        seconds[name] = {piece: own[piece] for piece in PIECES}
    expected = directions.pop("torch.func")
    for name, found in directions.items():
        require_same(f"{case.name}, {name}", expected, found, float(np.linalg.norm(expected)))
    r, J = competitors["torch.func"].jacobian(torch.from_numpy(theta0))
    solvers = {f"scipy {d}": once(partial(scipy_lstsq, d, r, J))[0] for d in ("gelsd", "gelsy")}
    return seconds, solvers


def measure(name: str, rounds: int) -> dict[str, Any]:
    """Everything about one case."""
    case = cases.make(name)
    competitors = {label: make(case) for label, make in CONTESTANTS.items()}
    S, P = case.shape
    compare = large if S * P > LARGE else small
    seconds, solvers = compare(case, competitors, rounds)
    peaks = {label: of_step(label, name) for label in CONTESTANTS}
    return {"case": name, "S": S, "P": P, "seconds": seconds, "solvers": solvers, "peak": peaks}


def milliseconds(seconds: float | None) -> str:
    """For tables: three digits, or nothing."""
    if seconds is None:
        return ""
    return f"{1e3 * seconds:.3g}" if seconds < 1 else f"{1e3 * seconds:.0f}"


def tables(results: list[dict[str, Any]]) -> str:
    """Pieces and memory; ratios; solvers."""
    pieces, ratios, solvers = [], [], []
    for result in results:
        size = f"{result['case']} ({result['S']} x {result['P']})"
        for name, seconds in result["seconds"].items():
            times = [milliseconds(seconds[piece]) for piece in PIECES]
            pieces.append([size, name, *times, f"{result['peak'][name] / 1e6:.0f}"])
        ours = result["seconds"]["anagram_ext"]
        for name in ("JAX", "torch.func"):
            theirs = result["seconds"][name]
            times = [f"{theirs[piece] / ours[piece]:.1f}" for piece in PIECES]
            peak = result["peak"][name] / max(result["peak"]["anagram_ext"], 1)
            ratios.append([size, f"{name} / anagram_ext", *times, f"{peak:.1f}"])
        theirs = [milliseconds(result["solvers"].get(name)) for name in SOLVERS]
        solvers.append([size, milliseconds(ours["solve"]), *theirs])
    return "\n\n".join(
        [
            "Times in ms, memory in MB above that before the step:",
            table(["case (S x P)", "", *PIECES, "peak memory"], pieces),
            "Ratios:",
            table(["case (S x P)", "", *PIECES, "peak memory"], ratios),
            "The solve alone on the same J, in ms:",
            table(["case (S x P)", "anagram_ext", *SOLVERS], solvers),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=cases.NAMES, metavar="CASE")
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    results = [measure(name, arguments.rounds) for name in arguments.cases]
    write(arguments.out, "step", results, tables(results))


if __name__ == "__main__":
    main()
