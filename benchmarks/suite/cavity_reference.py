"""Steady flow in the unit square under a lid of velocity 16 (x - x^2)^2, by its stream function.

nu Laplacian^2 psi = psi_y (Laplacian psi)_x - psi_x (Laplacian psi)_y with u = psi_y, v = -psi_x:
Chebyshev series, collocation in the least-squares sense, Newton steps. Run as a script it compares
degrees.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.polynomial import chebyshev

NU = 0.01
DEGREE = 28
WALLS = 1e3  # weight of the boundary values
Array = np.ndarray


def basis(degree: int, at: Array, order: int) -> Array:
    """Derivatives of the polynomials T_j(2 z - 1) at positions [n], [n, degree + 1]."""
    table = np.eye(degree + 1)
    table = chebyshev.chebder(table, order, scl=2, axis=0) if order else table
    return chebyshev.chebvander(2 * at - 1, len(table) - 1) @ table


def rows(degree: int, points: Array, x: int, y: int) -> Array:
    """A derivative of all products of two polynomials at points [n, 2], [n, (degree + 1)^2]."""
    along, up = basis(degree, points[:, 0], x), basis(degree, points[:, 1], y)
    return (along[:, :, None] * up[:, None, :]).reshape(len(points), -1)


def lid_velocity(x: Array) -> Array:
    """Shen's regularised lid, whose slope vanishes in the corners as well."""
    return 16 * (x - x**2) ** 2


@cache
def stream_function(degree: int) -> Array:
    """Coefficients of psi, [(degree + 1)^2]."""
    n = degree + 8
    nodes = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
    inside = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), axis=-1).reshape(-1, 2)
    d = {f"{x}{y}": rows(degree, inside, x, y) for x in range(5) for y in range(5 - x)}
    biharmonic = NU * (d["40"] + 2 * d["22"] + d["04"])
    vortex_x, vortex_y = d["30"] + d["12"], d["21"] + d["03"]
    zero, one = np.zeros(n), np.ones(n)
    walls, slopes = [], []
    for wall, normal in (((zero, nodes), "10"), ((one, nodes), "10"), ((nodes, zero), "01")):
        edge = np.stack(wall, axis=1)
        walls += [rows(degree, edge, 0, 0), rows(degree, edge, int(normal[0]), int(normal[1]))]
        slopes += [zero, zero]
    lid = np.stack([nodes, one], axis=1)
    walls += [rows(degree, lid, 0, 0), rows(degree, lid, 0, 1)]
    slopes += [zero, lid_velocity(nodes)]
    boundary, values = WALLS * np.concatenate(walls), WALLS * np.concatenate(slopes)
    psi = np.zeros((degree + 1) ** 2)
    for _ in range(12):
        by_x, by_y = (d["10"] @ psi)[:, None], (d["01"] @ psi)[:, None]
        of_x, of_y = (vortex_x @ psi)[:, None], (vortex_y @ psi)[:, None]
        residual = biharmonic @ psi - (by_y * of_x - by_x * of_y)[:, 0]
        slope = biharmonic - by_y * vortex_x - of_x * d["01"] + by_x * vortex_y + of_y * d["10"]
        left = np.concatenate([slope, boundary])
        right = np.concatenate([residual, boundary @ psi - values])
        step = np.linalg.lstsq(left, right, rcond=1e-14)[0]
        psi = psi - step
        if np.abs(d["01"] @ step).max() < 1e-10:
            break
    return psi


def velocity(points: Array, degree: int = DEGREE) -> Array:
    """U and v at points [n, 2], [n, 2]."""
    psi = stream_function(degree)
    return np.stack([rows(degree, points, 0, 1) @ psi, -rows(degree, points, 1, 0) @ psi], axis=1)


def main() -> None:
    points = np.random.default_rng(0).uniform(size=(2000, 2))
    finest = velocity(points, 40)
    for degree in (16, 20, 28):
        off = velocity(points, degree) - finest
        relative = np.sqrt((off**2).sum(axis=0) / (finest**2).sum(axis=0))
        print(f"degree {degree}: u {relative[0]:.1e}, v {relative[1]:.1e} from degree 40")


if __name__ == "__main__":
    main()
