"""-Laplacian u = 1 on the L, u = 0 on its boundary, by particular solutions.

u = -|x|^2 / 4 + a harmonic function: polynomials, the singular functions r^(2k/3) sin(2k/3 phi) of
the reentrant corner, and r^2 log r in all corners, fitted to the boundary values; inside, the error
is at most that at the boundary. Run as a script it shows both, and compares sizes.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np

# [-1, 1]^2 without the quadrant x > 0, y > 0, and the direction of the bisector out of each corner.
CORNERS = (0, 1, 1 - 1j, -1 - 1j, -1 + 1j, 1j)
OUTWARDS = (1 + 1j, 1 + 1j, 1 - 1j, -1 - 1j, -1 + 1j, 1 + 1j)


def corner_functions(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Radius and angle, 0 on the side x = 0 of the reentrant corner, 3/2 pi on y = 0."""
    return np.abs(z), np.mod(np.angle(z) - np.pi / 2 + 1e-9, 2 * np.pi) - 1e-9


def basis(points: np.ndarray, size: int) -> np.ndarray:
    """Harmonic columns, [n, m]."""
    z = points[:, 0] + 1j * points[:, 1]
    powers = [(z / np.sqrt(2)) ** k for k in range(2 * size)]
    for corner, outwards in zip(CORNERS, OUTWARDS, strict=True):
        w = np.where(z == corner, 1e-300, (z - corner) / outwards)
        turned = np.log(-w) * w**2  # the cut points outwards
        powers.append(turned)
    columns = [part for power in powers for part in (power.real, power.imag)]
    r, phi = corner_functions(z)
    k = 2 / 3 * np.array([k for k in range(1, size) if k % 3])
    singular = (r[:, None] / np.sqrt(2)) ** k * np.sin(k * phi[:, None])
    return np.concatenate([np.stack(columns, axis=1), singular], axis=1)


def boundary(n: int) -> np.ndarray:
    """Points of the six sides, denser in the corners, [6 n, 2]."""
    s = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
    ends = np.array([*CORNERS, CORNERS[0]])
    z = np.concatenate([a + (b - a) * s for a, b in pairwise(ends)])
    return np.stack((z.real, z.imag), axis=1)


@cache
def coefficients(size: int) -> np.ndarray:
    points = boundary(16 * size)
    columns = basis(points, size)
    length = np.sqrt(np.square(columns).mean(axis=0)) + 1e-300
    right = np.square(points).sum(axis=1) / 4
    return np.linalg.lstsq(columns / length, right, rcond=1e-14)[0] / length


def solution(points: np.ndarray, size: int = 24) -> np.ndarray:
    """The solution at points [n, 2], [n]."""
    return basis(points, size) @ coefficients(size) - np.square(points).sum(axis=1) / 4


def main() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (4000, 2))
    points = points[~np.all(points > 0, axis=1)]
    for size in (8, 12, 16, 20, 24):
        change = np.abs(solution(points, size) - solution(points, size + 6)).max()
        wrong = np.abs(solution(boundary(1777), size)).max()
        print(f"size {size}: to the next {change:.1e}, at the boundary {wrong:.1e}")


if __name__ == "__main__":
    main()
