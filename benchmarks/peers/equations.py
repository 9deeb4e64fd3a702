"""The problems of the comparison in JAX: points and first iterate from a file, residuals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)

Field = Callable[[jax.Array], jax.Array]  # x [d] -> u [], one value
Residual = Callable[[Field, jax.Array], jax.Array]  # at one point


@dataclass(frozen=True)
class Data:
    """What ``run.py`` wrote for a problem and a seed.

    Attributes:
        problem: name of the problem.
        seed: of points and first iterate.
        widths: of the tanh network.
        points: [n, d] of each condition, the equation first.
        values: right-hand sides [n] of the other conditions.
        theta: first iterate [P], layer by layer, weights [out, in] before biases.
        evaluation: points [m, d] of the error.
        solution: exact values there [m].
    """

    problem: str
    seed: int
    widths: tuple[int, ...]
    points: Mapping[str, np.ndarray]
    values: Mapping[str, np.ndarray]
    theta: np.ndarray
    evaluation: np.ndarray
    solution: np.ndarray

    @classmethod
    def read(cls, path: Path) -> Data:
        """From ``PROBLEM-SEED.npz``."""
        held = dict(np.load(path))
        problem, seed = path.stem.rsplit("-", 1)
        return cls(
            problem,
            int(seed),
            tuple(int(width) for width in held["widths"]),
            {key[7:]: held[key] for key in held if key.startswith("points:")},
            {key[7:]: held[key] for key in held if key.startswith("values:")},
            held["theta"],
            held["evaluation"],
            held["solution"],
        )

    def error(self, predicted: jax.Array) -> jax.Array:
        """The root mean square error of values [m] at the evaluation points."""
        return jnp.sqrt(jnp.mean((predicted.reshape(-1) - jnp.asarray(self.solution)) ** 2))


def partials(u: Field, x: jax.Array, axis: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """``u``, and its first and second derivative along an axis."""
    direction = jnp.eye(len(x))[axis]

    def first(y: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.jvp(u, (y,), (direction,))

    (value, slope), (_, curvature) = jax.jvp(first, (x,), (direction,))
    return value, slope, curvature


def laplacian(u: Field, x: jax.Array) -> jax.Array:
    return sum(partials(u, x, axis)[2] for axis in range(len(x)))


def source(problem: str, x: jax.Array) -> jax.Array:
    """The source f of ``laplacian u = -f``."""
    waves = jnp.sin(jnp.pi * x)
    if problem == "laplace_2d":
        return 2 * jnp.pi**2 * waves[0] * waves[1]
    return jnp.pi**2 * jnp.sum(waves)


def equation(problem: str) -> Residual:
    """The residual of the PDE."""

    def laplace(u: Field, x: jax.Array) -> jax.Array:
        return laplacian(u, x) + source(problem, x)

    def heat(u: Field, x: jax.Array) -> jax.Array:
        return partials(u, x, 0)[1] - 0.25 * partials(u, x, 1)[2]

    def allen_cahn(u: Field, x: jax.Array) -> jax.Array:
        value, _, curvature = partials(u, x, 1)
        return partials(u, x, 0)[1] - 1e-3 * curvature - 5 * (value - value**3)

    def burgers(u: Field, x: jax.Array) -> jax.Array:
        value, slope, curvature = partials(u, x, 1)
        return partials(u, x, 0)[1] + value * slope - 0.01 / jnp.pi * curvature

    known = {"heat": heat, "allen_cahn": allen_cahn, "burgers": burgers}
    return known.get(problem, laplace)


def network(widths: tuple[int, ...], theta: jax.Array) -> Field:
    """The tanh network with these parameters."""

    def u(x: jax.Array) -> jax.Array:
        start, h = 0, x
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            weights = theta[start : start + fan_in * fan_out].reshape(fan_out, fan_in)
            start += fan_in * fan_out
            h = weights @ h + theta[start : start + fan_out]
            start += fan_out
            h = jnp.tanh(h) if layer < len(widths) - 2 else h
        return h[0]

    return u


def stacked(data: Data, theta: jax.Array) -> jax.Array:
    """The residual [S], scaled such that the loss is half its squared norm."""
    u = network(data.widths, theta)
    rows = []
    for name, points in data.points.items():
        if name in data.values:
            r = jax.vmap(u)(jnp.asarray(points)) - jnp.asarray(data.values[name])
        else:
            residual = equation(data.problem)
            r = jax.vmap(lambda x, residual=residual: residual(u, x))(jnp.asarray(points))
        rows.append(r / math.sqrt(len(points)))
    return jnp.concatenate(rows)
