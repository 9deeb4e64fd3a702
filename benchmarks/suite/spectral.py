"""Periodic evolutions u_t = L u + N(u) by Fourier modes and exponential Runge-Kutta steps.

Cox & Matthews' fourth order scheme with the coefficients of Kassam & Trefethen (SIAM J. Sci.
Comput. 26, 2005). Run as a script it compares steps and numbers of modes with each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

Complex = np.ndarray
CIRCLE = np.exp(1j * np.pi * (np.arange(64) + 0.5) / 32)  # where the coefficients are averaged


@dataclass(frozen=True, eq=False)
class Periodic:
    """The solution of one evolution, at ``levels + 1`` times up to ``end``.

    Attributes:
        interval: the first x and the last, where it is periodic.
        end: of the time, which begins at 0.
        initial: u(0, x) [modes] at positions x [modes].
        linear: the symbol of L, [modes] of wave numbers k [modes].
        nonlinear: of values u [modes] what N(u) is, in two parts [modes]: first + d/dx second.
        modes: number of modes.
        steps: of the time, a multiple of ``levels``.
        levels: how many times are kept.
    """

    interval: tuple[float, float]
    end: float
    initial: Callable[[np.ndarray], np.ndarray]
    linear: Callable[[np.ndarray], Complex]
    nonlinear: Callable[[Complex], tuple[Complex, Complex]]
    modes: int = 384
    steps: int = 8000
    levels: int = 200

    @cached_property
    def wave_numbers(self) -> np.ndarray:
        """Of the modes, [modes]."""
        lower, upper = self.interval
        return 2 * np.pi / (upper - lower) * np.fft.fftfreq(self.modes, 1 / self.modes)

    @cached_property
    def coefficients(self) -> Complex:
        """Fourier coefficients at all times, [levels + 1, modes]."""
        lower, upper = self.interval
        x = lower + (upper - lower) * np.arange(self.modes) / self.modes
        k, dt = self.wave_numbers, self.end / self.steps
        alive = np.abs(np.fft.fftfreq(self.modes, 1 / self.modes)) < self.modes / 3

        def rate(v: Complex) -> Complex:
            plain, flux = self.nonlinear(np.fft.ifft(v))
            return alive * (np.fft.fft(plain) + 1j * k * np.fft.fft(flux))

        exponent = dt * self.linear(k).astype(complex)
        half, whole = np.exp(exponent / 2), np.exp(exponent)
        q, f1, f2, f3 = (dt * part for part in _averages(exponent))
        v = np.fft.fft(self.initial(x).astype(complex))
        kept = [v]
        for step in range(1, self.steps + 1):
            n0 = rate(v)
            a = half * v + q * n0
            n1 = rate(a)
            b = half * v + q * n1
            n2 = rate(b)
            c = half * a + q * (2 * n2 - n0)
            v = whole * v + f1 * n0 + 2 * f2 * (n1 + n2) + f3 * rate(c)
            if step % (self.steps // self.levels) == 0:
                kept.append(v)
        return np.array(kept) / self.modes

    def __call__(self, t: np.ndarray, x: np.ndarray) -> Complex:
        """The solution [n] at positions [n] and times [n] that are kept."""
        v = self.coefficients[np.rint(t / self.end * self.levels).astype(int)]  # [n, modes]
        waves = np.exp(1j * self.wave_numbers * (x[:, None] - self.interval[0]))
        return (v * waves).sum(axis=1)

    def kept(self, t: np.ndarray) -> np.ndarray:
        """The nearest times at which the solution is kept."""
        return np.rint(t / self.end * self.levels) / self.levels * self.end


def _averages(exponent: Complex) -> tuple[Complex, ...]:
    """The coefficients of the scheme, as means over circles around the exponents."""
    z = exponent[:, None] + CIRCLE
    decay = np.exp(z)
    return tuple(
        part.mean(axis=1)
        for part in (
            (np.exp(z / 2) - 1) / z,
            (-4 - z + decay * (4 - 3 * z + z**2)) / z**3,
            (2 + z + decay * (-2 + z)) / z**3,
            (-4 - 3 * z - z**2 + decay * (4 - z)) / z**3,
        )
    )


def kdv(**sizes: int) -> Periodic:
    """Zabusky and Kruskal's: u_t + u u_x + 0.022^2 u_xxx = 0 from cos(pi x), up to t = 1/2."""
    return Periodic(
        (-1, 1),
        0.5,
        lambda x: np.cos(np.pi * x),
        lambda k: 1j * 0.022**2 * k**3,
        lambda u: (0 * u, -(u**2) / 2),
        **sizes,
    )


def pulses(x: np.ndarray) -> np.ndarray:
    """2 / cosh x with its neighbours 10 apart, [n]."""
    return sum(2 / np.cosh(x - 10 * period) for period in range(-4, 5))


def schroedinger(**sizes: int) -> Periodic:
    """Raissi's: i h_t + h_xx / 2 + |h|^2 h = 0 from 2 / cosh x, up to t = pi / 2.

    With the neighbouring periods added to the first values, whose slope would jump by 0.05 at the
    walls: no smooth function solves that, and the equation carries the kink everywhere.
    """
    return Periodic(
        (-5, 5),
        np.pi / 2,
        pulses,
        lambda k: -0.5j * k**2,
        lambda h: (1j * np.abs(h) ** 2 * h, 0 * h),
        **sizes,
    )


def kuramoto_sivashinsky(**sizes: int) -> Periodic:
    """u_t + 5 u u_x + 0.5 u_xx + 0.005 u_xxxx = 0 from -sin(pi x), up to t = 1/2.

    The regular case of Wang, Sankaran & Perdikaris (2022), half as long.
    """
    return Periodic(
        (-1, 1),
        0.5,
        lambda x: -np.sin(np.pi * x),
        lambda k: 0.5 * k**2 - 0.005 * k**4,
        lambda u: (0 * u, -5 * u**2 / 2),
        **sizes,
    )


def growth(make: Callable[..., Periodic]) -> float:
    """How many times as large, at the end, a small error of the first values can be.

    The largest over the first eight cosines and sines, as root mean squares.
    """
    exact, size = make(modes=128, steps=2000, levels=1), 1e-6
    lower, upper = exact.interval
    x = lower + (upper - lower) * np.arange(128) / 128
    most = 0.0
    for k in range(1, 9):
        for wave in (np.cos, np.sin):
            error = size * wave(2 * np.pi * k * (x - lower) / (upper - lower))
            values = exact.initial(x) + error
            other = replace(exact, initial=lambda _, values=values: values)
            change = other.coefficients - exact.coefficients  # [2, modes]
            norms = np.sqrt((np.abs(change) ** 2).sum(axis=1))
            most = max(most, float(norms[1] / norms[0]))
    return most


def main() -> None:
    random = np.random.default_rng(0)
    for make in (kdv, schroedinger, kuramoto_sivashinsky):
        finest = make(modes=384, steps=16000)
        t = finest.kept(random.uniform(0, finest.end, 1000))
        x = random.uniform(*finest.interval, 1000)
        for modes, steps in ((128, 4000), (256, 2000), (256, 8000)):
            change = np.abs(make(modes=modes, steps=steps)(t, x) - finest(t, x)).max()
            size = np.abs(finest(t, x)).max()
            print(f"{make.__name__}: {modes} modes, {steps} steps: {change:.1e} of {size:.1f}")
        print(f"{make.__name__}: errors of the first values grow {growth(make):.1f} times")


if __name__ == "__main__":
    main()
