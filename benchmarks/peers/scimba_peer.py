"""An optimizer of Scimba: ``python scimba_peer.py DATA OUT SECONDS OPTIMIZER``.

Its residuals, its network (as many numbers as ours, drawn by itself) and its optimizer, at our
points, by the call that its own training makes once a step.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from clock import Clock, write
from equations import Data, source
from scimba_jax.domains.meshless_domains.domains_1d import Segment1D
from scimba_jax.domains.meshless_domains.domains_2d import Square2D
from scimba_jax.domains.meshless_domains.domains_nd import HypercubeND
from scimba_jax.nonlinear_approximation.approximation_spaces.approximation_spaces import (
    ApproximationSpace,
)
from scimba_jax.nonlinear_approximation.networks.mlp import MLP
from scimba_jax.nonlinear_approximation.numerical_solvers.projectors import Projector
from scimba_jax.physical_models.abstract_physical_model import AbstractPhysicalModel
from scimba_jax.physical_models.abstract_residuals import InteriorResidual
from scimba_jax.physical_models.data_residuals import CollocDataResidual

EVOLUTIONS = ("heat", "allen_cahn", "burgers")
# Its defaults, but where others do better on these problems: sketches that keep all rows (the
# largest has 4500), and a decomposition. DSGNAR's rows come in batches that have to divide their
# number: all of a condition at once.
SETTINGS = {
    "DSGNAR": {
        "solver": "svd",
        "auto_adjust": False,
        "residual_sketch": 5000,
        "batch_size": 5000,
    }
}
QUASI_NEWTON = ("SS-Broyden", "SS-BFGS")  # cheap steps: an error every ten


class Equation(InteriorResidual):
    """The PDE in Scimba's own algebra."""

    def __init__(self, problem: str, domain: object) -> None:
        evolves = problem in EVOLUTIONS
        super().__init__(
            domain=domain,
            size=1,
            model_type="t_x" if evolves else "x",
            f_rhs=None if evolves else lambda x: jnp.atleast_1d(source(problem, x)),
            time_domain=(0.0, 1.0) if evolves else None,
        )
        self.problem = problem

    def construct_residual(self, u: object) -> object:
        """In terms of its own field."""
        if self.problem == "heat":
            return u.d_t() - 0.25 * u.laplacian("x")
        if self.problem == "allen_cahn":
            return u.d_t() - 1e-3 * u.laplacian("x") + 5.0 * (u**3 - u)
        if self.problem == "burgers":
            return u.d_t() + ((u**2) / 2.0).gradient("x") - 0.01 / jnp.pi * u.laplacian("x")
        return -u.laplacian("x")


def main(data: Data, out: Path, seconds: float, optimizer: str) -> None:
    sample, model, kind = stated(data)
    d, evolves = data.widths[0], data.problem in EVOLUTIONS
    key = jax.random.PRNGKey(data.seed)
    net = MLP(d, 1, hidden_sizes=list(data.widths[1:-1]), activation="tanh", key=key)
    space = ApproximationSpace(
        {"x": d - evolves, "t": int(evolves)}, [(net, "scalar", None)], model_type=kind
    )
    before = time.perf_counter()
    projector = Projector(model, space, None, optimizer=optimizer, **SETTINGS.get(optimizer, {}))
    step = jax.jit(lambda space, state: state.update(space, sample))
    state = projector.optimizer
    for _ in range(2):  # the second call has other types, and is compiled once more
        _, warm, warm_state = jax.block_until_ready(step(space, state))
        step(warm, warm_state)
    compiled = time.perf_counter() - before
    arguments = split(data, data.evaluation)

    @jax.jit
    def error(space: object) -> jax.Array:
        return data.error(projector.evaluator.evaluate_variables(space, *arguments))

    error(space)
    every = 10 if optimizer in QUASI_NEWTON else 1
    clock = Clock(seconds, lambda space: float(error(space)), every)
    clock.start()
    while True:
        _, space, state = jax.block_until_ready(step(space, state))
        if not clock.goes_on(space):
            break
    write(out, clock.curve, clock.steps, compiled)


def stated(data: Data) -> tuple[dict, object, str]:
    """Sample, model, and what it depends on."""
    evolves, d = data.problem in EVOLUTIONS, data.widths[0]
    kind = "t_x" if evolves else "x"
    if evolves:
        low = 0.0 if data.problem == "heat" else -1.0
        domain = Segment1D((low, 1.0), is_main_domain=True)
    else:
        shape = Square2D if d == 2 else HypercubeND
        domain = shape([(0.0, 1.0)] * d, is_main_domain=True)
    time_domain = (0.0, 1.0) if evolves else None
    model = AbstractPhysicalModel(main_domain=domain, time_domain=time_domain)
    inside = domain.get_label()
    model.physical_residuals = {inside: Equation(data.problem, domain)}
    shuffled = np.random.default_rng(data.seed)  # some of its optimizers split the rows in halves
    sample = {}
    for name, points in data.points.items():
        order = shuffled.permutation(len(points))
        held = split(data, points[order])
        if name in data.values:
            held = (*held, jnp.asarray(data.values[name][order])[:, None])
            model.add_data_residual(name, CollocDataResidual(1, kind, data=held))
            sample[name] = held
        else:
            sample[inside] = held
    return sample, model, kind


def split(data: Data, points: np.ndarray) -> tuple[jax.Array, ...]:
    """(t, x) or (x,)."""
    if data.problem in EVOLUTIONS:
        return jnp.asarray(points[:, :1]), jnp.asarray(points[:, 1:])
    return (jnp.asarray(points),)


if __name__ == "__main__":
    main(Data.read(Path(sys.argv[1])), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
