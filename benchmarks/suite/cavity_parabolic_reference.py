"""The flow in a square cavity under the lid u = 4 x (1 - x), by Chebyshev polynomials and Newton.

The stream function, u = psi_y and v = -psi_x, is the sum of two functions of the upper corners,
where velocities have no derivative and the pressure is infinite (lid and wall do not agree), and of
a polynomial. Run as a script it compares degrees with each other.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.polynomial import chebyshev
from scipy.linalg import lstsq

NU = 0.01
STEPS = 8  # of Newton's method


def corner(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Stokes flow in the upper left corner whose lid moves with u = 4 x: r^2 f(angle).

    Returns:
        psi, its derivatives in x and y, and those of its Laplacian.
    """
    down = 1 - y
    angle, square = np.arctan2(down, x), x**2 + down**2
    psi = np.pi * down**2 - 2 * square * angle - 2 * x * down
    in_y = 4 * x + 4 * down * angle - 2 * np.pi * down
    with np.errstate(divide="ignore", invalid="ignore"):
        return psi, -4 * x * angle, in_y, 8 * down / square, 8 * x / square


def corners(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """The same of both corners together."""
    left, right = corner(x, y), corner(1 - x, y)
    return tuple(a + s * b for a, b, s in zip(left, right, (1, -1, 1, -1, 1), strict=True))


def differentiation(degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes in [0, 1], ascending, and the matrix of the derivative of values there."""
    t = -np.cos(np.pi * np.arange(degree + 1) / degree)
    c = np.where((np.arange(degree + 1) % degree) == 0, 2.0, 1.0) * (-1.0) ** np.arange(degree + 1)
    matrix = np.outer(c, 1 / c) / (t[:, None] - t + np.eye(degree + 1))
    matrix -= np.diag(matrix.sum(axis=1))
    return (t + 1) / 2, 2 * matrix


@cache
def coefficients(degree: int) -> np.ndarray:
    """Chebyshev coefficients of the polynomial, [degree + 1, degree + 1] of x and y."""
    nodes, along = differentiation(degree)
    one = np.eye(degree + 1)
    x, y = (a.ravel() for a in np.meshgrid(nodes, nodes, indexing="ij"))
    dx, dy = np.kron(along, one), np.kron(one, along)
    square = along @ along
    laplacian = np.kron(square, one) + np.kron(one, square)
    dx_lap, dy_lap, biharmonic = dx @ laplacian, dy @ laplacian, laplacian @ laplacian
    known, known_x, known_y, known_lx, known_ly = corners(x, y)

    index = np.arange(degree + 1)
    i, j = (a.ravel() for a in np.meshgrid(index, index, indexing="ij"))
    depth = np.minimum(np.minimum(i, degree - i), np.minimum(j, degree - j))
    inside, wall = depth >= 2, depth == 0
    sides = ((i == 0) | (i == degree)) & (j > 0) & (j < degree)
    level = ((j == 0) | (j == degree)) & (i > 0) & (i < degree)
    lid = np.where(j == degree, 4 * x * (1 - x), 0.0)
    fixed = np.concatenate([one_of(wall), dx[sides], dy[level]])
    values = np.concatenate([-known[wall], -known_x[sides], (lid - known_y)[level]])

    psi = np.zeros(len(x))
    for _ in range(STEPS):
        u, v = dy @ psi + known_y, -(dx @ psi + known_x)
        lx, ly = dx_lap @ psi + known_lx, dy_lap @ psi + known_ly
        carried = u[inside, None] * dx_lap[inside] + v[inside, None] * dy_lap[inside]
        turned = lx[inside, None] * dy[inside] - ly[inside, None] * dx[inside]
        matrix = NU * biharmonic[inside] - carried - turned
        residual = NU * biharmonic @ psi - u * lx - v * ly
        rows = np.concatenate([matrix, fixed])
        right = np.concatenate([-residual[inside], values - fixed @ psi])
        size = np.abs(rows).max(axis=1)
        psi += lstsq(rows / size[:, None], right / size, cond=1e-15, lapack_driver="gelsy")[0]
    values_to_coefficients = np.linalg.inv(chebyshev.chebvander(2 * nodes - 1, degree))
    table = psi.reshape(degree + 1, degree + 1)
    return values_to_coefficients @ table @ values_to_coefficients.T


def one_of(chosen: np.ndarray) -> np.ndarray:
    """Rows of the identity."""
    return np.eye(len(chosen))[chosen]


def velocity(points: np.ndarray, degree: int = 40) -> np.ndarray:
    """Velocities at points [n, 2] in the open square, [n, 2]."""
    table = coefficients(degree)
    x, y = points.T
    _, known_x, known_y, *_ = corners(x, y)
    by_x = chebyshev.chebval2d(2 * x - 1, 2 * y - 1, 2 * chebyshev.chebder(table, axis=0))
    by_y = chebyshev.chebval2d(2 * x - 1, 2 * y - 1, 2 * chebyshev.chebder(table, axis=1))
    return np.stack([by_y + known_y, -by_x - known_x], axis=1)


def main() -> None:
    points = np.random.default_rng(0).uniform(0, 1, (4000, 2))
    finest = velocity(points, 48)
    for degree in (16, 24, 32, 40):
        change = np.abs(velocity(points, degree) - finest).max()
        print(f"degree {degree}: {change:.1e} from degree 48, u and v at most {finest.max():.2f}")


if __name__ == "__main__":
    main()
