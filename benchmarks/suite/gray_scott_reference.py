"""Gray and Scott's reaction on a torus by Fourier modes and exponential Runge-Kutta steps.

jaxpi's constants: u_t = 0.2 Laplacian u + 40 (1 - u) - 1000 u v^2 and
v_t = 0.1 Laplacian v - 100 v + 1000 u v^2 on [-1, 1]^2. Run as a script it compares steps and
numbers of modes with each other.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from spectral import CIRCLE

SPREAD = np.array([0.2, 0.1])
FED, REMOVED, FAST = 40.0, 100.0, 1000.0
END = 0.1
LEVELS = 50  # times at which the solution is known


def start(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first u and v, with a jump of 1e-4 where the torus closes."""
    return (
        1 - np.exp(-10 * ((x + 0.05) ** 2 + (y + 0.02) ** 2)),
        np.exp(-10 * ((x - 0.05) ** 2 + (y - 0.02) ** 2)),
    )


@cache
def coefficients(modes: int, steps: int) -> np.ndarray:
    """Fourier coefficients of u and v at all levels, [LEVELS + 1, 2, modes, modes / 2 + 1].

    The scheme of Cox and Matthews with the coefficients of Kassam and Trefethen.
    """
    x = -1 + 2 * np.arange(modes) / modes
    k, half = np.fft.fftfreq(modes, 1 / modes)[:, None], np.arange(modes // 2 + 1)[None]
    alive = (np.abs(k) < modes / 3) & (half < modes / 3)
    dt = END / steps
    square = np.pi**2 * (k**2 + half**2)
    linear = dt * (-SPREAD[:, None, None] * square - np.array([FED, REMOVED])[:, None, None])
    q, f1, f2, f3 = (dt * part for part in averages(linear))
    whole, part = np.exp(linear), np.exp(linear / 2)

    def rate(w: np.ndarray) -> np.ndarray:
        u, v = np.fft.irfft2(w, s=(modes, modes))
        reacted = alive * np.fft.rfft2(FAST * u * v * v)
        both = np.stack([-reacted, reacted])
        both[0, 0, 0] += FED * modes**2
        return both

    w = np.fft.rfft2(np.stack(start(x[:, None], x[None])))
    kept = [w]
    for step in range(1, steps + 1):
        n0 = rate(w)
        a = part * w + q * n0
        n1 = rate(a)
        n2 = rate(part * w + q * n1)
        c = part * a + q * (2 * n2 - n0)
        w = whole * w + f1 * n0 + 2 * f2 * (n1 + n2) + f3 * rate(c)
        if step % (steps // LEVELS) == 0:
            kept.append(w)
    return np.array(kept) / modes**2


def averages(linear: np.ndarray) -> list[np.ndarray]:
    """The coefficients of the scheme, as means over circles around the exponents."""
    sums = [0.0, 0.0, 0.0, 0.0]
    for centre in CIRCLE[::4]:
        z = linear + centre
        decay = np.exp(z)
        sums[0] = sums[0] + (np.exp(z / 2) - 1) / z
        sums[1] = sums[1] + (-4 - z + decay * (4 - 3 * z + z**2)) / z**3
        sums[2] = sums[2] + (2 + z + decay * (-2 + z)) / z**3
        sums[3] = sums[3] + (-4 - 3 * z - z**2 + decay * (4 - z)) / z**3
    return [part.real / len(CIRCLE[::4]) for part in sums]


def solution(t: np.ndarray, points: np.ndarray, modes: int = 128, steps: int = 400) -> np.ndarray:
    """Both fields [n, 2] at points [n, 2] and times [n], multiples of END / LEVELS."""
    known, level = coefficients(modes, steps), np.rint(t / END * LEVELS).astype(int)
    k, half = np.fft.fftfreq(modes, 1 / modes), np.arange(modes // 2 + 1)
    twice = np.where(half == 0, 1.0, 2.0)
    answer = np.empty((len(t), 2))
    for one in np.unique(level):
        here = level == one
        along = np.exp(1j * np.pi * np.outer(points[here, 0] + 1, k))
        across = twice * np.exp(1j * np.pi * np.outer(points[here, 1] + 1, half))
        for field in range(2):
            answer[here, field] = ((along @ known[one, field]) * across).sum(axis=1).real
    return answer


def main() -> None:
    random = np.random.default_rng(0)
    t, points = random.integers(1, LEVELS + 1, 500) / LEVELS * END, random.uniform(-1, 1, (500, 2))
    finest = solution(t, points, 192, 800)
    for modes, steps in ((96, 400), (128, 200), (128, 400)):
        change = np.abs(solution(t, points, modes, steps) - finest).max()
        print(f"{modes} modes, {steps} steps: {change:.1e} from the finest", flush=True)


if __name__ == "__main__":
    main()
