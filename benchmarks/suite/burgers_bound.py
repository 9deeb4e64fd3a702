"""How well any unbiased method can know the viscosity in ``burgers_viscosity`` (Cramer and Rao).

Fisher's information of 1024 values with sigma = 0.01 at random places, by differences of Cole and
Hopf's closed form; the initial values are known, or nuisance parameters: the first K sines and
cosines. Run it: ``python benchmarks/suite/burgers_bound.py``.
"""

from __future__ import annotations

from math import pi

import cole_hopf
import numpy as np

SIGMA, MEASURED, SEEDS = 0.01, 1024, 3


def velocity(t: np.ndarray, x: np.ndarray, nu: float, modes: np.ndarray) -> np.ndarray:
    """Cole and Hopf from -sin(pi x) + sum_k modes[0, k] sin(k pi x) + modes[1, k] cos(k pi x)."""
    s, weights = np.polynomial.hermite.hermgauss(cole_hopf.NODES)
    y = x[:, None] - 2 * np.sqrt(nu * np.maximum(t, 1e-14))[:, None] * s
    start, potential = -np.sin(pi * y), np.cos(pi * y) / pi
    for k, (odd, even) in enumerate(modes.T, start=1):
        if odd or even:
            start = start + odd * np.sin(k * pi * y) + even * np.cos(k * pi * y)
            potential = potential + (even * np.sin(k * pi * y) - odd * np.cos(k * pi * y)) / (
                k * pi
            )
    exponent = -potential / (2 * nu)
    heat = weights * np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return (start * heat).sum(axis=1) / heat.sum(axis=1)


def bound(seed: int, n_modes: int) -> float:
    """The smallest relative standard deviation of an unbiased estimate of the viscosity."""
    random = np.random.default_rng(seed)
    t, x = random.uniform(0, 1, MEASURED), random.uniform(-1, 1, MEASURED)
    at = np.zeros((2, max(n_modes, 1)))

    def slope(nu: float, step: np.ndarray) -> np.ndarray:
        ahead = velocity(t, x, cole_hopf.NU + nu, at + step)
        return (ahead - velocity(t, x, cole_hopf.NU - nu, at - step)) / 2

    columns = [slope(1e-4 * cole_hopf.NU, 0 * at) / 1e-4]  # of log nu
    for place in np.ndindex(2, n_modes):
        step = np.zeros_like(at)
        step[place] = 1e-6
        columns.append(slope(0.0, step) / 1e-6)
    J = np.stack(columns, axis=1) / SIGMA
    return float(np.sqrt(np.linalg.pinv(J.T @ J)[0, 0]))


def main() -> None:
    for n_modes in (0, 1, 3, 10, 20):
        stds = [bound(seed, n_modes) for seed in range(SEEDS)]
        print(f"{2 * n_modes} unknown initial modes: {np.mean(stds):.2%}")


if __name__ == "__main__":
    main()
