"""How far one rounding error moves twenty steps, and how far many processes move them.

    python benchmarks/rounding.py --out results

One process trains from the first parameters; from the same with every number moved to the next one
that double precision has (up or down at random, three draws); with the points of every condition in
another order (three draws); and from the same network with its neurons in another order, the
iterates set back in the old one. In exact arithmetic the last two give the same iterates: what they
give is what the order of summation does to one process. Then 1, 2, 3 and 5 processes train it, each
with a share of the rows. Distances are
the largest over the steps, relative to the parameters; and that of the trained functions after the
last step, at 200 places.

Where a cutoff decides, all runs are asked how many singular values they keep and which step they
take; and the first direction of one process, of LAPACK and of many processes is compared with that
in 80-bit numbers.
"""

from __future__ import annotations

import argparse
import itertools
import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing
from long_svd import long_direction
from measure import table, write
from torch import Tensor

import anagram_ext as ax
from anagram_ext.pde.coordinates import Coordinates
from anagram_ext.systems.draws import Draws

STEPS = 20
RANKS = (1, 2, 3, 5)
SMALL = ("laplace_2d", "heat")  # whose J have few enough columns for 80-bit numbers
DRAWS = 3
WIDTHS = {"laplace_2d": [2, 8, 1], "heat": [2, 10, 1], "burgers": [2, 10, 10, 1]}
CUTOFF = 1e-5
METHODS: dict[str, dict[str, Any]] = {
    "natural_lm": {},
    "anagram": {"method": "anagram", "cutoff": CUTOFF},
    "levenberg_marquardt": {"method": "levenberg_marquardt"},
}

FIRST = "first direction"
# By number of processes and then by problem and method: parts of a run; or a first direction.
Together = dict[int, dict[tuple[str, str], Any]]


@dataclass(frozen=True)
class Went:
    """What a run went through.

    Attributes:
        thetas: the parameters after every step, [steps, P].
        ranks: how many singular values each step kept.
        sizes: which step it took.
    """

    thetas: Tensor
    ranks: list[float]
    sizes: list[float]

    def decides_otherwise(self, other: Went) -> int:
        """In how many steps another number of values is kept, or another step is taken."""
        pairs = zip(self.ranks, self.sizes, other.ranks, other.sizes, strict=True)
        return sum((rank, size) != (k, eta) for rank, size, k, eta in pairs)


