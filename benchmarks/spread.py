"""One step of a problem spread over 1 to 5 processes: parts, bytes, waiting, and a model.

    python benchmarks/spread.py --out results

Parts are processor seconds of a rank, the largest of all ranks: two cores are shared by all
processes, so that the clock on the wall says little. The constants of the model are fitted to one
process and to what two do together; what it says of more is a prediction. So are the last tables.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import spread_model
import torch
import torch.distributed as dist
import torch.multiprocessing
from measure import table, write
from spread_model import Machine, Problem

import anagram_ext as ax
from anagram_ext.linear import merged
from anagram_ext.linear.common_basis import common_basis
from anagram_ext.linear.group import Group
from anagram_ext.linear.solve import factorise
from anagram_ext.systems.pde_system import PdeSystem

POINTS = 80  # an axis: 80^2 + 4 * 81 rows
WIDTHS = [2, 48, 48, 1]
RANKS = (1, 2, 3, 4, 5)
REPEATS = 3
# One GPU of a data centre: 30 Tflop/s in double precision, a tenth of it for small factorisations;
# entries of J as fast as memory takes them; 50 GB/s and 10 us between machines. Not measured.
GPU = Machine(rows=1e11, flops=3e13, merges=3e12, bandwidth=5e10, latency=1e-5)
LARGE = (Problem(1e8, 1e5, 1e4), Problem(1e8, 1e6, 3e4))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    measured = {ranks: measure(ranks) for ranks in RANKS}
    problem = Problem(**measured[1][0]["problem"])
    machine = fitted(problem, measured)
    two = Problem(**measured[2][0]["problem"])
    text = "\n\n".join(
        [
            parts_table(problem, measured, machine),
            bytes_table(two, measured),
            *(large_table(large) for large in LARGE),
        ]
    )
    content = {
        "ranks": {str(ranks): found for ranks, found in measured.items()},
        "machine": dataclasses.asdict(machine),
    }
    write(arguments.out, "spread", content, text)


def measure(ranks: int) -> list[dict[str, Any]]:
    """What every rank measured."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(on_rank, (ranks, folder), nprocs=ranks)
        return [torch.load(Path(folder) / str(rank)) for rank in range(ranks)]


def on_rank(rank: int, ranks: int, folder: str) -> None:
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    dist.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=ranks
    )
    group = Group.of(dist.group.WORLD)
    problem, model = ax.problems.laplace_2d(n=POINTS), ax.MLP(WIDTHS)
    system = PdeSystem(problem, model, memory="stored").spread(group)
    theta = model.init(seed=0)
    with mock.patch.object(merged, "common_basis", Noted()) as noted:
        runs = [one(system, theta, group) for _ in range(REPEATS + 1)][1:]  # without the first
    found: dict[str, Any] = {
        name: min(run[name] for run in runs) for name in runs[0] if name != "problem"
    }
    own = max(group.all(noted.own))  # of the rank that knows most
    found["problem"] = runs[0]["problem"] | {"own": own, "told": noted.told}
    torch.save(found, Path(folder) / str(rank))
    dist.destroy_process_group()


class Noted:
    """``common_basis``, and what it was about.

    Attributes:
        own: how many directions the rows of this rank have.
        told: how many rows all ranks told, 0 where they told whole factors.
    """

    def __init__(self) -> None:
        self.own = self.told = 0

    def __call__(self, factor: torch.Tensor, group: Group) -> torch.Tensor | None:
        basis = common_basis(factor, group)
        self.own, self.told = len(factor), 0 if basis is None else basis.shape[1]
        return basis


def one(system: PdeSystem, theta: torch.Tensor, group: Group) -> dict[str, Any]:
    """Processor seconds and bytes of the parts of a step."""
    begin, waited = time.perf_counter(), group.waited
    marks, sent = [time.process_time()], [group.bytes_sent]

    def mark() -> None:
        marks.append(time.process_time())
        sent.append(group.bytes_sent)

    here = system.linearise(theta)
    mark()
    own = here.jacobian._own.matrix  # what this rank alone does
    factorise(own)
    mark()
    factorisation = here.jacobian.factorise()
    mark()
    system.residuals(theta[None])
    mark()
    factorisation.project(here.residual)
    k = len(factorisation.singular_values)
    parts = [after - before for before, after in pairwise(marks)]
    handed = [after - before for before, after in pairwise(sent)]
    return {
        "rows of J": parts[0],
        "own factorisation": parts[1],
        "merges and sending": max(parts[2] - parts[1], 0.0),
        "a residual": parts[3],
        "bytes of a factorisation": handed[2],
        "bytes of a residual": handed[3],
        "waited": group.waited - waited,
        "wall": time.perf_counter() - begin,
        "problem": {"S": system.n_rows, "P": len(theta), "k": k},
    }


