"""Time of the Jacobian of the Laplacian: this engine, JAX, torch.func and a plain copy of J.

    python benchmarks/assembly.py --out results

The thread counts are everybody's defaults; export OMP_NUM_THREADS to change torch's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import torch
from cases import Case, Rows, laplacian
from measure import medians, table, write
from pure_jax import JaxStep, forward_forward
from pure_torch import TorchStep

import anagram_ext as ax

N_POINTS = 4000
WIDTHS = [[2, 64, 64, 64, 1], [5, 64, 64, 1], [2, 64, 64, 1], [2, 32, 1]]


def laplacian_case(widths: list[int]) -> Case:
    """Laplace's equation alone, on random points of the unit cube."""
    names = ("x", "y", "z", "v", "w")[: widths[0]]
    points = ax.Box(**dict.fromkeys(names, (0, 1))).uniform(N_POINTS)(0)
    problem = ax.Problem(
        coordinates=names,
        fields=("u",),
        conditions={"interior": ax.Condition(lambda u, x: u.laplacian(), points)},
    )
    rows = Rows(laplacian(widths[0]), points.numpy(), np.zeros(N_POINTS))
    return Case("-".join(map(str, widths)), problem, ax.MLP(widths), (rows,))


def measure(widths: list[int], rounds: int) -> dict[str, object]:
    """Seconds of all contestants for one network, after checking that they agree."""
    case = laplacian_case(widths)
    theta = case.model.init(seed=0)
    in_jax, theta_jax = JaxStep(case, derive=forward_forward), jnp.asarray(theta.numpy())
    in_torch = TorchStep(case)

    _, J = ax.jacobian(case.problem, case.model, theta)
    J_copy = torch.zeros_like(J)  # its pages are there before the clock starts
    scale = float(J.abs().max())
    np.testing.assert_allclose(J, in_jax.jacobian(theta_jax)[1], rtol=0, atol=1e-11 * scale)
    np.testing.assert_allclose(J, in_torch.jacobian(theta)[1], rtol=0, atol=1e-11 * scale)

    seconds = medians(
        {
            "anagram_ext": lambda: ax.jacobian(case.problem, case.model, theta),
            "copy of J": lambda: J_copy.copy_(J),
            "JAX": lambda: jax.block_until_ready(in_jax.jacobian(theta_jax)),
            "torch.func": lambda: in_torch.jacobian(theta),
        },
        rounds,
    )
    return {"widths": case.name, "megabytes": J.nbytes / 1e6, "seconds": seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    results = [measure(widths, arguments.rounds) for widths in WIDTHS]
    lines = []
    for result in results:
        ours, copy, in_jax, torch_func = result["seconds"].values()
        lines.append(
            [
                result["widths"],
                f"{result['megabytes']:.0f} MB",
                *(f"{1e3 * s:.1f} ms" for s in (ours, copy, in_jax, torch_func)),
                *(f"{ratio:.1f}" for ratio in (ours / copy, in_jax / ours, torch_func / ours)),
            ]
        )
    header = ["network", "J", "anagram_ext", "copy of J", "JAX", "torch.func"]
    header += ["ours / copy", "JAX / ours", "torch.func / ours"]
    write(arguments.out, "assembly", results, table(header, lines))


if __name__ == "__main__":
    main()
