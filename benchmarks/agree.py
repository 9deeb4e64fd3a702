"""Checks that the contestants compute the same thing: r and J of every case at a random theta.

Run `python benchmarks/agree.py [CASE ...]`; fails when they differ.
"""

from __future__ import annotations

import sys

import cases
import numpy as np
import pure_jax
import pure_torch

import anagram_ext as ax

TOLERANCE = 1e-10  # relative, Frobenius; differences are a few round-offs


def difference(a: object, b: object) -> float:
    """Relative Frobenius distance."""
    a, b = np.asarray(a), np.asarray(b)
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


def check(name: str) -> None:
    """Prints the differences of JAX and of this package to PyTorch in r and in J."""
    case = cases.make(name)
    theta = case.model.init(seed=0)
    r, J = pure_torch.TorchStep(case).jacobian(theta)
    others = {
        "jax": pure_jax.JaxStep(case).jacobian(theta.numpy()),
        "anagram_ext": ax.jacobian(case.problem, case.model, theta),
    }
    for contestant, (other_r, other_J) in others.items():
        errors = difference(other_r, r), difference(other_J, J)
        print(f"{name}: {contestant} against torch: r {errors[0]:.1e}, J {errors[1]:.1e}")
        if max(errors) > TOLERANCE:
            raise SystemExit(f"{name}: {contestant} does not compute the same Jacobian")


if __name__ == "__main__":
    for case_name in sys.argv[1:] or cases.NAMES:
        check(case_name)
