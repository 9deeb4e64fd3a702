"""JAX as a contestant: the pieces of its step, compiled before the clock starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from cases import CUTOFF, Case
from pure_jax import JaxStep


class PureJax:
    """JAX, compiled when it is made, so that no measurement holds compilation.

    Raises:
        RuntimeError: JAX does not see the device.
    """

    def __init__(self, case: Case, device: str = "cpu") -> None:
        place = jax.devices("gpu" if device == "cuda" else "cpu")[0]
        functions = JaxStep(case, CUTOFF, device=device)
        S, P = case.shape
        theta, r, J = (
            jax.ShapeDtypeStruct(shape, float, sharding=jax.sharding.SingleDeviceSharding(place))
            for shape in ((P,), (S,), (S, P))
        )
        self.jacobian = _blocking(functions.jacobian.lower(theta))
        self.direction = _blocking(functions.direction.lower(r, J))
        self.search = _blocking(functions.search.lower(theta, theta))
        self.step = _blocking(functions.step.lower(theta))
        self.theta = partial(jax.device_put, device=place)


def _blocking(lowered: Any) -> Callable[..., Any]:
    compiled = lowered.compile()
    return lambda *arguments: jax.block_until_ready(compiled(*arguments))
