"""u_t + u u_x + mu^2 u_xxx = 0 from cos(pi x), by Fourier modes and exponential Runge-Kutta steps.

Run as a script it compares steps and numbers of modes with each other.
"""

from __future__ import annotations

from functools import cache

import numpy as np

MU = 0.022
MODES = 512
STEPS = 16000
LEVELS = 500  # times at which the solution is known


@cache
def coefficients(modes: int, steps: int) -> np.ndarray:
    """Fourier coefficients of u at ``LEVELS + 1`` times, [LEVELS + 1, modes / 2 + 1].

    With the dispersion integrated exactly, the rest is advanced by the classical four stages.
    """
    x = -1 + 2 * np.arange(modes) / modes
    k = np.pi * np.arange(modes // 2 + 1)
    alive = np.arange(modes // 2 + 1) <= modes // 3
    dt = 1 / steps
    half = np.exp(1j * MU**2 * k**3 * dt / 2)
    whole = half**2

    def rate(v: np.ndarray) -> np.ndarray:
        return -0.5j * k * alive * np.fft.rfft(np.fft.irfft(v) ** 2)

    v = np.fft.rfft(np.cos(np.pi * x))
    kept = [v]
    for step in range(1, steps + 1):
        a = dt * rate(v)
        b = dt * rate(half * (v + a / 2))
        c = dt * rate(half * v + b / 2)
        d = dt * rate(whole * v + half * c)
        v = whole * v + (whole * a + 2 * half * (b + c) + d) / 6
        if step % (steps // LEVELS) == 0:
            kept.append(v)
    return np.array(kept) / modes


def solution(t: np.ndarray, x: np.ndarray, modes: int = MODES, steps: int = STEPS) -> np.ndarray:
    """The solution [n] at positions [n] and times [n], multiples of 1 / LEVELS."""
    v = coefficients(modes, steps)[np.rint(t * LEVELS).astype(int)]  # [n, modes / 2 + 1]
    k = np.pi * np.arange(v.shape[1])
    waves = np.exp(1j * k * (x[:, None] + 1))
    return v[:, 0].real + 2 * (v[:, 1:] * waves[:, 1:]).real.sum(axis=1)


def main() -> None:
    random = np.random.default_rng(0)
    t, x = random.integers(0, LEVELS + 1, 2000) / LEVELS, random.uniform(-1, 1, 2000)
    finest = solution(t, x, 768, 32000)
    for modes, steps in ((256, 8000), (384, 8000), (512, 4000), (512, 8000), (512, 16000)):
        change = np.abs(solution(t, x, modes, steps) - finest).max()
        print(f"{modes} modes, {steps} steps: {change:.1e} from the finest")


if __name__ == "__main__":
    main()
