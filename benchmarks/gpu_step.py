"""The whole step on a GPU: this package, torch.func and JAX, and how near it is to the ceilings.

    python benchmarks/gpu_step.py --out results

Poisson's equation with S and P of about 4096, published problems, Poisson's equation with 8192. All
contestants get the same points, cutoff and step sizes; times are medians on the host's clock up to
the end of the work on the device. What takes long runs once, what is expected to take too long does
not run; the table says both. The contestants come one after the other, ours first and the slowest
last, until the time is used up; the table is written after every case.

Rates of ours: "of copy" compares the bytes of J a second with a copy on the device (read plus
written), "of dgemm" the products of the solve, 4 S P k operations for k computed singular values
(J times a block, then J times its basis), with a product of two large matrices. The orthogonal
factorisations and the small SVD are in the time but not in the operations.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # one GPU for all contestants

import cases
import numpy as np
import torch
from contestants import CONTESTANTS, CUTOFF, Contestant, Ours
from gpu import ceilings
from measure import table, write

from anagram_ext.linear.solve import factorise

NAMES = ("poisson_4096", *cases.CONDITIONS, "poisson_8192")  # what matters most comes first
ORDER = ("anagram_ext", "JAX", "torch.func")
FIRST = "laplace_2d"  # a small step that loads libraries
PIECES = ("J", "solve", "search", "step")

ROUNDS = 5
ONCE = 2.0  # seconds from which a piece runs once
LONGEST = 30.0  # seconds that a solve may be expected to take
BUDGET = 400.0  # seconds after which no further case is begun
TOLERANCE = 1e-6  # relative difference of two directions, see step.py

Work = Callable[[], Any]


@dataclass
class Result:
    """One contestant on one case.

    Attributes:
        seconds: of each piece that ran.
        once: the pieces that ran once, without a run to warm up.
        missing: why pieces are missing, None when none is.
        facts: k, method and relative difference of the direction, as far as known.
    """

    seconds: dict[str, float]
    once: tuple[str, ...] = ()
    missing: str | None = None
    facts: dict[str, Any] | None = None


def timed(work: Work, wait: Work) -> tuple[float, Any]:
    """Seconds until the work is done, and what it returned."""
    wait()
    start = time.perf_counter()
    returned = work()
    wait()
    return time.perf_counter() - start, returned


def pieces(
    contestant: Contestant, theta0: cases.Array, wait: Work, *, solve_too: bool = True
) -> tuple[Result, Any]:
    """Times of all pieces, and the direction (None without the solve).

    Args:
        contestant: what to measure.
        theta0: parameters [P].
        wait: returns when the device has done its work.
        solve_too: False leaves out the solve, the search, and with them the step.
    """
    result = Result({})

    def measure(piece: str, work: Work) -> Any:
        seconds, returned = timed(work, wait)
        if seconds < ONCE:
            seconds = statistics.median(timed(work, wait)[0] for _ in range(ROUNDS))
        else:
            result.once += (piece,)
        result.seconds[piece] = seconds
        return returned

    theta = contestant.theta(theta0)
    r, J = measure("J", partial(contestant.jacobian, theta))
    if not solve_too:
        return result, None
    direction = measure("solve", partial(contestant.direction, r, J))
    measure("search", partial(contestant.search, theta, direction))
    if "solve" in result.once:  # once is enough
        result.seconds["step"] = sum(result.seconds.values())
    else:
        measure("step", partial(contestant.step, theta))
    return result, direction


def expected_solve(size: int, solved: list[tuple[int, float]]) -> float:
    """Seconds that a full SVD will take, from those of the largest side so far: cubic."""
    side, seconds = max(solved, default=(1, 0.0))
    return seconds * (size / side) ** 3


def run(
    name: str,
    case_names: tuple[str, ...],
    device: str,
    wait: Work,
    deadline: float,
    *,
    after_case: Callable[[dict[str, Result]], None] = lambda results: None,
) -> dict[str, Result]:
    """All cases of one contestant; each direction is compared with ours.

    Args:
        name: of the contestant.
        case_names: in this order.
        device: "cuda"; the CPU for tests.
        wait: returns when the device has done its work.
        deadline: no case begins after this time on `time.perf_counter`.
        after_case: called with the results up to there.
    """
    results: dict[str, Result] = {}
    solved: list[tuple[int, float]] = []  # side and seconds
    if time.perf_counter() <= deadline:
        load_libraries(name, device)
    for case_name in case_names:
        case = cases.make(case_name)
        theta0 = case.model.init(seed=0).numpy()
        if time.perf_counter() > deadline:
            results[case_name] = Result({}, missing="the time was used up")
            continue
        try:
            contestant = CONTESTANTS[name](case, device)
        except RuntimeError as error:
            results[case_name] = Result({}, missing=str(error).partition("\n")[0])
            continue
        expected = 0.0 if name == "anagram_ext" else expected_solve(min(case.shape), solved)
        result, direction = pieces(contestant, theta0, wait, solve_too=expected <= LONGEST)
        results[case_name] = result
        if direction is None:
            result.missing = f"no solve: a full SVD would take about {expected:.0f} s"
        else:
            solved.append((min(case.shape), result.seconds["solve"]))
            result.facts = facts(case, theta0, device, direction)
        after_case(results)
    return results


def load_libraries(name: str, device: str) -> None:
    """One small step, that no other may have to wait for what the first one loads."""
    case = cases.make(FIRST)
    try:
        contestant = CONTESTANTS[name](case, device)
    except RuntimeError:
        return  # every case will say so
    contestant.step(contestant.theta(case.model.init(seed=0).numpy()))


def facts(case: cases.Case, theta0: cases.Array, device: str, direction: Any) -> dict[str, Any]:
    """The rank on this case, and how far a direction is from ours."""
    ours = Ours(case, device)
    r, J = ours.jacobian(ours.theta(theta0))
    factorisation = factorise(J, smallest_cutoff=CUTOFF)
    expected = factorisation.direction(r, CUTOFF).cpu().numpy()
    found = direction.cpu() if isinstance(direction, torch.Tensor) else direction
    difference = np.linalg.norm(np.asarray(found) - expected) / np.linalg.norm(expected)
    return {
        "k": len(factorisation.singular_values),
        "method": factorisation.method,
        "difference": float(difference),
    }


def lines(case_name: str, results: dict[str, Result], limits: dict[str, float]) -> list[list[str]]:
    """The rows of the table for one case: times in ms, ratios to ours, rates of ours."""
    S, P = cases.make(case_name).shape
    ours = results["anagram_ext"]
    rows = []
    for name, result in results.items():
        times = [_milliseconds(result, piece) for piece in PIECES]
        if name == "anagram_ext":
            notes = [_rates(result, S, P, limits)]
        else:
            both = [piece for piece in PIECES if piece in result.seconds and piece in ours.seconds]
            ratios = (f"{p} {result.seconds[p] / ours.seconds[p]:.1f}" for p in both)
            notes = [f"times ours: {', '.join(ratios)}"] if both else []
        if result.once:
            notes.append(f"once: {', '.join(result.once)}")
        if result.missing:
            notes.append(f"not run: {result.missing}")
        rows.append([f"{case_name} ({S} x {P})", name, *times, "; ".join(filter(None, notes))])
    return rows


def _milliseconds(result: Result, piece: str) -> str:
    return f"{1e3 * result.seconds[piece]:.3g}" if piece in result.seconds else "-"


def _rates(result: Result, S: int, P: int, limits: dict[str, float]) -> str:
    if "solve" not in result.seconds or not result.facts:
        return ""
    written = 8 * S * P / result.seconds["J"] / 1e9
    text = f"J {written:.0f} GB/s ({written / limits['copy_gb_s']:.2f} of copy)"
    k, method = result.facts["k"], result.facts["method"]
    if method != "adaptive":
        return f"{text}; solve {method}"
    rate = 4 * S * P * k / result.seconds["solve"] / 1e12
    share = rate / limits["dgemm_tflop_s"]
    return f"{text}; solve k = {k}, {rate:.2f} TFLOP/s ({share:.2f} of dgemm)"


def report(results: dict[str, dict[str, Result]], limits: dict[str, float]) -> str:
    """The table, from {contestant: {case: result}}."""
    header = ["case (S x P)", "", *(f"{piece} ms" for piece in PIECES), ""]
    rows = []
    for case_name in results["anagram_ext"]:
        of_case = {n: by_case[case_name] for n, by_case in results.items() if case_name in by_case}
        rows += lines(case_name, of_case, limits)
    missing = [name for name in ("torch.func", "JAX") if name not in results]
    told = "".join(f"\n\n{name} is not installed." for name in missing)
    return table(header, rows) + told


def require_agreement(results: dict[str, dict[str, Result]]) -> None:
    """Raises when a contestant found another direction than ours."""
    for name, by_case in results.items():
        for case_name, result in by_case.items():
            if result.facts and not result.facts["difference"] <= TOLERANCE:
                raise SystemExit(f"{case_name}, {name}: another direction, {result.facts}")


def main() -> None:
    """Measures, prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    out = parser.parse_args().out
    deadline = time.perf_counter() + BUDGET
    limits = ceilings()
    print({name: round(value, 1) for name, value in limits.items()}, flush=True)
    results: dict[str, dict[str, Result]] = {}

    def save(name: str, so_far: dict[str, Result]) -> None:
        results[name] = so_far
        record = {
            who: {case: vars(result) for case, result in by_case.items()}
            for who, by_case in results.items()
        }
        write(out, "gpu_step", {**limits, "cases": record}, report(results, limits))

    for name in filter(CONTESTANTS.__contains__, ORDER):
        wait = torch.cuda.synchronize
        save(name, run(name, NAMES, "cuda", wait, deadline, after_case=partial(save, name)))
        torch.cuda.empty_cache()
    require_agreement(results)


if __name__ == "__main__":
    main()
