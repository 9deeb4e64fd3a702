"""Stokes flow past a cylinder in a pipe, with a stream function and a pressure."""

from __future__ import annotations

import pipe
import stokes_reference
import torch
from case import Case, Outcome, fresh, outcome, relative

import anagram_ext as ax


def flow(u: ax.Field, v: ax.Field, p: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    return p.d("x") - u.laplacian(), p.d("y") - v.laplacian()


def outflow(u: ax.Field, v: ax.Field, p: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """Nothing is done to the fluid."""
    return u.d("x") - p, v.d("x")


def run(seed: int, **options: object) -> Outcome:
    conditions = {**pipe.equations(flow), **pipe.walls(), "outflow": pipe.leaving(outflow)}
    problem = ax.Problem(("x", "y"), ("u", "v", "p"), conditions)
    result = ax.train(
        problem, pipe.model(28), seed=seed, **{"steps": 100, "progress": False, **options}
    )
    points = fresh(pipe.shape())
    exact = torch.from_numpy(stokes_reference.velocity(points.numpy()))
    found = result.model(result.theta, points)[:, :2]
    speeds = torch.linalg.vector_norm(found, dim=1), torch.linalg.vector_norm(exact, dim=1)
    parts = {name: relative(found[:, k], exact[:, k]) for k, name in enumerate("uv")}
    return outcome([result], relative(*speeds), **parts)


CASE = Case(
    "jaxpi, stokes_cylinder (arXiv 2308.08468)",
    "8.0e-5 jaxpi",
    5e-5,
    run,
    "relative L2 of the speed",
)
