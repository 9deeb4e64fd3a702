"""A family of diffusion-reaction equations, trained without data: errors on unseen members.

    python benchmarks/operator_learning.py --out results

    s_t = 0.01 s_xx + 0.01 s^2 + u(x) on (0, 1]^2,    s = 0 at t = 0 and at both walls

for every u out of a Gaussian process with the kernel exp(-(x - y)^2 / (2 0.2^2)): the family of
S. Wang, H. Wang & P. Perdikaris, "Learning the solution operator of parametric partial differential
equations with physics-informed DeepONets" (Science Advances 7, eabi8605, 2021). The network takes
time, place and the first coefficients of u in the eigenfunctions of its covariance, found from 100
sensors by least squares. Unseen members are whole samples of the process, what is beyond these
coefficients included; they are solved by Chebyshev collocation and Radau.

The sensitivity of all solutions to the diffusion, which is no input of the network, takes one more
right-hand side: J^T J dtheta = -J^T dr/dD at the end of training.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import table, write
from scipy.integrate import solve_ivp
from torch import Tensor

import anagram_ext as ax

DIFFUSION, REACTION, LENGTH = 0.01, 0.01, 0.2
NODES = 64  # of the quadrature behind the eigenfunctions
SENSORS = 100
WHOLE = 24  # modes of an unseen member: all above rounding
CUTOFF = 1e-6  # of the sensitivity
GRID = 51  # points an axis where errors are measured
# Mean relative L2 error of 100 members, as Diffusion-reaction/PI_DeepONet_DR.ipynb of the authors'
# repository PredictiveIntelligenceLab/Physics-informed-DeepONets prints it; deviation 3.05e-3.
PUBLISHED = 5.33e-3


class Process:
    """The Gaussian process by its first eigenfunctions: u(x) = sum_j xi_j sqrt(l_j) phi_j(x).

    Args:
        n_modes: how many of them.
    """

    def __init__(self, n_modes: int) -> None:
        self.n_modes = n_modes
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        self._nodes, roots = 0.5 * (nodes + 1), np.sqrt(0.5 * weights)
        kernel = _kernel(self._nodes, self._nodes)
        values, vectors = np.linalg.eigh(roots[:, None] * kernel * roots)
        values, vectors = values[::-1][:n_modes], vectors[:, ::-1][:, :n_modes]
        # Of Nystroem: phi_j(x) = sum_i w_i k(x, x_i) phi_j(x_i) / l_j.
        self._mix = roots[:, None] * vectors / np.sqrt(values)  # [NODES, n_modes]
        self._tensors = torch.from_numpy(self._nodes), torch.from_numpy(self._mix)

    def modes(self, x: Any) -> Any:
        """sqrt(l_j) phi_j at places [n], [n, n_modes]."""
        return _kernel(x, self._nodes) @ self._mix

    def modes_of_tensor(self, x: Tensor) -> Tensor:
        """The same of a tensor."""
        nodes, mix = self._tensors
        return torch.exp(-((x[..., None] - nodes) ** 2) / (2 * LENGTH**2)) @ mix


def _kernel(x: Any, y: Any) -> Any:
    return np.exp(-((x[:, None] - y) ** 2) / (2 * LENGTH**2))


def family(n_modes: int, n_points: int, diffusion: float = DIFFUSION) -> ax.Problem:
    """All members at once: the coefficients are coordinates, drawn as the process draws them."""
    process = Process(n_modes)
    names = tuple(f"c{j}" for j in range(n_modes))

    def draw(seed: int) -> Tensor:
        cube = torch.quasirandom.SobolEngine(2 + n_modes, scramble=True, seed=seed)
        unit = cube.draw(n_points, dtype=torch.float64).clamp(1e-9, 1 - 1e-9)
        normal = math.sqrt(2) * torch.erfinv(2 * unit[:, 2:] - 1)
        return torch.cat([unit[:, :2], normal], dim=1)

    def equation(s: Any, x: Any) -> Any:
        coefficients = torch.stack([getattr(x, name) for name in names], dim=-1)
        u = (process.modes_of_tensor(x.x) * coefficients).sum(dim=-1)
        return s.d("t") - diffusion * s.d("xx") - REACTION * s**2 - u

    return ax.Problem(
        ("t", "x", *names),
        ("s",),
        {"equation": ax.Condition(equation, ax.Sampler(n_points, draw).redrawn())},
        name="diffusion_reaction_family",
    )


def network(n_modes: int, width: int) -> ax.Model:
    """A branch of coefficients times a trunk, zero at the beginning and at the walls.

    What is linear in the coefficients, nearly all of it, is so by itself.
    """

    def outputs(*channels_and_x: Any) -> Any:
        *trunk, rest, x = channels_and_x
        products = [getattr(x, f"c{j}") * part for j, part in enumerate(trunk)]
        return 4 * x.t * x.x * (1 - x.x) * (sum(products[1:], products[0]) + rest)

    return ax.Model(ax.MLP([2 + n_modes, width, width, n_modes + 1]), outputs=outputs)


def solved(u: Any, diffusion: float = DIFFUSION, n: int = 48) -> Any:
    """The solution [GRID, GRID] (time, place) for one u, a function of places."""
    angles = np.arange(n + 1) * math.pi / n
    nodes = 0.5 * (1 - np.cos(angles))
    ends = np.where((np.arange(n + 1) % n) == 0, 2.0, 1.0) * (-1.0) ** np.arange(n + 1)
    gaps = nodes[:, None] - nodes + np.eye(n + 1)
    first = np.outer(ends, 1 / ends) / gaps  # Trefethen, "Spectral Methods in Matlab", chapter 6
    first -= np.diag(first.sum(axis=1))
    second = diffusion * (first @ first)[1:-1, 1:-1]
    source = u(nodes)[1:-1]
    times = np.linspace(0, 1, GRID)
    found = solve_ivp(
        lambda _, s: second @ s + REACTION * s**2 + source,
        (0, 1),
        np.zeros(n - 1),
        "Radau",
        times,
        jac=lambda _, s: second + 2 * REACTION * np.diag(s),
        rtol=1e-8,
        atol=1e-10,
    )
    values = np.zeros((GRID, n + 1))
    values[:, 1:-1] = found.y.T
    return values @ _barycentric(nodes, ends, np.linspace(0, 1, GRID)).T


def _barycentric(nodes: Any, ends: Any, x: Any) -> Any:
    """The matrix [len(x), len(nodes)] of interpolation by the polynomial through all nodes."""
    gaps = x[:, None] - nodes
    hits = np.abs(gaps) < 1e-14
    ratios = (1 / ends) / np.where(hits, 1.0, gaps)
    matrix = ratios / ratios.sum(axis=1, keepdims=True)
    matrix[hits.any(axis=1)] = hits[hits.any(axis=1)]
    return matrix


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("results"))
    parser.add_argument("--modes", type=int, default=10)
    parser.add_argument("--points", type=int, default=2000)
    parser.add_argument("--width", type=int, default=24)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--members", type=int, default=50)
    options = parser.parse_args()
    begin = time.process_time()
    model = network(options.modes, options.width)
    problem = family(options.modes, options.points)
    run = ax.train(problem, model, steps=options.steps, progress=False)
    spent = time.process_time() - begin
    errors, slopes = unseen(run, options.modes, Process(WHOLE), options.members)
    rows = [
        ["parameters; points a step; steps", f"{len(run.theta)}; {options.points}; {run.steps}"],
        ["processor seconds of training", f"{spent:.0f}"],
        ["relative L2 error, mean over unseen members", f"{errors.mean():.2e}"],
        ["its standard deviation; the largest", f"{errors.std():.1e}; {errors.max():.1e}"],
        ["published, physics-informed DeepONet, mean", f"{PUBLISHED:.1e}"],
        ["error of ds/dD, mean over three members", f"{slopes.mean():.1e}"],
    ]
    found = {
        "errors": errors.tolist(),
        "slopes": slopes.tolist(),
        "loss": run.loss,
        "verdict": str(run.verdict),
    }
    write(options.out, "operator_learning", found, table(["", ""], rows))


def unseen(run: ax.TrainResult, n_modes: int, whole: Process, members: int) -> tuple[Any, Any]:
    """Relative errors of members, and of the sensitivity of the first three to the diffusion.

    Args:
        run: the trained family.
        n_modes: how many coefficients it takes.
        whole: the process that members come from.
        members: how many.
    """
    process = Process(n_modes)
    draws = np.random.default_rng(12345).standard_normal((members, whole.n_modes))
    sensors = np.linspace(0, 1, SENSORS)
    axis = np.linspace(0, 1, GRID)
    moved = sensitivity(run, n_modes)
    errors, slopes = [], []
    for member, xi in enumerate(draws):

        def u(x: Any, xi: Any = xi) -> Any:
            return whole.modes(x) @ xi

        seen, *_ = np.linalg.lstsq(process.modes(sensors), u(sensors), rcond=None)
        t, x = (part.reshape(-1, 1) for part in np.meshgrid(axis, axis, indexing="ij"))
        points = torch.from_numpy(np.hstack([t, x, np.tile(seen, (len(t), 1))]))
        truth = solved(u)
        found = run.model(run.theta, points).numpy().reshape(truth.shape)
        errors.append(_relative(found, truth))
        if member < 3:
            h, small = 1e-4, 1e-5 / float(moved.norm())  # it is only the direction that counts
            expected = (solved(u, DIFFUSION + h) - solved(u, DIFFUSION - h)) / (2 * h)
            ahead, behind = (run.model(run.theta + e * moved, points) for e in (small, -small))
            slope = ((ahead - behind) / (2 * small)).numpy().reshape(truth.shape)
            slopes.append(_relative(slope, expected))
    return np.array(errors), np.array(slopes)


def sensitivity(run: ax.TrainResult, n_modes: int) -> Tensor:
    """The derivative of theta in the diffusion [P]: the same J, another right-hand side."""
    h = 1e-4
    near = [family(n_modes, 3000, DIFFUSION + change) for change in (h, 0.0, -h)]
    (ahead, _), (_, J), (behind, _) = (ax.jacobian(p, run.model, run.theta) for p in near)
    moved: Tensor = -ax.lstsq(J, (ahead - behind) / (2 * h), CUTOFF).direction
    return moved


def _relative(found: Any, truth: Any) -> float:
    return float(np.linalg.norm(found - truth) / np.linalg.norm(truth))


if __name__ == "__main__":
    main()
