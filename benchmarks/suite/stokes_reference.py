"""Stokes flow past a cylinder in a pipe, by Goursat's functions.

With u - i v = -conj(f) + conj(z) f' + g, where f and g are analytic: polynomials by Arnoldi's
process, Laurent series in the cylinder and the logarithm of its force, fitted to velocities on
the boundary. At the end of the pipe these are those of the inflow: whatever the cylinder changes
has decayed by e^-18 there, and a parabola is what an outflow without stress leaves alone. Run as a
script it shows the misfit on the boundary, and compares sizes.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pipe

CENTRE = pipe.AT * (1 + 1j)


def parabola(y: np.ndarray) -> np.ndarray:
    return 6 * y * (pipe.HEIGHT - y) / pipe.HEIGHT**2


def boundary(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Points z [m], denser in the corners, and u - i v there."""
    s = 0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n)
    ring = CENTRE + pipe.RADIUS * np.exp(2j * np.pi * np.arange(n) / n)
    ends = [x + 1j * pipe.HEIGHT * s for x in (0, pipe.LENGTH)]
    sides = [pipe.LENGTH * s + 1j * y for y in (0, pipe.HEIGHT)]
    profile = parabola(pipe.HEIGHT * s)
    values = np.concatenate([profile, profile, np.zeros(3 * n)])
    return np.concatenate([*ends, *sides, ring]), values.astype(complex)


def arnoldi(z: np.ndarray, degree: int) -> np.ndarray:
    """The recurrence of polynomials that are orthogonal on points, [degree + 1, degree]."""
    q = np.ones((len(z), degree + 1), complex)
    h = np.zeros((degree + 1, degree), complex)
    for k in range(degree):
        new = z * q[:, k]
        for _ in range(2):  # again, for the sake of rounding errors
            parts = q[:, : k + 1].conj().T @ new / len(z)
            h[: k + 1, k] += parts
            new = new - q[:, : k + 1] @ parts
        h[k + 1, k] = np.linalg.norm(new) / np.sqrt(len(z))
        q[:, k + 1] = new / h[k + 1, k]
    return h


def polynomials(z: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and derivatives [n, degree + 1] by that recurrence."""
    degree = h.shape[1]
    q, d = np.ones((len(z), degree + 1), complex), np.zeros((len(z), degree + 1), complex)
    for k in range(degree):
        q[:, k + 1] = (z * q[:, k] - q[:, : k + 1] @ h[: k + 1, k]) / h[k + 1, k]
        d[:, k + 1] = (q[:, k] + z * d[:, k] - d[:, : k + 1] @ h[: k + 1, k]) / h[k + 1, k]
    return q, d


def scaled(z: np.ndarray) -> np.ndarray:
    return (z - (pipe.LENGTH + 1j * pipe.HEIGHT) / 2) / (pipe.LENGTH / 2)


def columns(z: np.ndarray, h: np.ndarray, laurent: int) -> np.ndarray:
    """The velocity u - i v of every function, its coefficient real or imaginary, [n, m]."""
    q, d = polynomials(scaled(z), h)
    d = d / (pipe.LENGTH / 2)
    near = z[:, None] - CENTRE
    k = np.arange(1, laurent + 1)
    powers = (pipe.RADIUS / near) ** k
    values = np.concatenate([q, powers], axis=1)
    slopes = np.concatenate([d, -k * powers / near], axis=1)
    parts = []
    for c in (1, 1j):
        parts += [-np.conj(c * values) + np.conj(z)[:, None] * c * slopes, c * values]
        force = -2 * np.conj(c) * np.log(np.abs(near)) + c * np.conj(near) / near
        parts.append(force)  # f = c log, g such that velocities have one value
    return np.concatenate(parts, axis=1)


@cache
def fitted(degree: int) -> tuple[np.ndarray, np.ndarray, int]:
    """The recurrence, the real coefficients [m], and the length of the Laurent series."""
    z, values = boundary(4 * degree)
    h, laurent = arnoldi(scaled(z), degree), degree // 4
    matrix = columns(z, h, laurent)
    rows = np.concatenate([matrix.real, matrix.imag])
    right = np.concatenate([values.real, values.imag])
    size = np.linalg.norm(rows, axis=0)
    return h, np.linalg.lstsq(rows / size, right, rcond=1e-13)[0] / size, laurent


def velocity(points: np.ndarray, degree: int = 140) -> np.ndarray:
    """Velocities at points [n, 2], [n, 2]."""
    h, coefficients, laurent = fitted(degree)
    found = columns(points[:, 0] + 1j * points[:, 1], h, laurent) @ coefficients
    return np.stack([found.real, -found.imag], axis=1)


def main() -> None:
    random = np.random.default_rng(0)
    points = random.uniform((0, 0), (pipe.LENGTH, pipe.HEIGHT), (4000, 2))
    points = points[np.hypot(*(points - pipe.AT).T) > pipe.RADIUS]
    finest = velocity(points, 160)
    for degree in (60, 80, 100, 120, 140):
        change = np.abs(velocity(points, degree) - finest).max()
        z, values = boundary(777)
        there = velocity(np.stack([z.real, z.imag], axis=1), degree)
        wrong = np.abs(there[:, 0] - 1j * there[:, 1] - values).max()
        print(f"degree {degree}: {change:.1e} from degree 160, at the boundary {wrong:.1e}")


if __name__ == "__main__":
    main()
