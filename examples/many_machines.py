"""Trains the heat equation, or Burgers', on as many processes as torchrun starts, or alone.

    torchrun --standalone --nproc-per-node 3 examples/many_machines.py --steps 100
    torchrun --standalone --nproc-per-node 3 examples/many_machines.py --problem burgers

Every process runs this same program; each keeps a share of the points and of the rows of J. The
iterates are those of one process up to rounding errors, which long runs make large.
"""

from __future__ import annotations

import argparse
from datetime import timedelta

import torch
import torch.distributed as dist

import anagram_ext as ax

WIDTHS = {"heat": [2, 16, 1], "burgers": [2, 10, 10, 1]}


def main(argv: list[str] | None = None) -> ax.TrainResult:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problem", choices=WIDTHS, default="heat")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--out", help="folder of the run; only rank 0 writes")
    arguments = parser.parse_args(argv)

    group = None
    if dist.is_torchelastic_launched():
        # A rank that is waited for longer than this ends the others, with an error that names it.
        dist.init_process_group("gloo", timeout=timedelta(minutes=5))
        group = dist.group.WORLD

    torch.set_num_threads(1)
    run = ax.train(
        getattr(ax.problems, arguments.problem)(),
        ax.MLP(WIDTHS[arguments.problem]),
        steps=arguments.steps,
        memory="streamed",  # as many processes do: every singular value is found
        group=group,
        progress=False,
        out=arguments.out,
        resume=arguments.out is not None,
    )
    if group is None or dist.get_rank() == 0:
        ranks = 1 if group is None else dist.get_world_size()
        print(f"{ranks} ranks, {run.steps} steps: loss {run.loss:.3e}, L2 error {run.l2_error:.2e}")
    if group is not None:
        dist.destroy_process_group()
    return run


if __name__ == "__main__":
    main()