def fitted(problem: Problem, measured: dict[int, list[dict[str, Any]]]) -> Machine:
    """The rates of one process, and of what two do together."""
    alone, two = measured[1][0], measured[2][0]
    P, k = problem.P, problem.k
    return Machine(
        rows=problem.S * P / alone["rows of J"],
        flops=spread_model.factorisation(problem.S, P, k) / alone["own factorisation"],
        merges=spread_model.merging(problem, 2) / two["merges and sending"],
        bandwidth=float("inf"),  # processor seconds hold none
        latency=0.0,
    )


def parts_table(
    problem: Problem, measured: dict[int, list[dict[str, Any]]], machine: Machine
) -> str:
    rows = []
    for ranks, found in measured.items():
        says = spread_model.seconds(problem, ranks, machine)
        says["merges and sending"] = says["merges"]
        row = [str(ranks)]
        for part in ("rows of J", "own factorisation", "merges and sending"):
            seconds = max(rank[part] for rank in found)
            row.append(f"{seconds:.3f} ({says[part]:.3f})")
        row.append(f"{max(rank['wall'] for rank in found):.2f}")
        row.append(f"{max(rank['waited'] for rank in found):.2f}")
        rows.append(row)
    head = ["ranks", "rows of J", "own factorisation", "merges, sending", "wall", "waited"]
    title = (
        f"S = {problem.S:.0f}, P = {problem.P:.0f}, k = {problem.k:.0f}; processor seconds of the "
        "slowest rank (the model's in brackets), then seconds on the wall and in collectives."
    )
    return f"{title}\n\n{table(head, rows)}"


def bytes_table(two: Problem, measured: dict[int, list[dict[str, Any]]]) -> str:
    """Bytes counted, and by the model for the numbers of directions that two processes counted."""
    rows = []
    for ranks, found in measured.items():
        here = Problem(**found[0]["problem"])
        problem = two if ranks > 1 else here
        counted = [rank["bytes of a factorisation"] for rank in found]
        says = [spread_model.bytes_sent(problem, ranks, rank) for rank in range(ranks)]
        residual = spread_model.residual_bytes(problem, ranks)
        pairs = [
            (counted[0], says[0]),
            (max(counted[1:] or [0]), max(says[1:] or [0])),
            (sum(counted), sum(says)),
            (max(rank["bytes of a residual"] for rank in found), residual),
        ]
        directions = f"{here.k:.0f}; {here.own:.0f}; {here.told if ranks > 1 else 0:.0f}"
        shown = (f"{a / 1e6:.2f} ({b / 1e6:.2f})" for a, b in pairs)
        rows.append([str(ranks), directions, *shown])
    head = ["ranks", "k; own; told", "rank 0", "most of another", "all", "a residual"]
    title = (
        "Megabytes that a rank hands over for a factorisation and for a residual (the model's in "
        "brackets: for more than one rank with the numbers that two have counted). k: singular "
        "values of the whole, own: most of one rank's rows, told: rows that all ranks tell."
    )
    return f"{title}\n\n{table(head, rows)}"


def large_table(problem: Problem) -> str:
    rows = []
    for ranks in (4**n for n in range(6)):
        parts = spread_model.seconds(problem, ranks, GPU)
        total = sum(parts.values())
        rows.append([str(ranks), *(f"{part:.3g}" for part in parts.values()), f"{total:.3g}"])
    parts = spread_model.seconds(problem, 1, GPU)
    useful = spread_model.most_useful(problem, GPU)
    title = (
        f"Predicted seconds of a step, S = {problem.S:.0e}, P = {problem.P:.0e}, an assumed rank "
        f"of k = {problem.k:.0e}, GPUs of {GPU.flops / 1e12:.0f} Tflop/s: beyond {useful} of them "
        "twice as many save less than a third. Nothing of this has been run."
    )
    return f"{title}\n\n{table(['GPUs', *parts, 'total'], rows)}"


if __name__ == "__main__":
    main()
