"""The Laplace equation on a square with round holes, by the method of fundamental solutions.

Run as a script it compares two sizes of itself with each other.
"""

from __future__ import annotations

from functools import cache

import numpy as np

CENTRES = ((0.3, 0.3), (-0.3, 0.3), (0.3, -0.3), (-0.3, -0.3))
RADIUS = 0.1
HALF = 0.5


@cache
def coefficients(degree: int) -> np.ndarray:
    """Harmonic polynomials for the square, and a multipole with a logarithm in every hole."""
    points, values = boundary(60 * degree)
    return np.linalg.lstsq(basis(points, degree), values, rcond=1e-14)[0]


def boundary(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [m, 2], denser in the corners, and the values there: 1 outside, 0 on the holes."""
    s = -HALF * np.cos(np.pi * (np.arange(n) + 0.5) / n)
    edge = np.full(n, HALF)
    square = [(s, edge), (s, -edge), (edge, s), (-edge, s)]
    angle = 2 * np.pi * np.arange(n) / n
    holes = [(a + RADIUS * np.cos(angle), b + RADIUS * np.sin(angle)) for a, b in CENTRES]
    points = np.concatenate([np.stack(pair, axis=1) for pair in square + holes])
    return points, np.repeat([1.0, 0.0], 4 * n)


def basis(points: np.ndarray, degree: int) -> np.ndarray:
    """Columns [n, m], all at most about one in size on the domain."""
    z = points[:, 0] + 1j * points[:, 1]
    columns = [np.ones(len(z))]
    for k in range(1, 8 * degree + 1):
        power = (z / (np.sqrt(2) * HALF)) ** k
        columns += [power.real, power.imag]
    for a, b in CENTRES:
        near = (z - (a + 1j * b)) / RADIUS
        columns.append(np.log(np.abs(near)))
        for k in range(1, degree + 1):
            power = near**-k
            columns += [power.real, power.imag]
    return np.stack(columns, axis=1)


def solution(points: np.ndarray, degree: int = 16) -> np.ndarray:
    """The harmonic function [n] that is 1 on the square and 0 on the holes."""
    return basis(points, degree) @ coefficients(degree)


def main() -> None:
    points = np.random.default_rng(0).uniform(-HALF, HALF, (4000, 2))
    outside = [np.hypot(*(points - centre).T) > RADIUS for centre in CENTRES]
    points = points[np.all(outside, axis=0)]
    for degree in (4, 8, 12, 16):
        change = np.abs(solution(points, degree) - solution(points, degree + 4)).max()
        edge, values = boundary(1777)
        wrong = np.abs(basis(edge, degree) @ coefficients(degree) - values).max()
        print(f"degree {degree}: to the next {change:.1e}, at the boundary {wrong:.1e}")


if __name__ == "__main__":
    main()
