"""Computes the reference solution of the Allen-Cahn problem and writes its Chebyshev coefficients.

    u_t = 1e-3 u_xx + 5 (u - u^3),   u(0, x) = x^2 cos(pi x),   u(t, +-1) = -1,   t in [0, 1]

The solution is even in x. In space: Chebyshev collocation of u + 1 on the half grid. In time:
scipy's Radau (order 5, implicit, analytic Jacobian), restarted at every Chebyshev node, so that its
dense output (of lower order) is not used. The result is a table of coefficients c[j, k] of

    u(t, x) = sum_jk c[j, k] T_j(2 sqrt(t) - 1) T_k(2 x^2 - 1),

T_k(2 x^2 - 1) = T_2k(x) being the even Chebyshev polynomials. Chebyshev in sqrt(t), because the
initial data violate u_t = 0 at the walls (u_xx is not 0 there): the solution has a weak corner
layer of the size nu t, in the variable (1 - |x|) / sqrt(nu t).

Run `python tools/make_allen_cahn_reference.py`: half a minute; prints the self-convergence.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.integrate import solve_ivp

Array = NDArray[np.float64]

DIFFUSION = 1e-3
REACTION = 5.0
TABLE = Path(__file__).parents[1] / "anagram_ext" / "problems" / "data" / "allen_cahn.npz"


@dataclass(frozen=True)
class Resolution:
    """One discretisation: Chebyshev degrees in x and in sqrt(t), relative tolerance of Radau."""

    space: int
    time: int
    tolerance: float


def lobatto(n: int) -> Array:
    """The n + 1 Chebyshev points cos(pi j / n), from 1 down to -1; as sines, exactly odd."""
    return np.sin(np.pi * np.arange(n, -n - 1, -2) / (2 * n))


def second_derivative(n: int) -> Array:
    """Chebyshev collocation matrix [n + 1, n + 1] of d2/dx2.

    Diagonals are negative row sums, which keeps round-off small.
    """
    j, angle = np.arange(n + 1), np.pi / (2 * n)
    # x_i - x_j as a product: no cancellation between neighbouring points.
    gap = 2 * np.sin(angle * (j[:, None] + j)) * np.sin(angle * (j - j[:, None]))
    np.fill_diagonal(gap, 1.0)
    c = np.where((j == 0) | (j == n), 2.0, 1.0) * (-1.0) ** j
    ratio = c[:, None] / c
    first = ratio / gap
    np.fill_diagonal(first, 0.0)
    np.fill_diagonal(first, -first.sum(axis=1))
    second = 2 * (np.diag(first)[:, None] * ratio - first) / gap  # Welfert's recursion
    np.fill_diagonal(second, 0.0)
    np.fill_diagonal(second, -second.sum(axis=1))
    return second


def even_second_derivative(n: int) -> Array:
    """The same matrix acting on the values of an even function at the n // 2 + 1 points x >= 0."""
    full, half = second_derivative(n), n // 2
    folded = full[: half + 1, : half + 1].copy()
    folded[:, :half] += full[: half + 1, :half:-1]
    return folded


def integrate(resolution: Resolution) -> Array:
    """Values [time + 1, space // 2 + 1] at the Chebyshev points of sqrt(t) (0 up), x (1 down)."""
    x = lobatto(resolution.space)[: resolution.space // 2 + 1]
    inner = even_second_derivative(resolution.space)[1:, 1:]  # of w = u + 1, 0 at the wall

    def rate(_t: float, w: Array) -> Array:
        return DIFFUSION * (inner @ w) - REACTION * w * (w - 1) * (w - 2)

    def jacobian(_t: float, w: Array) -> Array:
        return DIFFUSION * inner - np.diag(REACTION * (3 * w**2 - 6 * w + 2))

    w = (x**2 * np.cos(np.pi * x) + 1)[1:]
    times = ((1 - lobatto(resolution.time)) / 2) ** 2
    rows, first_step = [w], 1e-6
    for start, stop in pairwise(times):
        run = solve_ivp(
            rate,
            (start, stop),
            w,
            method="Radau",
            jac=jacobian,
            rtol=resolution.tolerance,
            atol=resolution.tolerance,
            first_step=min(first_step, stop - start),
        )
        if not run.success:
            raise RuntimeError(f"Radau failed between t={start} and t={stop}: {run.message}")
        w, first_step = run.y[:, -1], np.max(np.diff(run.t))
        rows.append(w)
    wall = np.zeros((len(rows), 1))
    return np.hstack([wall, np.array(rows)]) - 1


def coefficients(values: Array) -> Array:
    """Coefficients of T_j(2 s - 1) T_k(2 x^2 - 1) from the values that `integrate` returns."""
    table = values[::-1]  # both axes now from +1 down to -1, the order of the DCT-I
    for axis in (0, 1):
        n = table.shape[axis] - 1
        table = np.moveaxis(dct(table, type=1, axis=axis) / n, axis, 0)
        table[[0, -1]] /= 2
        table = np.moveaxis(table, 0, axis)
    return table


def evaluate(table: Array, t: Array, x: Array) -> Array:
    """The series at scattered points [n]."""
    in_time = chebyshev.chebvander(2 * np.sqrt(t) - 1, table.shape[0] - 1)  # [n, J]
    in_space = chebyshev.chebvander(2 * x**2 - 1, table.shape[1] - 1)  # [n, K]
    return ((in_time @ table) * in_space).sum(axis=1)


def scattered_points(n: int) -> tuple[Array, Array]:
    """Random points: a third uniform, a third at early times, a third also near the wall."""
    rng = np.random.default_rng(0)
    t, x = rng.random(3 * n), rng.uniform(-1, 1, 3 * n)
    t[n : 2 * n] = 10 ** rng.uniform(-6, 0, n)
    t[2 * n :] = 10 ** rng.uniform(-6, 0, n)
    x[2 * n :] = 1 - 10 ** rng.uniform(-5, 0, n)
    return t, x


def solve(resolution: Resolution) -> Array:
    """Coefficients of one discretisation, with its cost printed."""
    start = time.perf_counter()
    table = coefficients(integrate(resolution))
    tail_t, tail_x = np.abs(table[-3:]).max(), np.abs(table[:, -3:]).max()
    print(
        f"{resolution}: {time.perf_counter() - start:.0f} s, "
        f"last coefficients {tail_t:.1e} (t), {tail_x:.1e} (x)",
        flush=True,
    )
    return table


def main() -> None:
    """Solves, compares with three coarser solutions and a finer one, writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=TABLE)
    out = parser.parse_args().out

    shipped = Resolution(space=640, time=80, tolerance=1e-12)
    table = solve(shipped)
    t, x = scattered_points(4000)
    values = evaluate(table, t, x)
    for other in (
        Resolution(space=512, time=80, tolerance=1e-12),
        Resolution(space=640, time=60, tolerance=1e-12),
        Resolution(space=640, time=80, tolerance=1e-10),
        Resolution(space=960, time=160, tolerance=1e-13),
    ):
        difference = np.abs(evaluate(solve(other), t, x) - values).max()
        print(f"  largest difference to the table at {t.size} points: {difference:.1e}", flush=True)

    np.savez_compressed(out, coefficients=table)
    print(f"wrote {out.name}: {table.shape} coefficients, {out.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