def went(name: str, method: str, theta: Tensor | None = None, group: Any = None) -> Went:
    """A run of twenty steps."""
    found: list[Tensor] = []
    run = ax.train(
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
    history = run.history
    return Went(torch.stack(found), history["rank"][-STEPS:], history["step_size"][-STEPS:])


def moved(theta: Tensor, seed: int) -> Tensor:
    """Every number replaced by a neighbour in double precision."""
    generator = torch.Generator().manual_seed(seed)
    up = torch.rand(len(theta), generator=generator) < 0.5
    return torch.nextafter(theta, torch.where(up, math.inf, -math.inf).to(theta))


@contextmanager
def points_reordered(seed: int) -> Iterator[None]:
    """A block in which the points of every condition come in another order, the same ones."""

    def turned(method: Callable[..., Coordinates]) -> Callable[..., Coordinates]:
        def drawn(self: Draws, name: str, *rest: Any) -> Coordinates:
            found = method(self, name, *rest)
            generator = torch.Generator().manual_seed(seed)
            order = torch.randperm(len(found.points), generator=generator)
            return Coordinates(found.names, found.points[order])

        return drawn

    with mock.patch.multiple(Draws, first=turned(Draws.first), next=turned(Draws.next)):
        yield


def went_reordered(name: str, method: str, seed: int) -> Went:
    """A run whose rows are in another order."""
    with points_reordered(seed):
        return went(name, method)


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


def measure(name: str, method: str, together: Together) -> dict[str, dict[str, Any]]:
    """By name of the change: both distances, and the steps with other decisions."""
    theta = ax.MLP(WIDTHS[name]).init(0)
    expected = went(name, method)
    places = reordered(name, theta).long()
    turned = went(name, method, theta[places])
    back = torch.empty_like(turned.thetas)
    back[:, places] = turned.thetas
    runs = {
        "one rounding": [went(name, method, moved(theta, seed)) for seed in range(DRAWS)],
        "rows reordered": [went_reordered(name, method, seed) for seed in range(DRAWS)],
        "neurons reordered": [replace(turned, thetas=back)],
    }
    for ranks, found in together.items():
        runs[_processes(ranks)] = [Went(*found[name, method])]
    return {
        change: {
            "distances": max(distances(name, run.thetas, expected.thetas) for run in among),
            "other decisions": max(run.decides_otherwise(expected) for run in among),
        }
        for change, among in runs.items()
    }


def _processes(ranks: int) -> str:
    return f"{ranks} process{'es' * (ranks > 1)}"


def first_directions(name: str, together: Together) -> dict[str, float]:
    """What the first direction of ``anagram`` is off by, relative to it.

    By one rounding: how far that in 80-bit numbers moves with the parameters.
    """
    problem, model = getattr(ax.problems, name)(), ax.MLP(WIDTHS[name])
    theta = model.init(0)
    residual, J = ax.jacobian(problem, model, theta)
    truth = long_direction(J, residual, CUTOFF)

    def error(direction: Any) -> float:
        apart = np.asarray(direction, np.longdouble) - truth
        return float(np.sqrt((apart @ apart) / (truth @ truth)))

    by_lapack = np.linalg.lstsq(J.numpy(), residual.numpy(), rcond=CUTOFF)[0]
    near = [ax.jacobian(problem, model, moved(theta, seed)) for seed in range(DRAWS)]
    found = {
        "one rounding": max(error(long_direction(K, r, CUTOFF)) for r, K in near),
        "LAPACK": error(by_lapack),
    }
    for ranks, there in together.items():
        found[_processes(ranks)] = error(there[name, FIRST])
    return found


def first_direction(name: str, group: Any) -> Tensor:
    """The direction of the first step of ``anagram``, [P]."""
    problem, model = getattr(ax.problems, name)(), ax.MLP(WIDTHS[name])
    return ax.step(problem, model, model.init(0), cutoff=CUTOFF, group=group).direction


def on_ranks(ranks: int, names: Sequence[str]) -> dict[tuple[str, str], Any]:
    """By problem and method the parts of a run of so many processes; and first directions."""
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(_rank, (ranks, folder, names), nprocs=ranks)
        found: dict[tuple[str, str], Any]
        found = torch.load(Path(folder) / "found", weights_only=False)
        return found


def _rank(rank: int, ranks: int, folder: str, names: Sequence[str]) -> None:
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    store, limit = f"file://{folder}/store", timedelta(minutes=10)
    dist.init_process_group("gloo", store, limit, rank=rank, world_size=ranks)
    group = dist.group.WORLD
    found: dict[tuple[str, str], Any] = {
        (name, method): astuple(went(name, method, group=group))
        for name, method in itertools.product(names, METHODS)
    }
    found |= {(name, FIRST): first_direction(name, group) for name in names if name in SMALL}
    if rank == 0:
        torch.save(found, Path(folder) / "found")
    dist.barrier()
    dist.destroy_process_group()


_DECISIONS = (
    f"Of {STEPS} steps those that keep another number of singular values than one process without "
    "a group does, or take another step."
)
_FIRST = (
    f"What the first direction of anagram (cutoff {CUTOFF:.0e}) is off by, relative to it: the "
    "same J and residual in 80-bit numbers are the truth; one rounding moves the truth."
)


def summary(
    runs: dict[str, dict[str, dict[str, Any]]], directions: dict[str, dict[str, float]]
) -> str:
    """Distances of parameters, and of functions in brackets; decisions; first directions."""
    changes = list(next(iter(runs.values())))
    apart, decisions = [], []
    for case, found in runs.items():
        pairs = (found[change]["distances"] for change in changes)
        apart.append([case, *(f"{theta:.0e} ({u:.0e})" for theta, u in pairs)])
        decisions.append([case, *(str(found[change]["other decisions"]) for change in changes)])
    first = [[name, *(f"{e:.1e}" for e in found.values())] for name, found in directions.items()]
    parts = [table(["", *changes], apart), _DECISIONS, table(["", *changes], decisions)]
    if first:
        parts += [_FIRST, table(["", *next(iter(directions.values()))], first)]
    return "\n\n".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--problems", nargs="+", choices=WIDTHS, default=list(WIDTHS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    together = {ranks: on_ranks(ranks, options.problems) for ranks in RANKS}
    runs = {
        f"{name}, {method}": measure(name, method, together)
        for name, method in itertools.product(options.problems, METHODS)
    }
    small = [name for name in options.problems if name in SMALL]
    directions = {name: first_directions(name, together) for name in small}
    content = {"runs": runs, "first directions": directions}
    write(options.out, "rounding", content, summary(runs, directions))


if __name__ == "__main__":
    main()
