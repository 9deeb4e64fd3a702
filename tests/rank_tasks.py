"""What ranks do in tests; every function gets the process group and returns what can be pickled."""

from __future__ import annotations

import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import torch

import anagram_ext as ax
import conformance
from anagram_ext.linear.group import Group
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.shares import Shares
from anagram_ext.linear.spread import Spread
from anagram_ext.methods import get as method_of
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.systems.spread_torch import SpreadTorchSystem
from anagram_ext.systems.torch_system import TorchSystem
from anagram_ext.training import directory
from pretend_cuda import pretended_gpu

torch.testing.assert_close(torch.ones(1), torch.ones(1))  # imports much, here and not in each rank

# --- linear algebra


def solved(group, J, r, cuts, cutoff):
    """Least squares with the rows between two cuts on each rank."""
    part = slice(cuts[group.rank()], cuts[group.rank() + 1])
    return ax.lstsq(J[part], r[part], cutoff, group=group)


def jacobian_conforms(group, dense, cuts):
    ranks = Group.of(group)
    own = dense[cuts[ranks.rank] : cuts[ranks.rank + 1]].clone()
    shares, like = Shares.in_order(ranks, len(own)), dense.new_empty(dense.shape[1])
    conformance.check_jacobian(Spread(Stored(own.clone()), shares, like), dense)
    factorisation = Spread(Stored(own), shares, like).factorise()
    x = torch.linspace(-1, 1, dense.shape[1], dtype=dense.dtype)
    pushed = factorisation.push(factorisation.singular_values * factorisation.pull(x))
    return float((pushed - dense @ x).norm() / (dense @ x).norm())


def traffic(group, J, q):
    """Bytes that this rank sends: for a factorisation, for q projections, for q gathers of r."""
    ranks = Group.of(group)
    shares = Shares.in_order(ranks, len(J[ranks.rank :: ranks.size]))
    spread = Spread(Stored(J[ranks.rank :: ranks.size].clone()), shares, J.new_empty(J.shape[1]))
    marks = [ranks.bytes_sent]
    factorisation = spread.factorise()
    marks.append(ranks.bytes_sent)
    factorisation.project(torch.ones(q, len(J), dtype=J.dtype))
    marks.append(ranks.bytes_sent)
    spread.matvec(torch.ones(J.shape[1], dtype=J.dtype))
    marks.append(ranks.bytes_sent)
    sent = [after - before for before, after in pairwise(marks)]
    return sent, len(factorisation.singular_values)


# --- systems


def system_conforms(group, name, memory):
    problem, model = setting(name)
    theta = model.init(0)
    with Group.of(group).watched() as ranks:
        system = PdeSystem(problem, model, 0, memory).spread(ranks)
        conformance.check_system(system, theta)
        alone = PdeSystem(problem, model, 0, memory)
        here, there = system.linearise(theta), alone.linearise(theta)
        torch.testing.assert_close(here.residual, there.residual, rtol=1e-12, atol=1e-14)
        v = torch.linspace(-1, 1, len(theta), dtype=theta.dtype)
        expected = there.jacobian.matvec(v)
        torch.testing.assert_close(here.jacobian.matvec(v), expected, rtol=1e-10, atol=1e-12)
        conformance.check_method(method_of("natural_lm"), system, theta)


# --- training


def strip() -> ax.Box:
    return ax.Box(t=(0, 1), x=(0, 1))


def tiny():
    """Fewer points than ranks in every condition."""
    return ax.Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={
            "ode": ax.Condition(lambda u, x: u.d("x") - u, ax.Interval(x=(0, 1)).grid(3)),
            "start": ax.Condition(lambda u, x: u - 1, torch.zeros(1, 1, dtype=torch.float64)),
        },
        model=ax.MLP([1, 4, 1]),
    )


def redrawn():
    """Points that are drawn anew, some of them by residual."""
    box = strip()
    return ax.Problem(
        coordinates=("t", "x"),
        fields=("u",),
        conditions={
            "heat": ax.Condition(lambda u, x: u.d("t") - 0.25 * u.d("xx"), box.sobol(90).redrawn()),
            "start": ax.Condition(
                lambda u, x: u - torch.sin(torch.pi * x.x), box.face(t=0).sobol(62).adaptive(31)
            ),
            "walls": ax.Condition(lambda u, x: u, box.faces("x").grid(7)),
        },
        model=ax.MLP([2, 8, 1]),
    )


def measured():
    """Values that belong to their points, as data and inside of a residual; two components."""
    points = torch.linspace(0, 1, 11, dtype=torch.float64)[:, None]
    values = torch.exp(points[:, 0])
    return ax.Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={
            "ode": ax.Condition(
                lambda u, x: (u.d("x") - u, 0.1 * (u.d("xx") - u)), ax.Interval(x=(0, 1)).grid(17)
            ),
            "data": ax.Data(points, values, sigma=0.5),
            "own": ax.Condition(lambda u, x: u - values, points),
            "mean": ax.Integral(
                lambda u, x: u, ax.Interval(x=(0, 1)).quadrature(8), equals=float(values[-1]) - 1
            ),
        },
        model=ax.MLP([1, 6, 1]),
    )


