"""How far one rounding error moves twenty steps, and how far many processes move them.

    python benchmarks/rounding.py --out results

One process trains from the first parameters, from the same with every number moved to the next one
that double precision has (up or down at random, three draws), and from the same network with its
neurons in another order, the iterates set back in the old one: exact arithmetic gives the same
iterates there. Then 1, 2, 3 and 5 processes train it, each with a share of the rows. Distances are
the largest over the steps, relative to the parameters; and that of the trained functions after the
last step, at 200 places.
"""

from __future__ import annotations

import argparse
import itertools
import math
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing
from measure import table, write
from torch import Tensor

import anagram_ext as ax

STEPS = 20
RANKS = (1, 2, 3, 5)
DRAWS = 3
WIDTHS = {"laplace_2d": [2, 8, 1], "heat": [2, 10, 1], "burgers": [2, 10, 10, 1]}
METHODS: dict[str, dict[str, Any]] = {
    "natural_lm": {},
    "anagram": {"method": "anagram", "cutoff": 1e-5},
}


def iterates(name: str, method: str, theta: Tensor | None = None, group: Any = None) -> Tensor:
    """The parameters after every step [steps, P]."""
    found: list[Tensor] = []
    ax.train(
        getattr(ax.problems, name)(),
        ax.MLP(WIDTHS[name]),
        theta=theta,
        steps=STEPS,
        memory="streamed",  # as many processes do: every singular value is found
        progress=False,
        group=group,
        callbacks=[lambda run: found.append(run.theta)],
        **METHODS[method],
    )
    return torch.stack(found)


def moved(theta: Tensor, seed: int) -> Tensor:
    """Every number replaced by a neighbour in double precision."""
    generator = torch.Generator().manual_seed(seed)
    up = torch.rand(len(theta), generator=generator) < 0.5
    return torch.nextafter(theta, torch.where(up, math.inf, -math.inf).to(theta))


def reordered(name: str, theta: Tensor) -> Tensor:
    """Which number of theta [P] stands where when the neurons of all hidden layers turn round."""
    model = ax.MLP(WIDTHS[name])
    places = torch.arange(len(theta), dtype=torch.float64)
    layers = [layer for layer in model.to_torch(places) if isinstance(layer, torch.nn.Linear)]
    with torch.no_grad():
        for layer, following in itertools.pairwise(layers):
            layer.weight.copy_(layer.weight.flip(0))
            layer.bias.copy_(layer.bias.flip(0))
            following.weight.copy_(following.weight.flip(1))
    return torch.nn.utils.parameters_to_vector(p for layer in layers for p in layer.parameters())


def distances(name: str, found: Tensor, expected: Tensor) -> tuple[float, float]:
    """Of the parameters, the largest over the steps; of the functions after the last one."""
    apart = (found - expected).norm(dim=1) / expected.norm(dim=1)
    generator = torch.Generator().manual_seed(0)
    points = torch.rand((200, 2), generator=generator, dtype=torch.float64)
    u, v = (ax.MLP(WIDTHS[name])(each[-1], points) for each in (found, expected))
    return float(apart.max()), float((u - v).norm() / v.norm())


def measure(name: str, method: str) -> dict[str, tuple[float, float]]:
    """By name of the change, both distances."""
    theta = ax.MLP(WIDTHS[name]).init(0)
    expected = iterates(name, method)
    neighbours = [iterates(name, method, moved(theta, seed)) for seed in range(DRAWS)]
    places = reordered(name, theta).long()
    turned = torch.empty_like(expected)
    turned[:, places] = iterates(name, method, theta[places])
    found = {
        "one rounding": max(distances(name, each, expected) for each in neighbours),
        "neurons reordered": distances(name, turned, expected),
    }
    for ranks in RANKS:
        spread = on_ranks(ranks, name, method)
        found[f"{ranks} process{'es' * (ranks > 1)}"] = distances(name, spread, expected)
    return found


def on_ranks(ranks: int, name: str, method: str) -> Tensor:
    """The iterates of so many processes."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_rank, (ranks, folder, name, method), nprocs=ranks)
        found: Tensor = torch.load(Path(folder) / "iterates")
    return found


def _rank(rank: int, ranks: int, folder: str, name: str, method: str) -> None:
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    store, limit = f"file://{folder}/store", timedelta(minutes=10)
    dist.init_process_group("gloo", store, limit, rank=rank, world_size=ranks)
    found = iterates(name, method, group=dist.group.WORLD)
    if rank == 0:
        torch.save(found, Path(folder) / "iterates")
    dist.barrier()
    dist.destroy_process_group()


def summary(results: dict[str, dict[str, tuple[float, float]]]) -> str:
    """A row a case: parameters, and functions in brackets."""
    changes = list(next(iter(results.values())))
    rows = [
        [case, *(f"{found[change][0]:.0e} ({found[change][1]:.0e})" for change in changes)]
        for case, found in results.items()
    ]
    return table(["", *changes], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--problems", nargs="+", choices=WIDTHS, default=list(WIDTHS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    results = {
        f"{name}, {method}": measure(name, method)
        for name in options.problems
        for method in METHODS
    }
    write(options.out, "rounding", results, summary(results))


if __name__ == "__main__":
    main()
