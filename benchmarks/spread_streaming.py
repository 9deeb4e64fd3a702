"""One step with S = 200 704 rows and P = 20 017 parameters, streamed over two processes.

    python benchmarks/spread_streaming.py --out results

J would take 32 GB. Prints time and highest resident memory of either process.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing
from measure import table, write
from streaming import CUTOFF, WIDTHS, peak

import anagram_ext as ax

POINTS = 446  # an axis: 446^2 + 4 * 447 rows
RANKS = 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(on_rank, (folder,), nprocs=RANKS)
        found = [torch.load(Path(folder) / str(rank)) for rank in range(RANKS)]
    P = ax.MLP(WIDTHS).n_parameters
    S = POINTS**2 + 4 * (POINTS + 1)
    rows = [["S x P", f"{S} x {P}"], ["J would take", f"{8 * S * P / 1e9:.1f} GB"]]
    for rank, one in enumerate(found):
        rows += [
            [f"peak resident memory of rank {rank}", f"{one['peak'] / 1e9:.2f} GB"],
            [f"processor time of rank {rank}", f"{one['processor']:.1f} s"],
        ]
    rows += [
        ["time of the step", f"{max(one['seconds'] for one in found):.1f} s"],
        ["rank of J above the cutoff", str(found[0]["rank"])],
    ]
    measured = {"S": S, "P": P, "ranks": found}
    write(arguments.out, "spread_streaming", measured, table(["", ""], rows))


def on_rank(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=RANKS)
    problem, model = ax.problems.laplace_2d(n=POINTS), ax.MLP(WIDTHS)
    theta = model.init(seed=0)
    start, processor = time.perf_counter(), time.process_time()
    result = ax.step(problem, model, theta, CUTOFF, memory="streamed", group=dist.group.WORLD)
    found = {
        "seconds": time.perf_counter() - start,
        "processor": time.process_time() - processor,
        "peak": peak(),
        "rank": result.rank,
        "loss": result.loss,
    }
    torch.save(found, Path(folder) / str(rank))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