def undivided():
    """A residual that takes all of its points or none, and does not look as if it held data."""
    zeros = torch.zeros(11, dtype=torch.float64)
    points = ax.Interval(x=(0, 1)).grid(11)
    return ax.Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={"ode": ax.Condition(lambda u, x: u.d("x") - u - 1 + zeros, points)},
        model=ax.MLP([1, 6, 1]),
    )


def exact():
    """Insulated ends, the mean of u met to rounding errors after the last step."""
    line = ax.Box(x=(0, 1))
    return ax.Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={
            "ode": ax.Condition(lambda u, x: u.d("xx") + torch.cos(torch.pi * x.x), line.grid(17)),
            "ends": ax.Condition(lambda u, x: u.d("x"), line.faces("x").grid(1)),
            "mean": ax.Integral(lambda u, x: u, line.quadrature(16), equals=0.5, exact=True),
        },
        model=ax.MLP([1, 8, 1]),
    )


def setting(name):
    """Problem and network by name."""
    own = {"tiny": tiny, "redrawn": redrawn, "measured": measured, "undivided": undivided}
    own["exact"] = exact
    if name in own:
        problem = own[name]()
        return problem, problem.model
    problem = getattr(ax.problems, name)()
    return problem, ax.MLP({"burgers": [2, 10, 10, 1], "heat": [2, 10, 1]}.get(name, [2, 8, 1]))


def trained(group, name, **arguments):
    """Iterates, losses and the result of a run; ``group`` None: of one process."""
    problem, model = setting(name)
    iterates = []
    run = ax.train(
        problem,
        model,
        progress=False,
        group=group,
        callbacks=[lambda run: iterates.append(run.theta)],
        **arguments,
    )
    return {
        "iterates": torch.stack(iterates) if iterates else None,
        "losses": torch.tensor(run.history["loss"]),
        "theta": run.theta,
        "steps": run.steps,
        "stop": run.stop_reason,
        "l2": run.l2_error,
        "verdict": run.verdict,
        "relative": run.facts.relative,
    }


def exchanged(group, J, cuts):
    """Bytes that this rank sends and receives for a factorisation, and the rank of J it finds."""
    ranks = Group.of(group)
    own = J[cuts[ranks.rank] : cuts[ranks.rank + 1]].clone()
    spread = Spread(Stored(own), Shares.in_order(ranks, len(own)), J.new_empty(J.shape[1]))
    sent, received = ranks.bytes_sent, ranks.bytes_received
    k = len(spread.factorise().singular_values)
    return ranks.bytes_sent - sent, ranks.bytes_received - received, k


def traffic_of_steps(group, steps, widths=(2, 8, 1), **arguments):
    """Bytes that this rank sends in each step, and how many residuals a step asks for."""
    ranks = Group.of(group)
    problem, model = ax.problems.laplace_2d(n=30), ax.MLP(list(widths))
    sent, directions = [], []
    factorise = Spread.factorise

    def counted(self, **named):
        found = factorise(self, **named)
        directions.append(len(found.singular_values))
        return found

    Spread.factorise = counted
    run = ax.train(
        problem,
        model,
        steps=steps,
        progress=False,
        group=group,
        callbacks=[lambda run: sent.append(ranks.bytes_sent)],
        **arguments,
    )
    return {
        "sent": [after - before for before, after in pairwise(sent)],
        "evaluations": [int(b - a) for a, b in pairwise(run.history["evaluations"])][1:],
        "S": int(run.history["rows"][-1]),
        "P": len(run.theta),
        "directions": directions[1:],  # one factorisation a step
    }


def trained_on_gpus(group, name, **arguments):
    """Each rank on a GPU of its own of one machine; pretended ones."""
    with pretended_gpu(index=group.rank()):
        found = trained(group, name, device=f"cuda:{group.rank()}", **arguments)
        devices = {str(found[key].device) for key in ("iterates", "theta")}
        plain = {key: found[key].cpu() for key in ("iterates", "theta")}
    return found | plain | {"devices": devices}


def stepped(group, name, memory="auto", other=None):
    """One step; rank ``other`` starts elsewhere."""
    problem, model = setting(name)
    theta = model.init(1 if group is not None and group.rank() == other else 0)
    return ax.step(problem, model, theta, memory=memory, group=group)


def trained_in(group, folder, name, **arguments):
    """A run with files, and which of them this rank can see afterwards."""
    # Only rank 0 gets a folder that exists: the others must not touch theirs.
    out = Path(folder) / ("run" if group is None or group.rank() == 0 else "nobody")
    done = trained(group, name, out=out, **arguments)
    return done | {"exists": out.exists()}


