"""Burgers' equation for a family of random initial values, trained without data.

    python benchmarks/operator_burgers.py --out results

    s_t + s s_x = 0.01 s_xx on (0, 1]^2, periodic in x,    s = u at t = 0

for every u out of the Gaussian random field with covariance 25^4 (-Laplacian + 25)^-4: the family
of S. Wang, H. Wang & P. Perdikaris, "Learning the solution operator of parametric partial
differential equations with physics-informed DeepONets" (Science Advances 7, eabi8605, 2021), drawn
as Burger/Data/GRF.m of their repository does. The network takes time, place on the circle and the
first Fourier coefficients of u, as draws of a normal variable. Unseen members are whole samples,
what is beyond these coefficients included; their solutions are those of Cole and Hopf: with
phi = exp(-U / (2 nu)), U' = u, the heat equation gives phi(t), and s = -2 nu phi_x / phi.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import table, write
from torch import Tensor

import anagram_ext as ax

VISCOSITY = 0.01
WHOLE = 32  # waves of an unseen member: all above rounding of the first one
GRID = 101  # points an axis where errors are measured, as in the publication
FINE = 512  # points of the transforms
# Mean relative L2 error of 100 members, as Burger/PI_DeepONet_Burger.ipynb of the authors'
# repository PredictiveIntelligenceLab/Physics-informed-DeepONets prints it.
PUBLISHED = 1.42e-2


def sizes(n_waves: int) -> Any:
    """The standard deviations of the coefficients of cos and sin (2 pi n x), [n_waves]."""
    n = np.arange(1, n_waves + 1)
    return np.sqrt(2) * 25**2 / ((2 * np.pi * n) ** 2 + 5**2) ** 2


def initial(x: Tensor, coefficients: Tensor) -> Tensor:
    """Values of u at places [...] for coefficients [..., 2 n], of cosines and then of sines."""
    n_waves = coefficients.shape[-1] // 2
    angles = 2 * torch.pi * x[..., None] * torch.arange(1, n_waves + 1)
    waves = torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)
    scale = torch.from_numpy(np.tile(sizes(n_waves), 2)).to(x)
    return (waves * scale * coefficients).sum(dim=-1)


def _names(n_waves: int) -> tuple[str, ...]:
    return tuple(f"c{j}" for j in range(2 * n_waves))


def _coefficients(x: Any, n_waves: int) -> Tensor:
    return torch.stack([getattr(x, name) for name in _names(n_waves)], dim=-1)


def family(n_waves: int, n_points: int) -> ax.Problem:
    """All members at once: the coefficients are coordinates, drawn as the field draws them."""

    def draw(seed: int) -> Tensor:
        cube = torch.quasirandom.SobolEngine(2 + 2 * n_waves, scramble=True, seed=seed)
        unit = cube.draw(n_points, dtype=torch.float64).clamp(1e-9, 1 - 1e-9)
        normal = 2**0.5 * torch.erfinv(2 * unit[:, 2:] - 1)
        return torch.cat([unit[:, :2], normal], dim=1)

    return ax.Problem(
        ("t", "x", *_names(n_waves)),
        ("s",),
        {
            "equation": ax.Condition(
                lambda s, x: s.d("t") + s * s.d("x") - VISCOSITY * s.d("xx"),
                ax.Sampler(n_points, draw).redrawn(),
            )
        },
        name="burgers_family",
    )


def network(n_waves: int, width: int) -> ax.Model:
    """Periodic, and u at the beginning: u(x) + t N(t, cos 2 pi x, sin 2 pi x, coefficients)."""

    def inputs(x: Any) -> Any:
        angle = 2 * torch.pi * x.x
        members = (getattr(x, name) for name in _names(n_waves))
        return (x.t, torch.cos(angle), torch.sin(angle), *members)

    def outputs(change: Any, x: Any) -> Any:
        return initial(x.x, _coefficients(x, n_waves)) + x.t * change

    return ax.Model(ax.MLP([3 + 2 * n_waves, width, width, 1]), inputs=inputs, outputs=outputs)


def solved(coefficients: Any) -> Any:
    """The solution [GRID, GRID] (time, place) for coefficients [2 n] of one member."""
    x = np.arange(FINE) / FINE
    k = 2j * np.pi * np.fft.fftfreq(FINE, 1 / FINE)
    u = initial(torch.from_numpy(x), torch.from_numpy(coefficients)).numpy()
    integral = np.fft.fft(u) / np.where(k == 0, 1, k)  # u has no mean
    phi = np.fft.fft(np.exp(-np.fft.ifft(integral).real / (2 * VISCOSITY)))
    places = np.exp(np.linspace(0, 1, GRID)[:, None] * k)  # of the series, [GRID, FINE]
    values = []
    for t in np.linspace(0, 1, GRID):
        now = phi * np.exp(VISCOSITY * t * k**2)
        values.append(-2 * VISCOSITY * (places @ (k * now)).real / (places @ now).real)
    return np.array(values)


def unseen(run: ax.TrainResult, n_waves: int, members: int) -> Any:
    """Relative L2 errors of members that the network has not been trained on, [members]."""
    draws = np.random.default_rng(12345).standard_normal((members, 2, WHOLE))
    axis = np.linspace(0, 1, GRID)
    t, x = (part.reshape(-1, 1) for part in np.meshgrid(axis, axis, indexing="ij"))
    errors = []
    for member in draws:
        truth = solved(member.reshape(-1))
        seen = np.tile(member[:, :n_waves].reshape(-1), (len(t), 1))
        found = run.model(run.theta, torch.from_numpy(np.hstack([t, x, seen]))).numpy()
        errors.append(np.linalg.norm(found.reshape(truth.shape) - truth) / np.linalg.norm(truth))
    return np.array(errors)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--waves", type=int, default=4)
    parser.add_argument("--points", type=int, default=3000)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    options = parser.parse_args()
    model = network(options.waves, options.width)
    found, columns = {}, []
    for seed in options.seeds:
        begin = time.process_time()
        problem = family(options.waves, options.points)
        run = ax.train(problem, model, steps=options.steps, seed=seed, progress=False)
        spent = time.process_time() - begin
        errors = unseen(run, options.waves, options.members)
        columns.append(
            [
                f"{len(run.theta)}; {options.points}; {run.steps}",
                f"{spent:.0f}",
                f"{errors.mean():.2e}",
                f"{errors.std():.1e}; {errors.max():.1e}",
                f"{PUBLISHED:.2e}",
            ]
        )
        found[str(seed)] = {
            "errors": errors.tolist(),
            "loss": run.loss,
            "verdict": str(run.verdict),
            "warning": run.warning,
            "losses": list(map(float, run.history["loss"])),
            "ranks": list(map(float, run.history["rank"])),
        }
    names = [
        "parameters; points a step; steps",
        "processor seconds of training",
        "relative L2 error, mean over unseen members",
        "its standard deviation; the largest",
        "published, physics-informed DeepONet, mean",
    ]
    rows = [list(row) for row in zip(names, *columns, strict=True)]
    head = ["", *(f"seed {seed}" for seed in options.seeds)]
    write(options.out, "operator_burgers", found, table(head, rows))


if __name__ == "__main__":
    main()
