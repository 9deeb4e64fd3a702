"""Levenberg-Marquardt of Optimistix: ``python optimistix_peer.py DATA OUT SECONDS``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix
from clock import Clock, write
from equations import Data, network, stacked


def main(data: Data, out: Path, seconds: float) -> None:
    def residual(theta: jax.Array, _: None) -> tuple[jax.Array, None]:
        return stacked(data, theta), None

    @jax.jit
    def error(theta: jax.Array) -> jax.Array:
        return data.error(jax.vmap(network(data.widths, theta))(jnp.asarray(data.evaluation)))

    solver = optimistix.LevenbergMarquardt(rtol=1e-14, atol=1e-18)
    theta = jnp.asarray(data.theta)
    options, tags = {"jac": "fwd"}, frozenset()  # by reverse mode a step takes ten times as long
    shape = jax.eval_shape(lambda theta: residual(theta, None), theta)
    before = time.perf_counter()
    state = solver.init(residual, theta, None, options, shape, None, tags)
    step = eqx.filter_jit(lambda y, s: solver.step(residual, y, None, options, s, tags))
    ended = eqx.filter_jit(lambda y, s: solver.terminate(residual, y, None, options, s, tags))
    once, again, _ = step(theta, state)
    once, again, _ = step(once, again)  # the second call has other types, and is compiled once more
    jax.block_until_ready(ended(once, again))
    compiled = time.perf_counter() - before
    clock = Clock(seconds, lambda theta: float(error(theta)))
    error(theta)
    clock.start()
    done = False
    while not done:
        theta, state, _ = step(theta, state)
        done = bool(ended(theta, state)[0])
        done = not clock.goes_on(jax.block_until_ready(theta)) or done
    write(out, clock.curve, clock.steps, compiled)


if __name__ == "__main__":
    main(Data.read(Path(sys.argv[1])), Path(sys.argv[2]), float(sys.argv[3]))
