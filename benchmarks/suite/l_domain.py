"""Poisson's equation on an L (DeepXDE's example), with and without functions of its corner.

Second derivatives are infinite in the corner, and those of a network the larger the better it
follows: without the distance as a weight of the equation, least squares prefer it not to.
Without those functions the network sees polar coordinates, smooth within ``CORE`` of the corner,
and points are dense there; all that was chosen by the error, among four settings.
"""

from __future__ import annotations

import l_reference
import torch
from case import Outcome, solved_forward

import anagram_ext as ax

CORE = 0.01
SIZES = (0.2, 0.04, 0.008)
VERTICES = ((0, 0), (0, 1), (-1, 1), (-1, -1), (1, -1), (1, 0))


def exact(x: ax.Coordinates) -> torch.Tensor:
    points = torch.stack((x.x, x.y), dim=1).detach().numpy()
    return torch.from_numpy(l_reference.solution(points))


def distance(x: ax.Coordinates) -> torch.Tensor:
    return torch.hypot(x.x, x.y)


def logarithmic(right: torch.Tensor, up: torch.Tensor, phi: torch.Tensor) -> torch.Tensor:
    """The imaginary part of z^2 log z, which is harmonic."""
    square = right**2 + up**2
    double = torch.log(square) / 2 * torch.sin(2 * phi) + phi * torch.cos(2 * phi)
    return square * double


def with_corners(*arguments: ax.Field | ax.Coordinates) -> torch.Tensor:
    """A network, one more for each of the first functions r^(2 k/3) sin(2 k/3 phi), and logarithms.

    In every corner walls that u = 0 holds on do not agree with the equation, and how large the
    logarithm is follows from the angle: 1 / pi in a right one, 1 / 3 pi in the reentrant one.
    """
    first, *others, x = arguments
    phi = torch.atan2(x.x - x.y, -x.x - x.y) + 3 / 4 * torch.pi  # no jump in the L
    square = x.x**2 + x.y**2
    for k, field in zip((1, 2, 4), others, strict=True):
        first = first + square ** (k / 3) * torch.sin(2 / 3 * k * phi) * field
    first = first - logarithmic(x.x, x.y, phi) / (3 * torch.pi)
    left, below, right, above = 1 + x.x, 1 + x.y, 1 - x.x, 1 - x.y
    for a, b in ((-x.x, above), (left, above), (left, below), (right, below), (right, -x.y)):
        first = first - logarithmic(a, b, torch.atan2(b, a)) / torch.pi
    return first


def polar(x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """Features: the coordinates, the direction from the corner, and the logarithm of the distance.

    They know where the corner is, but not the exponent of what happens there.
    """
    square = x.x**2 + x.y**2 + CORE**2
    length = torch.sqrt(square)
    return x.x, x.y, x.x / length, x.y / length, torch.log(square) / 4


def equation(u: ax.Field, x: ax.Coordinates) -> torch.Tensor:
    return distance(x) * (u.laplacian() + 1)


def at_zero(u: ax.Field, _: ax.Coordinates) -> torch.Tensor:
    return u.value


def near_corner() -> dict[str, ax.Condition]:
    """The equation on smaller and smaller L, and the walls within them."""
    conditions = {}
    for size in SIZES:
        small = ax.Polygon([(size * a, size * b) for a, b in VERTICES])
        walls = ax.Polygon(VERTICES).boundary(lambda x, size=size: distance(x) < size)
        conditions[f"equation within {size}"] = ax.Condition(equation, small.sobol(250).redrawn())
        conditions[f"walls within {size}"] = ax.Condition(
            at_zero, walls.sobol(40).redrawn(), weight=100
        )
    return conditions


def run(seed: int, *, singular: bool, **options: object) -> Outcome:
    shape = ax.Polygon(VERTICES)
    walls = shape.boundary()
    conditions = {
        "equation": ax.Condition(equation, shape.sobol(1500 if singular else 600).redrawn()),
        "boundary": ax.Condition(
            at_zero, walls.sobol(360) if singular else walls.sobol(200).redrawn(), weight=100
        ),
    }
    if not singular:
        conditions |= near_corner()
    problem = ax.Problem(("x", "y"), ("u",), conditions, solution=exact)
    plain = ax.Model(ax.MLP([5, 16, 16, 1]), inputs=polar)
    model = ax.Model(ax.MLP([2, 20, 20, 4]), outputs=with_corners) if singular else plain
    return solved_forward(problem, model, shape, seed, **{"steps": 200, **options})
