"""From which size on dampings should share a factorisation: the damped solves of one step, timed.

    python benchmarks/crossover.py --out results/crossover

J [S, P] has singular values that fall from 1 to 1e-8 evenly in their logarithms. What is timed is
what `natural_lm` asks for in a usual step at a damping of 1e-6, and of 1e-14, where a QR
decomposition takes the place of the Gram matrix: steps and corrections for the dampings that it
tries, three and two finer ones where each is factorised and seven where all share a factor, then
eight corrections at one of them and the effective number of parameters. Processor seconds of one
thread, the contestants in turns, medians.
"""

from __future__ import annotations

import argparse
import math
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from measure import table, write

from anagram_ext.linear import shifted
from anagram_ext.linear.compressed import Compressed
from anagram_ext.linear.damped import DampedSolves, Spectral
from anagram_ext.linear.gram import Gram
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.row_gram import RowGram
from anagram_ext.linear.triangle import Triangle, triangle_of

SIDES = (600, 900, 1200, 1536)
DAMPINGS = (1e-6, 1e-14)
# Relative to the damping: what is tried together.
LADDER = [0.1, 1.0, 10.0]
FINER = [10 ** (-1 / 3), 10 ** (-2 / 3)]
SHARING = [10 ** (k / 3) for k in range(-4, 3)]
CORRECTIONS = 8
CHOICES = ("a factor each", "a factor shared", "singular values")
ROUNDS = 3


def jacobian(rows: int, columns: int) -> torch.Tensor:
    """J [S, P] with a spectrum like that of a network."""
    generator = torch.Generator().manual_seed(1)
    short = min(rows, columns)
    left, right = (
        torch.linalg.qr(torch.randn(n, short, generator=generator, dtype=torch.float64)).Q
        for n in (rows, columns)
    )
    return (left * torch.logspace(0, -8, short, dtype=torch.float64)) @ right.T


def gram(J: torch.Tensor, r: torch.Tensor) -> DampedSolves:
    """The smaller Gram matrix of a copy of J."""
    stored = Stored(J.clone())
    if J.shape[1] > J.shape[0]:
        return RowGram(stored, stored.row_gram(), r)
    return Gram(stored, stored.gram(), J.new_ones(J.shape[1]), r, 0.5 * float(r @ r))


def triangle(J: torch.Tensor, r: torch.Tensor) -> DampedSolves:
    """The QR decomposition of a copy of J."""
    copy = J.clone()
    if J.shape[1] > J.shape[0]:
        return RowGram(Stored(copy), Triangle(triangle_of(copy.T)), r)
    return Compressed(copy, r)


def singular_values(J: torch.Tensor, r: torch.Tensor, damping: float) -> DampedSolves:
    """What `natural_lm` has where it looks for singular values."""
    cutoff = math.sqrt(LADDER[0] * damping)
    found = Stored(J.clone()).factorise(smallest_cutoff=cutoff, left_out=0.5)
    return Spectral(found, r, 0.5 * float(r @ r))


def one_step(
    solves: DampedSolves, J: torch.Tensor, r: torch.Tensor, damping: float, batches: list
) -> None:
    """All solves of a step; residuals are those of the linear model, a little bent."""
    for multiples in batches:
        shifts = [multiple * damping * solves.unit for multiple in multiples]
        steps = solves.steps(shifts)
        residuals = 0.9 * r - solves.expand(steps) @ J.T
        solves.corrections(shifts, residuals, steps)
    shift = damping * solves.unit
    (step,) = solves.steps([shift])
    for _ in range(CORRECTIONS):
        residual = 0.9 * r - J @ solves.expand(step)
        step = step + solves.corrections([shift], residual[None], step[None])[0]
    solves.effective(shift)


def contestants(J: torch.Tensor, r: torch.Tensor, damping: float) -> dict[str, Callable[[], None]]:
    """The choices, each from J on."""
    squared = damping > 1e-12
    made = gram if squared else triangle

    def with_large(least: int, batches: list) -> None:
        before, shifted.LARGE = shifted.LARGE, least  # the choice is by size alone
        try:
            one_step(made(J, r), J, r, damping, batches)
        finally:
            shifted.LARGE = before

    def by_singular_values() -> None:
        one_step(singular_values(J, r, damping), J, r, damping, [LADDER, FINER])

    each = {"a factor each": lambda: with_large(10**9, [LADDER, FINER])} if squared else {}
    return each | {
        "a factor shared": lambda: with_large(0, [SHARING]),
        "singular values": by_singular_values,
    }


def medians_of_processor(functions: dict[str, Callable[[], None]]) -> dict[str, float]:
    """Median processor seconds, by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            start = time.process_time()
            function()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results/crossover"))
    out = parser.parse_args().out
    torch.set_num_threads(1)
    results, rows = {}, []
    for side in SIDES:
        for shape in ((side, 5 * side // 4), (3 * side, side)):
            J = jacobian(*shape)
            r = torch.randn(
                shape[0], generator=torch.Generator().manual_seed(2), dtype=torch.float64
            )
            for damping in DAMPINGS:
                found = medians_of_processor(contestants(J, r, damping))
                name = f"{shape[0]} x {shape[1]}, {damping:.0e}"
                results[name] = found
                rows.append(
                    [name, *(f"{1e3 * found[c]:.0f}" if c in found else "" for c in CHOICES)]
                )
                print(rows[-1], flush=True)
    header = ["S x P and damping, ms", *CHOICES]
    write(out, "crossover", results, table(header, rows))


if __name__ == "__main__":
    main()
