"""The same Poisson problem in DeepXDE, PINA, jinns, Scimba and here: error against seconds.

    python benchmarks/other_libraries.py --out benchmarks/results [NAME ...]

-(u_xx + u_yy) = 2 pi^2 sin(pi x) sin(pi y) on the unit square, u = 0 on its boundary; 2-32-1 with
tanh, float64, 400 points inside and 80 on the boundary, one thread. Each library is used as its
documentation shows, with the best optimiser that it has for that, each in a process of its own,
until a number of seconds of the processor is used up: these do not depend on what else runs. They
are installed by ``pip install deepxde pina-mathlab jinns scimba``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib.metadata import version
from pathlib import Path

import numpy as np

N, N_SIDE, WIDTH, SECONDS = 20, 20, 32, 30.0
PACKAGES = {
    "DeepXDE": "deepxde",
    "PINA": "pina-mathlab",
    "jinns": "jinns",
    "Scimba": "scimba",
    "anagram_ext": "anagram_ext",
}


class Budget:
    """Processor seconds since the training began."""

    def __init__(self, seconds: float) -> None:
        self._start, self._seconds = time.process_time(), seconds

    @property
    def spent(self) -> float:
        """Seconds so far."""
        return time.process_time() - self._start

    def over(self, share: float = 1.0) -> bool:
        """Whether that share of the seconds is used up."""
        return self.spent > share * self._seconds


def error(predict: Callable[[np.ndarray], np.ndarray]) -> float:
    """The relative L2 error on 100 x 100 points."""
    ticks = np.linspace(0, 1, 100)
    points = np.stack(np.meshgrid(ticks, ticks, indexing="ij"), axis=-1).reshape(-1, 2)
    exact = np.sin(np.pi * points[:, 0]) * np.sin(np.pi * points[:, 1])
    return float(np.linalg.norm(predict(points).reshape(-1) - exact) / np.linalg.norm(exact))


def deepxde(seconds: float) -> tuple[str, float, float]:
    """Adam, then L-BFGS, half of the time each."""
    os.environ["DDE_BACKEND"] = "pytorch"
    import deepxde as dde
    import torch

    dde.config.set_default_float("float64")
    dde.config.set_random_seed(0)

    def residual(x, u):
        laplacian = dde.grad.hessian(u, x, i=0, j=0) + dde.grad.hessian(u, x, i=1, j=1)
        return -laplacian - 2 * math.pi**2 * torch.sin(math.pi * x[:, :1]) * torch.sin(
            math.pi * x[:, 1:]
        )

    square = dde.geometry.Rectangle([0, 0], [1, 1])
    walls = dde.icbc.DirichletBC(square, lambda x: 0, lambda _, on_boundary: on_boundary)
    data = dde.data.PDE(square, residual, walls, num_domain=N * N, num_boundary=4 * N_SIDE)
    model = dde.Model(data, dde.nn.FNN([2, WIDTH, 1], "tanh", "Glorot normal"))
    budget = Budget(seconds)

    class Stop(dde.callbacks.Callback):
        def __init__(self, share):
            super().__init__()
            self.share = share

        def on_epoch_end(self):
            self.model.stop_training = self.model.stop_training or budget.over(self.share)

    model.compile("adam", lr=1e-3)
    model.train(iterations=10**7, display_every=10**6, callbacks=[Stop(0.5)], verbose=0)
    dde.optimizers.set_LBFGS_options(maxiter=10**6)
    model.compile("L-BFGS")
    model.train(display_every=10**6, callbacks=[Stop(1.0)], verbose=0)
    return "Adam, L-BFGS", budget.spent, error(model.predict)


def pina(seconds: float) -> tuple[str, float, float]:
    """Adam, then L-BFGS, half of the time each."""
    import lightning
    import torch
    from pina import Condition, LabelTensor, Trainer
    from pina.domain import CartesianDomain
    from pina.equation import Equation, FixedValue
    from pina.model import FeedForward
    from pina.operator import laplacian
    from pina.optim import TorchOptimizer
    from pina.problem import SpatialProblem
    from pina.solver import PINN

    torch.set_default_dtype(torch.float64)
    lightning.seed_everything(0, verbose=False)

    def poisson(x, u):
        source = torch.sin(math.pi * x.extract(["x"])) * torch.sin(math.pi * x.extract(["y"]))
        return laplacian(u, x, components=["u"], d=["x", "y"]) + 2 * math.pi**2 * source

    sides = {"left": {"x": 0.0}, "right": {"x": 1.0}, "low": {"y": 0.0}, "high": {"y": 1.0}}
    whole = {"x": [0, 1], "y": [0, 1]}

    class Poisson(SpatialProblem):
        output_variables = ["u"]  # noqa: RUF012 -- it has to be a list
        spatial_domain = CartesianDomain(whole)
        domains = {"inside": CartesianDomain(whole)} | {
            name: CartesianDomain(whole | at) for name, at in sides.items()
        }
        conditions = {"inside": Condition(domain="inside", equation=Equation(poisson))} | {
            name: Condition(domain=name, equation=FixedValue(0.0)) for name in sides
        }

    problem = Poisson()
    problem.discretise_domain(n=N, mode="grid", domains=["inside"])
    problem.discretise_domain(n=N_SIDE, mode="grid", domains=[*sides])
    model = FeedForward(2, 1, layers=[WIDTH], func=torch.nn.Tanh)
    budget = Budget(seconds)

    class Stop(lightning.pytorch.callbacks.Callback):
        def __init__(self, share):
            self.share = share

        def on_train_epoch_end(self, trainer, _):
            trainer.should_stop = budget.over(self.share)

    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    for share, optimizer in (
        (0.5, TorchOptimizer(torch.optim.Adam, lr=1e-3)),
        (1.0, TorchOptimizer(torch.optim.LBFGS, line_search_fn="strong_wolfe")),
    ):
        solver = PINN(problem, model, optimizer=optimizer)
        Trainer(
            solver, max_epochs=10**7, accelerator="cpu", callbacks=[Stop(share)], **quiet
        ).train()

    def predict(points):
        with torch.no_grad():
            return model(LabelTensor(torch.from_numpy(points), ["x", "y"])).detach().numpy()

    return "Adam, L-BFGS", budget.spent, error(predict)


def jinns(seconds: float) -> tuple[str, float, float]:
    """Its natural gradient, until the seconds are over."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import equinox as eqx
    import jax.numpy as jnp
    from jinns import solve
    from jinns.data import CubicMeshPDEStatio
    from jinns.loss import Dirichlet, LossPDEStatio, LossWeightsPDEStatio, PDEStatio, laplacian_rev
    from jinns.nn import PINN_MLP
    from jinns.optimizers import vanilla_ngd
    from jinns.parameters import Params

    class Poisson(PDEStatio):
        def equation(self, x, u, params):
            source = 2 * jnp.pi**2 * jnp.sin(jnp.pi * x[0]) * jnp.sin(jnp.pi * x[1])
            return jnp.atleast_1d(laplacian_rev(x, u, params) + source)

    layers = ((eqx.nn.Linear, 2, WIDTH), (jnp.tanh,), (eqx.nn.Linear, WIDTH, 1))
    key = jax.random.PRNGKey(0)
    network, start = PINN_MLP.create(key=key, eqx_list=layers, eq_type="PDEStatio")
    params = Params(nn_params=start, eq_params={})
    data = CubicMeshPDEStatio(
        key=key,
        n=N * N,
        nb=4 * N_SIDE,
        dim=2,
        min_pts=(0.0, 0.0),
        max_pts=(1.0, 1.0),
        method="grid",
    )
    loss = LossPDEStatio(
        u=network,
        dynamic_loss=Poisson(),
        boundary_condition=Dirichlet(),
        loss_weights=LossWeightsPDEStatio(dyn_loss=1.0, boundary_loss=1.0),
        params=params,
    )
    budget, state = Budget(seconds), None
    while not budget.over():
        params, _, _, data, loss, state, *_ = solve(
            n_iter=200,
            init_params=params,
            data=data,
            loss=loss,
            optimizer=vanilla_ngd(gram_reg=1e-5),
            opt_state=state,
            verbose=False,
        )
    values = jax.vmap(lambda x: network(x, params))
    return "natural gradient", budget.spent, error(lambda points: np.asarray(values(points)))


