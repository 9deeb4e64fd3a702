"""Gray and Scott's reaction on a torus (jaxpi's constants), in windows of time.

Only until t = 0.1 of jaxpi's 2: a ring that eats its way outwards.

Windows, rows and steps were chosen by losses, verdicts and estimated errors of the windows; the
errors were printed beside them. Seven windows from [0, 0.004] on, 4000 rows and 25 steps ended at
2.2e-2: the network saw bare times, and the loss of the continuity was up to 80 times as large on
unseen points as on its own 400. With [-1, 1] for the time of each window the losses of the first
three fell from 1.1e-4, 6.9e-6 and 7.5e-6 to 8.8e-6, 1.7e-6 and 5e-7, and the verdict was that they
were still falling. First windows of about the time of the reaction, 900 points of the first values
and 40 steps end at losses of 7e-7 and less, on unseen points at most four times that
(seed 0).

What is left is handed on. A window adds 1e-4 to 2e-4 by its own estimate, most of them for want
of points, and the error of v grows from 3e-4 in the second window to 2e-3 in the last one. It
doubles in about 0.05: until t = 0.2 the early windows would have to be several times better. More
rows and a larger network were not tried.
"""

from __future__ import annotations

import gray_scott_reference as reference
import torch
from case import Case, Outcome, fresh, of_march, relative

import anagram_ext as ax

ENDS = (0, 0.0015, 0.004, 0.008, 0.014, 0.022, 0.032, 0.044, 0.058, 0.072, 0.086, reference.END)


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
        "start": ax.Condition(start, block.face(t=0).sobol(900), weight=100),
    }
    problem = ax.Problem(("t", "x", "y"), ("u", "v"), conditions)
    inputs = ax.periodic(x=2.0, y=2.0, harmonics=2)
    model = ax.Model(ax.MLP([9, 24, 20, 2]), inputs=inputs)
    options = {"steps": 40, "times": ENDS, "progress": False, **options}
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
