"""Two ways to train in JAX, on the device that it is told: what `gpu_train.py` compares with.

Both step with the functions of `pure_jax.py`. ANaGRAM is its step, a truncated SVD and a line
search. Levenberg-Marquardt solves (J^T J + mu) d = J^T r, or the same by J J^T where J has fewer
rows than columns, by Cholesky factors, the fastest solve that JAX has on a GPU. It tries four
dampings around the last one in a step and keeps the best, so that no step is lost on a damping that
turns out wrong; rejected steps only raise the damping. The first damping is 1.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from cases import CUTOFF, Case
from jax.scipy.linalg import cho_factor, cho_solve
from peers.clock import Clock
from pure_jax import JaxStep, network

import anagram_ext as ax

Array = jax.Array
State = tuple[Array, Array]  # theta [P] and the damping; ANaGRAM hands the latter through

DAMPINGS = 10.0 ** np.arange(-2, 2)  # tried, as parts of the last one
FIRST_DAMPING = 1.0


def anagram(functions: JaxStep) -> Callable[[State], State]:
    """One step of ANaGRAM."""
    return lambda state: (functions.step(state[0]), state[1])


def levenberg_marquardt(functions: JaxStep) -> Callable[[State], State]:
    """One step of Levenberg-Marquardt."""

    def step(state: State) -> State:
        theta, damping = state
        r, J = functions.jacobian(theta)
        flat = J.shape[0] < J.shape[1]
        gram, right = (J @ J.T, r) if flat else (J.T @ J, J.T @ r)

        def candidate(damping: Array) -> Array:
            factor = cho_factor(gram + damping * jnp.eye(len(gram)))
            solved = cho_solve(factor, right)
            return theta - (J.T @ solved if flat else solved)

        dampings = damping * DAMPINGS
        candidates = jax.lax.map(candidate, dampings)
        losses = jax.lax.map(functions.loss, candidates)  # NaN where there is no factor
        best = jnp.nanargmin(losses)
        better = losses[best] < 0.5 * r @ r
        kept = jnp.where(better, candidates[best], theta)
        return kept, jnp.where(better, dampings[best], 10 * dampings[-1])

    return step


METHODS = {"JAX LM": levenberg_marquardt, "JAX ANaGRAM": anagram}


def trained(name: str, case: Case, device: str, seconds: float) -> dict[str, Any]:
    """The record of a run from seed 0: curve of (seconds, relative L2 error), steps, compilation.

    Args:
        name: one of `METHODS`.
        case: what to train on; its problem says where errors are measured.
        device: "cuda" or "cpu".
        seconds: for the steps; the evaluation of errors and the compilation do not count.

    Raises:
        RuntimeError: JAX does not see the device.
    """
    place = jax.devices("gpu" if device == "cuda" else "cpu")[0]
    problem = case.problem
    points, u = problem.evaluation.numpy(), network(tuple(case.model.widths))
    exact = problem.solution(ax.Coordinates(problem.coordinates, problem.evaluation)).numpy()

    def error(theta: Array) -> Array:
        values = jax.vmap(u, in_axes=(None, 0))(theta, points)
        return jnp.linalg.norm(values - exact) / np.linalg.norm(exact)

    with jax.default_device(place):
        theta = jnp.asarray(case.model.init(seed=0).numpy())
        state = (theta, jnp.asarray(FIRST_DAMPING))
        begin = time.perf_counter()
        step = jax.jit(METHODS[name](JaxStep(case, CUTOFF, device=device))).lower(state).compile()
        measured = jax.jit(error).lower(theta).compile()
        compiled = time.perf_counter() - begin
        jax.block_until_ready(step(state))  # loads libraries
        clock = Clock(seconds, lambda theta: float(measured(theta)))
        clock.start()
        going = True
        while going:
            state = jax.block_until_ready(step(state))
            going = clock.goes_on(state[0])
    end = "time reached" if clock.seconds >= seconds else "no progress"
    return {"curve": clock.curve, "steps": clock.steps, "before": compiled, "end": end}