def scimba(seconds: float) -> tuple[str, float, float]:
    """Its natural gradient with its default, ENGD; its ANaGRAM did not leave the start here."""
    import torch

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    from scimba_torch.approximation_space.nn_space import NNxSpace
    from scimba_torch.domain.meshless_domain.domain_2d import Square2D
    from scimba_torch.integration.monte_carlo import DomainSampler, TensorizedSampler
    from scimba_torch.integration.monte_carlo_parameters import UniformParametricSampler
    from scimba_torch.neural_nets.coordinates_based_nets.mlp import GenericMLP
    from scimba_torch.numerical_solvers.elliptic_pde.pinns import NaturalGradientPinnsElliptic
    from scimba_torch.physical_models.elliptic_pde.laplacians import Laplacian2DDirichletStrongForm
    from scimba_torch.utils.scimba_tensors import LabelTensor

    def source(x, _):
        a, b = x.get_components()
        return 2 * math.pi**2 * torch.sin(math.pi * a) * torch.sin(math.pi * b)

    square = Square2D([(0.0, 1.0), (0.0, 1.0)], is_main_domain=True)
    sampler = TensorizedSampler(
        [DomainSampler(square), UniformParametricSampler([(1.0, 1.0 + 1e-12)])]
    )
    space = NNxSpace(1, 1, GenericMLP, square, sampler, layer_sizes=[WIDTH], activation_type="tanh")
    solver = NaturalGradientPinnsElliptic(
        Laplacian2DDirichletStrongForm(space, f=source), bc_type="weak"
    )
    budget = Budget(seconds)
    while not budget.over():
        solver.solve(epochs=50, n_collocation=N * N, n_bc_collocation=4 * N_SIDE, silent=True)

    def predict(points):
        at = LabelTensor(torch.from_numpy(points))
        values = space.evaluate(at, LabelTensor(torch.ones(len(points), 1)))
        return values.get_components().detach().numpy()

    return "energy natural gradient", budget.spent, error(predict)


