"""Time of the factorisation against the rank, as a part of LAPACK's gelsd on the same matrix.

    python benchmarks/paths.py --out results

The adaptive path pays while the rank is low; beyond that the matrix is decomposed whole. Which path
was taken is in the table (a: adaptive, d: dense), and no entry should be much above the last one of
its line, which is the full decomposition.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import scipy.linalg
import torch
from measure import medians, table, write

from anagram_ext.linear.solve import factorise

SHAPES = ((500, 500), (1723, 921), (871, 257), (900, 129), (4500, 449), (100, 5000))
SHARES = (0.1, 0.25, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def matrix(S: int, P: int, rank: int) -> torch.Tensor:
    """J [S, P] with singular values from 1 down to 1e-3 in geometric progression."""
    random = torch.Generator().manual_seed(0)
    left = torch.linalg.qr(torch.randn(S, rank, generator=random, dtype=torch.float64)).Q
    right = torch.linalg.qr(torch.randn(P, rank, generator=random, dtype=torch.float64)).Q
    return (left * 10 ** torch.linspace(0, -3, rank, dtype=torch.float64)) @ right.T


def measure(S: int, P: int, share: float, rounds: int) -> dict[str, Any]:
    """Seconds of both for one matrix, and the path that was taken."""
    rank = max(1, round(share * min(S, P)))
    J, r = matrix(S, P, rank), torch.ones(S, dtype=torch.float64)
    seconds = medians(
        {
            "anagram_ext": lambda: factorise(J),
            "gelsd": lambda: scipy.linalg.lstsq(J, r, 1e-6, lapack_driver="gelsd"),
        },
        rounds,
    )
    return {"S": S, "P": P, "rank": rank, "path": factorise(J).method, **seconds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    results, rows = [], []
    for S, P in SHAPES:
        line = [measure(S, P, share, arguments.rounds) for share in SHARES]
        parts = [f"{m['anagram_ext'] / m['gelsd']:.2f} {m['path'][0]}" for m in line]
        rows.append([f"{S} x {P}", *parts])
        results += line
    header = ["S x P", *(f"rank {share:.0%} of the short side" for share in SHARES)]
    write(arguments.out, "paths", results, table(header, rows))


if __name__ == "__main__":
    main()
