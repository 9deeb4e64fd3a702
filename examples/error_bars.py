"""Error bars of an unknown coefficient, held against 200 repetitions of the noise.

A polynomial u with u' + rate u = 0, u(0) = 1 is fitted to 40 noisy measurements, together with the
rate. Does the 95 % interval cover the true rate in 95 % of the repetitions, whatever weight the fit
gives to the equation, and whether or not the noise is known?

Run it: ``python examples/error_bars.py``.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from anagram_ext.analysis import Uncertainty
from anagram_ext.linear.jacobian import Stored
from anagram_ext.systems.protocol import Linearisation

RATE, NOISE = 1.3, 0.02
POWERS = torch.arange(8)
X_EQUATION, X_DATA = (torch.linspace(0, 1, n, dtype=torch.float64) for n in (20, 40))


def linearised(theta: torch.Tensor, data: torch.Tensor, weight: float) -> Linearisation[Stored]:
    """Rows: 40 measurements, 20 of the equation, the initial value; theta: 8 powers, rate."""
    w, rate = theta[:-1], theta[-1]
    measured = X_DATA[:, None] ** POWERS
    powers = X_EQUATION[:, None] ** POWERS
    slopes = POWERS * X_EQUATION[:, None] ** (POWERS - 1).clamp(min=0)
    r = torch.cat(
        [measured @ w - data, weight * ((slopes + rate * powers) @ w), weight * (w[:1] - 1)]
    )
    J = torch.zeros(len(r), len(theta), dtype=torch.float64)
    J[:40, :-1] = measured
    J[40:60, :-1] = weight * (slopes + rate * powers)
    J[40:60, -1] = weight * (powers @ w)
    J[60, 0] = weight
    return Linearisation(r, 0.5 * float(r @ r), Stored(J))


def fit(data: torch.Tensor, weight: float) -> torch.Tensor:
    """The optimum by Gauss-Newton."""
    taylor = (-RATE) ** POWERS.double() / torch.exp(torch.lgamma(POWERS + 1.0))
    theta = torch.cat([taylor, torch.tensor([1.0], dtype=torch.float64)])
    for _ in range(6):
        here = linearised(theta, data, weight)
        theta = theta - torch.linalg.lstsq(here.jacobian.matrix, here.residual).solution
    return theta


def repeated(weight: float, noise: float | None, repetitions: int = 200) -> dict[str, float]:
    """Share of intervals that cover, scatter of the estimates, and mean standard deviation."""
    covered, rates, stds = 0, [], []
    for seed in range(repetitions):
        errors = torch.from_numpy(np.random.default_rng(seed).normal(size=40))
        data = torch.exp(-RATE * X_DATA) + NOISE * errors
        theta = fit(data, weight)
        rate = Uncertainty(
            linearised(theta, data, weight),
            theta,
            unknowns={"rate": slice(8, 9)},
            measurements={"data": slice(0, 40)},
            noise={"data": noise},
        )["rate"]
        covered += rate.interval[0] <= RATE <= rate.interval[1]
        rates.append(rate.value)
        stds.append(rate.std)
    gram = linearised(theta, data, weight).jacobian.gram()
    return {
        "covered": covered / repetitions,
        "scatter": float(np.std(rates)),
        "mean std": float(np.mean(stds)),
        "all rows noisy": NOISE * math.sqrt(torch.linalg.inv(gram)[-1, -1]),
    }


def main() -> dict[tuple[float, float | None], dict[str, float]]:
    """A table over the weight of the equation, with known and unknown noise."""
    found = {}
    print(
        "| weight | noise | covered | scatter | mean std | (J^T J)^-1 |\n|---|---|---|---|---|---|"
    )
    for weight in (100.0, 0.1):
        for noise in (NOISE, None):
            row = found[weight, noise] = repeated(weight, noise)
            known = "known" if noise else "estimated"
            print(
                f"| {weight:g} | {known} | {row['covered']:.1%} | {row['scatter']:.4f} "
                f"| {row['mean std']:.4f} | {row['all rows noisy']:.4f} |"
            )
    return found


if __name__ == "__main__":
    main()