def here(seconds: float) -> tuple[str, float, float]:
    """This package with its default settings; it may end before the seconds are over."""
    import torch

    import anagram_ext as ax

    square = ax.Box(x=(0, 1), y=(0, 1))

    def poisson(u, x):
        source = 2 * math.pi**2 * torch.sin(math.pi * x.x) * torch.sin(math.pi * x.y)
        return u.laplacian() + source

    problem = ax.Problem(
        ("x", "y"),
        ("u",),
        {
            "inside": ax.Condition(poisson, square.stratified(N)),
            "boundary": ax.Condition(lambda u, x: u, square.faces().grid(N_SIDE)),
        },
    )
    budget = Budget(seconds)
    stop = lambda run: "time" if budget.over() else None
    run = ax.train(problem, ax.MLP([2, WIDTH, 1]), callbacks=[stop], progress=False)
    spent = budget.spent
    return run.method, spent, error(lambda p: run.model(run.theta, torch.from_numpy(p)).numpy())


CONTESTANTS = {
    "DeepXDE": deepxde,
    "PINA": pina,
    "jinns": jinns,
    "Scimba": scimba,
    "anagram_ext": here,
}


def in_its_own_process(name: str, seconds: float) -> dict[str, object]:
    """One contestant on one thread; its numbers, or why there are none."""
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    threads["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    command = [sys.executable, __file__, "--one", name, "--seconds", str(seconds)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | threads
    )
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1]}
    entry: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return entry


def machine() -> str:
    """Processor and versions, in words."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")
    return f"one thread of an {name}, Python {platform.python_version()}, torch {version('torch')}"


def table(entries: dict[str, dict[str, object]]) -> str:
    """The results in Markdown."""
    lines = ["| library | optimiser | processor seconds | relative L2 error |", "|---|---|---|---|"]
    for name, entry in entries.items():
        if "failed" in entry:
            lines.append(f"| {name} | failed: {entry['failed']} | | |")
        else:
            lines.append(
                f"| {name} {entry['version']} | {entry['optimiser']} | {entry['seconds']:.1f} | "
                f"{entry['error']:.1e} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Runs the contestants that are named, all by default, and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", default=[*CONTESTANTS], metavar="NAME")
    parser.add_argument("--out", type=Path, help="folder for other_libraries.md and .json")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of the processor, for each")
    parser.add_argument("--one", choices=CONTESTANTS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.one:
        optimiser, seconds, found = CONTESTANTS[chosen.one](chosen.seconds)
        entry = {"optimiser": optimiser, "seconds": seconds, "error": found}
        print(json.dumps(entry | {"version": version(PACKAGES[chosen.one])}))
        return
    entries = {name: in_its_own_process(name, chosen.seconds) for name in chosen.names}
    text = table(entries)
    print(text, end="")
    if chosen.out is not None:
        command = f"`benchmarks/other_libraries.py --seconds {chosen.seconds:g}`"
        made = f"Made on {date.today()} by {command}, {machine()}."
        page = f"# The same problem in five libraries\n\n{text}\n{made}\n"
        (chosen.out / "other_libraries.md").write_text(page)
        (chosen.out / "other_libraries.json").write_text(json.dumps(entries, indent=1) + "\n")


if __name__ == "__main__":
    main()
