"""The whole ANaGRAM step in JAX alone, as fast as its ordinary tools make it.

What was tried on a CPU, and what is used because it was fastest:
- a row of J is one vmapped reverse sweep in theta; chunks of points (`lax.map`) gained nothing;
- derivatives in x by nested forward mode when there is one hidden layer, forward over reverse when
  there are more (for J of a Laplacian alone nested forward mode stays a little ahead); Hessians,
  `jacfwd` and Taylor mode (`jax.experimental.jet`) were slower;
- the 31 probes of the line search one after the other in one compiled loop (`lax.map`): a batch of
  all of them (`vmap`) leaves the caches and took up to four times longer;
- LAPACK's divide-and-conquer SVD, and everything under jit, in float64.
On a GPU the same with all probes in one batch, and cuSOLVER's SVD: not tuned there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
from cases import Case, Operator, Rows
from cases import make as make_case

jax.config.update("jax_enable_x64", True)

Array = jax.Array
Function = Callable[[Array], Array]  # point [d] -> u
STEP_SIZES = 0.5 ** np.arange(31)


def network(widths: tuple[int, ...]) -> Callable[[Array, Array], Array]:
    """The tanh MLP (theta [P], x [d]) -> u, theta in the order W1, b1, W2, ..."""

    def u(theta: Array, x: Array) -> Array:
        start, h = 0, x
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            end = start + fan_out * fan_in
            weight, bias = theta[start:end].reshape(fan_out, fan_in), theta[end : end + fan_out]
            h = weight @ h + bias
            if layer < len(widths) - 2:
                h = jnp.tanh(h)
            start = end + fan_out
        return h[0]

    return u


def along(f: Function, x: Array, axis: int) -> tuple[Array, Array]:
    """Value and derivative along one axis."""
    return jax.jvp(f, (x,), (jnp.zeros_like(x).at[axis].set(1.0),))


def forward_forward(operator: Operator, f: Function, x: Array) -> Array:
    """The operator at a point by nested forward mode; what the formula drops is never computed."""
    first, second = [], {}
    for axis in range(len(x)):
        (_, du), (_, d2u) = along(lambda y, axis=axis: along(f, y, axis), x, axis)
        first.append(du)
        second[axis] = d2u
    return operator.formula(f(x), first, {axis: second[axis] for axis in operator.second})


def forward_reverse(operator: Operator, f: Function, x: Array) -> Array:
    """The operator at a point: gradient by reverse mode, its derivatives by forward mode."""
    value, gradient = jax.value_and_grad(f)(x)
    columns = {axis: along(jax.grad(f), x, axis)[1][axis] for axis in operator.second}
    return operator.formula(value, gradient, columns)


Derivation = Callable[[Operator, Function, Array], Array]


class JaxStep:
    """One case; every function is compiled at its first call.

    Attributes:
        jacobian: theta -> (r [S], J [S, P]), rows scaled.
        direction: (r, J) -> the truncated least-squares direction [P].
        loss: theta -> half the squared norm of r.
        search: (theta, direction) -> the best theta of the 31 probes.
        step: theta -> theta after one whole step, as one compiled program.
    """

    def __init__(
        self,
        case: Case,
        cutoff: float = 1e-6,
        derive: Derivation | None = None,
        device: str = "cpu",
    ) -> None:
        u = network(tuple(case.model.widths))
        if derive is None:
            derive = forward_forward if len(case.model.widths) == 3 else forward_reverse

        def row(rows: Rows) -> Callable[[Array, Array, Array], Array]:
            return lambda theta, x, target: derive(rows.operator, lambda y: u(theta, y), x) - target

        def jacobian(theta: Array) -> tuple[Array, Array]:
            residuals, blocks = [], []
            for rows in case.rows:
                per_row = jax.vmap(jax.value_and_grad(row(rows)), in_axes=(None, 0, 0))
                values, gradients = per_row(theta, rows.points, rows.target)
                residuals.append(rows.scale * values)
                blocks.append(rows.scale * gradients)
            return jnp.concatenate(residuals), jnp.concatenate(blocks)

        def direction(r: Array, J: Array) -> Array:
            U, sigma, Vt = jnp.linalg.svd(J, full_matrices=False)
            inverse = jnp.where(sigma > cutoff * sigma[0], 1 / sigma, 0.0)
            return Vt.T @ (inverse * (U.T @ r))

        def loss(theta: Array) -> Array:
            total = jnp.zeros(())
            for rows in case.rows:
                per_row = jax.vmap(row(rows), in_axes=(None, 0, 0))
                values = per_row(theta, rows.points, rows.target)
                total += 0.5 * jnp.mean(values**2)
            return total

        def search(theta: Array, direction: Array) -> Array:
            probes = theta - STEP_SIZES[:, None] * direction
            losses = jax.lax.map(loss, probes) if device == "cpu" else jax.vmap(loss)(probes)
            return probes[jnp.nanargmin(losses)]

        def step(theta: Array) -> Array:
            return search(theta, direction(*jacobian(theta)))

        self.jacobian = jax.jit(jacobian)
        self.direction = jax.jit(direction)
        self.loss = jax.jit(loss)
        self.search = jax.jit(search)
        self.step = jax.jit(step)


def make(name: str, cutoff: float = 1e-6) -> JaxStep:
    """The step of the case of that name."""
    return JaxStep(make_case(name), cutoff)
