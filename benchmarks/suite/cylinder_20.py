"""Drag, lift and pressure difference of a cylinder in a pipe at Re = 20 (DFG 2D-1)."""

from __future__ import annotations

import pipe
import torch
from case import Case, Outcome, outcome

import anagram_ext as ax

# FeatFlow's numbers for the benchmark of Schaefer and Turek (1996), by high order elements.
TRUTH = {"drag": 5.57953523384, "lift": 0.010618948146, "pressure": 0.11752016697}


def flow(u: ax.Field, v: ax.Field, p: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    return (
        u * u.d("x") + v * u.d("y") + p.d("x") - u.laplacian() / pipe.RE,
        u * v.d("x") + v * v.d("y") + p.d("y") - v.laplacian() / pipe.RE,
    )


def outflow(u: ax.Field, v: ax.Field, p: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """Nothing is done to the fluid."""
    return u.d("x") / pipe.RE - p, v.d("x")


def found(run: ax.TrainResult) -> dict[str, float]:
    """Coefficients of drag and lift by the stress on the cylinder; the pressure, in pascal."""
    ring = pipe.shape().boundary("cylinder").quadrature(200)
    out = ring.normals  # into the cylinder
    jets = run.model.jet(run.theta, ring, ("", "x", "y"))
    p, by_x, by_y = jets[""][:, 2], jets["x"][:, :2], jets["y"][:, :2]
    along = by_x * out[:, :1] + by_y * out[:, 1:]  # the derivatives of u and v along the normal
    tangential = out[:, 1] * along[:, 0] - out[:, 0] * along[:, 1]
    turned = torch.stack((out[:, 1], -out[:, 0]), dim=1)
    stress = tangential[:, None] * turned / pipe.RE - p[:, None] * out
    force = -(ring.weights[:, None] * stress).sum(dim=0)
    ends = torch.tensor(
        [[pipe.AT - pipe.RADIUS, pipe.AT], [pipe.AT + pipe.RADIUS, pipe.AT]], dtype=torch.float64
    )
    front, back = run.model(run.theta, ends)[:, 2]
    return {
        "drag": 2 * float(force[0]),
        "lift": 2 * float(force[1]),
        "pressure": 0.04 * float(front - back),
    }


def run(seed: int, **options: object) -> Outcome:
    conditions = {**pipe.equations(flow), **pipe.walls(), "outflow": pipe.leaving(outflow)}
    problem = ax.Problem(("x", "y"), ("u", "v", "p"), conditions)
    result = ax.train(
        problem, pipe.model(28), seed=seed, **{"steps": 100, "progress": False, **options}
    )
    numbers = found(result)
    errors = {name: abs(numbers[name] / truth - 1) for name, truth in TRUTH.items()}
    notes = numbers | {f"error of {name}": error for name, error in errors.items()}
    return outcome([result], max(errors["drag"], errors["pressure"]), **notes)


CASE = Case(
    "Schaefer and Turek 1996 (DFG 2D-1); jaxpi",
    "no number (CFD: 5.57953523384)",
    1e-3,
    run,
    "relative error of drag and pressure difference, the larger",
)