def with_fault(group, fault, rank, at=3):
    """A run in which one rank goes wrong behind a step."""
    # A test run in the background of a shell inherits an ignored SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    problem, model = setting("heat")

    def callback(run):
        if run.steps == at and group.rank() == rank:
            FAULTS[fault]()

    begin = time.monotonic()
    try:
        run = ax.train(problem, model, steps=6, progress=False, group=group, callbacks=[callback])
    except ax.RankError as error:
        return {"ranks": error.ranks, "text": str(error), "seconds": time.monotonic() - begin}
    return {"stop": run.stop_reason, "steps": run.steps}


def killed_in(group, folder, name, rank, at, **arguments):
    """A run with a checkpoint behind every step, one rank of which is killed behind a step."""
    directory.CHECKPOINT_SECONDS = 0.0  # of this process alone

    def callback(run):
        if run.steps == at and group.rank() == rank:
            FAULTS["killed"]()

    problem, model = setting(name)
    out = Path(folder) / ("run" if not group.rank() else "nobody")
    options = {"out": out, "progress": False, "group": group, "callbacks": [callback]}
    ax.train(problem, model, **options, **arguments)


def fail():
    raise ValueError("the disk is full")


FAULTS = {
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "hangs": lambda: time.sleep(1000),
    "fails": fail,
    "ctrl-c": lambda: signal.raise_signal(signal.SIGINT),
}


def different_start(group, rank):
    """A run that begins elsewhere on one rank."""
    problem, model = setting("heat")
    theta = model.init(1 if group.rank() == rank else 0)
    ax.train(problem, model, theta=theta, steps=1, progress=False, group=group)


def not_finite(group):
    """A residual that is NaN at one point, which one rank has."""
    problem = ax.Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={
            "ode": ax.Condition(
                lambda u, x: u.d("x") - torch.where(x.x > 0.99, torch.nan, 1.0) * u,
                torch.linspace(0, 1, 9, dtype=torch.float64)[:, None],
            )
        },
    )
    model = ax.MLP([1, 4, 1])
    ax.step(problem, model, model.init(0), group=group)


# --- least squares of modules, windows of time


class Decay(torch.nn.Module):
    """a exp(-k t) + c."""

    def __init__(self, a=1.0):
        super().__init__()
        self.v = torch.nn.Parameter(torch.tensor([a, 0.2, 0.0], dtype=torch.float64))

    def forward(self, t):
        return self.v[0] * torch.exp(-self.v[1] * t) + self.v[2]


def measurements():
    t = torch.linspace(0, 5, 23, dtype=torch.float64)
    return t, 2.5 * torch.exp(-1.3 * t) + 0.5 + 0.05 * torch.sin(40 * t)


def fitted(group, cuts, other=None, **arguments):
    """A curve fit whose data lie between two cuts on each rank; rank ``other`` starts elsewhere."""
    t, data = measurements()
    rank = 0 if group is None else group.rank()
    own = slice(cuts[rank], cuts[rank + 1])
    module = Decay(3.0 if rank == other else 1.0)
    fit = ax.least_squares(
        lambda net: net(t[own]) - data[own], module, progress=False, group=group, **arguments
    )
    return {  # all of it known to this rank alone, without the others
        "theta": fit.theta,
        "module": module.v.detach(),
        "loss": fit.loss,
        "std": fit.std["v"],
        "covariance": fit.covariance(),
        "residual": fit.residual,
        "verdict": fit.verdict,
        "steps": fit.steps,
        "stop": fit.stop_reason,
        "seconds": fit.seconds,
    }


def fitted_until(group, rank, calls):
    """A fit whose residual fails on one rank after so many calls."""
    t, data = measurements()
    left = calls

    def residual(net):
        nonlocal left
        left -= 1
        if left < 0 and group.rank() == rank:
            raise ValueError("the sensor is broken")
        return net(t) - data

    ax.least_squares(residual, Decay(), progress=False, group=group)


def torch_system_conforms(group, memory):
    t, data = measurements()
    own = slice(group.rank(), None, group.size())
    with Group.of(group).watched() as ranks:
        mine = TorchSystem(lambda net: net(t[own]) - data[own], Decay(), memory)
        system = SpreadTorchSystem(mine, ranks)
        conformance.check_system(system, mine.flat.theta() + 0.1)
        conformance.check_method(method_of("natural_lm"), system, mine.flat.theta())


def marched(group, folder=None, **arguments):
    """The heat equation in windows."""
    march = ax.march(
        ax.problems.heat(n=8),
        ax.MLP([2, 8, 1]),
        progress=False,
        group=group,
        out=None if folder is None else Path(folder) / ("run" if not group.rank() else "nobody"),
        **arguments,
    )
    return {
        "thetas": torch.stack([run.theta for run in march.runs]),
        "times": list(march.times),
        "verdict": march.verdict,
        "l2": march.l2_error,
        "steps": [run.steps for run in march.runs],
    }
