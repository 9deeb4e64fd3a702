"""-Laplacian u + 64 u = f on a square with four round holes, by particular solutions.

A closed form takes the source; what is left solves the equation without it, and is fitted to the
boundary values by multipoles in the holes, and by regular waves and sources that cluster towards
the corners outside. Inside, the error is at most that at the boundary. Run as a script it shows
both, and compares sizes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.special import ive, kv, kve

K = 8.0
HOLES = ((0.5, 0.5, 0.2), (0.4, -0.4, 0.4), (-0.2, -0.7, 0.1), (-0.6, 0.5, 0.3))
OUTSIDE, INSIDE = 0.2, 1.0  # values on the square and on the holes
SIDE = 17 * np.pi**2 + K**2  # the symbol of the source's wave


def particular(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """A solution for the source 10 (17 + x^2 + y^2) sin(pi x) sin(4 pi y), [n]."""
    a, b = np.pi, 4 * np.pi
    both = np.sin(a * x) * np.sin(b * y)
    square = 10 / SIDE
    along_x, along_y = 4 * a * square / SIDE, 4 * b * square / SIDE
    plain = (170 + 4 * square - 2 * a * along_x - 2 * b * along_y) / SIDE
    bent = along_x * x * np.cos(a * x) * np.sin(b * y) + along_y * y * np.sin(a * x) * np.cos(b * y)
    return (square * (x**2 + y**2) + plain) * both + bent


def basis(points: np.ndarray, size: int) -> np.ndarray:
    """Solutions without a source, [n, m], of about the same size."""
    z = points[:, 0] + 1j * points[:, 1]
    columns = []
    radius, turn = np.abs(z), np.exp(1j * np.angle(z))
    for k in range(3 * size):
        wave = ive(k, K * radius) * np.exp(K * (radius - np.sqrt(2))) / ive(k, K * np.sqrt(2))
        columns += [wave * (turn**k).real, wave * (turn**k).imag]
    for a, b, hole in HOLES:
        radius, turn = np.abs(z - (a + 1j * b)), np.exp(1j * np.angle(z - (a + 1j * b)))
        for k in range(size):
            wave = kve(k, K * radius) * np.exp(-K * (radius - hole)) / kve(k, K * hole)
            columns += [wave * (turn**k).real, wave * (turn**k).imag]
    away = np.exp(-4 * (np.sqrt(size) - np.sqrt(np.arange(1, size + 1))))
    for corner in (1 + 1j, 1 - 1j, -1 + 1j, -1 - 1j):
        for distance in away:
            radius = z - corner * (1 + distance / np.sqrt(2))
            scale = kv(1, K * distance)
            wave = kv(1, K * np.abs(radius)) / (scale * np.abs(radius))
            columns += [kv(0, K * np.abs(radius)), wave * radius.real, wave * radius.imag]
    return np.stack(columns, axis=1)


def boundary(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points [8 n, 2], denser towards the corners, and the values there."""
    s = np.linspace(-1, 1, n)
    s = np.tanh(6 * s) / np.tanh(6)
    s = np.sort(np.concatenate([s, np.linspace(-0.999, 0.999, n // 2)]))[::1]
    edge = np.ones(len(s))
    sides = [(s, edge), (s, -edge), (edge, s), (-edge, s)]
    angle = 2 * np.pi * np.arange(n) / n
    rings = [(a + r * np.cos(angle), b + r * np.sin(angle)) for a, b, r in HOLES]
    points = np.concatenate([np.stack(pair, axis=1) for pair in sides + rings])
    return points, np.repeat([OUTSIDE, INSIDE], [4 * len(s), 4 * n])


@cache
def coefficients(size: int) -> np.ndarray:
    points, values = boundary(10 * size)
    columns = basis(points, size)
    length = np.sqrt(np.square(columns).mean(axis=0)) + 1e-300
    missing = values - particular(*points.T)
    return np.linalg.lstsq(columns / length, missing, rcond=1e-14)[0] / length


def solution(points: np.ndarray, size: int = 26) -> np.ndarray:
    """The solution at points [n, 2], [n]."""
    return basis(points, size) @ coefficients(size) + particular(*points.T)


def main() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (4000, 2))
    outside = [np.hypot(points[:, 0] - a, points[:, 1] - b) > r for a, b, r in HOLES]
    points = points[np.all(outside, axis=0)]
    for size in (10, 14, 18, 22, 26):
        change = np.abs(solution(points, size) - solution(points, size + 4)).max()
        edge, values = boundary(1777)
        wrong = np.abs(solution(edge, size) - values).max()
        print(f"size {size}: to the next {change:.1e}, at the boundary {wrong:.1e}", flush=True)


if __name__ == "__main__":
    main()
