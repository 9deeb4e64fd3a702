"""Natural gradient of jinns, by its ``solve``: ``python jinns_peer.py DATA OUT SECONDS``.

The loop is one compiled program that keeps every iterate, so the time of an iterate is its share
of that of the loop. Boundary and initial values are its observations: its own boundary points stop
at two dimensions. Its weights are as many numbers as ours, drawn by itself.
"""

from __future__ import annotations

import sys
import time
import warnings
from itertools import pairwise
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import jinns
import numpy as np
import optax
from clock import write
from equations import Data, equation
from jinns.parameters import Params

REGULARISATION = 1e-5  # of the Gram matrix; not tuned
SHORT, LONGER = 2, 102  # steps of two loops, for the time of one
MOST = 4000


def main(data: Data, out: Path, seconds: float) -> None:
    warnings.filterwarnings("ignore")
    residual = equation(data.problem)
    u, weights = jinns.nn.PINN_MLP.create(
        key=jax.random.PRNGKey(data.seed), eqx_list=layers(data.widths), eq_type="PDEStatio"
    )
    params = Params(nn_params=weights, eq_params={})

    class Equation(jinns.loss.PDEStatio):
        def equation(self, x: jax.Array, u: object, params: Params) -> jax.Array:
            return jnp.atleast_1d(residual(lambda y: u(y, params)[0], x))

    conditions = list(data.values)
    loss = jinns.loss.LossPDEStatio(
        u=u,
        dynamic_loss=Equation(),
        params=params,
        loss_weights=jinns.loss.LossWeightsPDEStatio(
            dyn_loss=1.0, observations=alone([1.0] * len(conditions))
        ),
        **({"obs_slice": (jnp.s_[...],) * len(conditions)} if len(conditions) > 1 else {}),
    )
    optimizer = jinns.optimizers.vanilla_ngd(
        gram_reg=REGULARISATION,
        linesearch=optax.scale_by_backtracking_linesearch(max_backtracking_steps=15),
    )

    def solved(n: int) -> tuple[float, object]:
        before = time.perf_counter()
        found = jinns.solve(
            n_iter=n,
            init_params=params,
            data=interior(data),
            loss=loss,
            optimizer=optimizer,
            obs_data=observations(data, conditions),
            tracked_params=jax.tree.map(lambda _: True, params),
            verbose=False,
            print_loss_every=10**9,
        )
        jax.block_until_ready(found[0])
        return time.perf_counter() - before, found[6]

    compiled, _ = solved(SHORT)
    longer, _ = solved(LONGER)
    each = max((longer - compiled) / (LONGER - SHORT), 1e-3)
    n = int(min(seconds / each, MOST))
    total, iterates = solved(n)
    each = max(total - compiled, 1e-9) / n

    @jax.jit
    def error(params: Params) -> jax.Array:
        return data.error(jax.vmap(lambda x: u(x, params)[0])(jnp.asarray(data.evaluation)))

    shown = sorted({*range(min(n, 200)), *np.geomspace(1, n - 1, 400).astype(int).tolist()})
    curve = [
        ((i + 1) * each, float(error(jax.tree.map(lambda kept, i=i: kept[i], iterates))))
        for i in shown
    ]
    write(out, curve, n, compiled)


def layers(widths: tuple[int, ...]) -> tuple[tuple[object, ...], ...]:
    found: list[tuple[object, ...]] = []
    for fan_in, fan_out in pairwise(widths):
        found += [(eqx.nn.Linear, fan_in, fan_out), (jax.nn.tanh,)]
    return tuple(found[:-1])


def alone(values: list) -> object:
    """As jinns wants them: several as a tuple, one as itself."""
    return tuple(values) if len(values) > 1 else values[0]


def interior(data: Data) -> object:
    points = next(iter(data.points.values()))
    d = points.shape[1]
    generator = jinns.data.CubicMeshPDEStatio(
        key=jax.random.PRNGKey(data.seed),
        n=len(points),
        nb=None,
        dim=d,
        min_pts=(0.0,) * d,
        max_pts=(1.0,) * d,
    )
    return eqx.tree_at(lambda mesh: mesh.omega, generator, jnp.asarray(points))


def observations(data: Data, conditions: list[str]) -> object:
    keys = list(jax.random.split(jax.random.PRNGKey(1), len(conditions)))
    return jinns.data.DataGeneratorObservations(
        key=alone(keys),
        obs_batch_size=(None,) * len(conditions) if len(conditions) > 1 else None,
        observed_pinn_in=alone([jnp.asarray(data.points[name]) for name in conditions]),
        observed_values=alone([jnp.asarray(data.values[name])[:, None] for name in conditions]),
    )


if __name__ == "__main__":
    main(Data.read(Path(sys.argv[1])), Path(sys.argv[2]), float(sys.argv[3]))
