"""How well any unbiased method can know both coefficients in ``burgers_identification``.

Fisher's information as in ``burgers_bound``, for u_t + l1 u u_x = l2 u_xx: w = l1 u satisfies
Burgers' equation with the viscosity l2 and the initial values l1 u(0). These are known, or nuisance
parameters: the first sines and cosines.
"""

from __future__ import annotations

from functools import cache
from math import erf, sqrt

import burgers_bound
import cole_hopf
import numpy as np

MODES = 10  # sines, and as many cosines, of unknown initial values


@cache
def least_stds(number: int, n_modes: int, seed: int = 0) -> tuple[float, float]:
    """The least standard deviations of l1 and l2, in per cent, for noise of one per cent."""
    random = np.random.default_rng(seed)
    t, x = random.uniform(0, 1, number), random.uniform(-1, 1, number)
    at = np.zeros((2, max(n_modes, 1)))
    start = at.copy()
    start[0, 0] = -1.0  # on top of the -sin(pi x) that ``velocity`` begins with

    def found(log_l1: float, log_l2: float, modes: np.ndarray) -> np.ndarray:
        l1, nu = np.exp(log_l1), cole_hopf.NU * np.exp(log_l2)
        # l1 times the initial values: the first sine is in ``velocity`` already, once.
        begun = l1 * (start + modes) - start
        return burgers_bound.velocity(t, x, nu, begun) / l1

    def slope(log_l1: float, log_l2: float, modes: np.ndarray, step: float) -> np.ndarray:
        ahead = found(log_l1, log_l2, modes)
        return (ahead - found(-log_l1, -log_l2, -modes)) / (2 * step)

    columns = [slope(1e-4, 0, at, 1e-4), slope(0, 1e-4, at, 1e-4)]
    for place in np.ndindex(2, n_modes):
        step = np.zeros_like(at)
        step[place] = 1e-6
        columns.append(slope(0, 0, step, 1e-6))
    J = np.stack(columns, axis=1)
    sigma = 0.01 * float(found(0, 0, at).std())
    stds = 100 * sigma * np.sqrt(np.diag(np.linalg.pinv(J.T @ J))[:2])
    return float(stds[0]), float(stds[1])


def chance_below(published: float, std: float) -> float:
    """That one draw of an efficient estimate has an error smaller than the published one."""
    return erf(published / std / sqrt(2)) if std > 0 else 1.0


def main() -> None:
    for number in (500, 1000, 1500, 2000):
        for n_modes in (0, MODES, 2 * MODES):
            l1, l2 = least_stds(number, n_modes)
            print(f"{number} values, {2 * n_modes} initial modes: l1 {l1:.3f} %, l2 {l2:.2f} %")


if __name__ == "__main__":
    main()
