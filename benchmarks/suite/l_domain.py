"""Poisson's equation on an L (DeepXDE's example), with and without functions of its corner.

Second derivatives are infinite in the corner, and those of a network the larger the better it
follows: without the distance as a weight of the equation, least squares prefer it not to.
"""

from __future__ import annotations

import l_reference
import torch
from case import Outcome, solved_forward

import anagram_ext as ax

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


def run(seed: int, *, singular: bool, **options: object) -> Outcome:
    shape = ax.Polygon(VERTICES)
    conditions = {
        "equation": ax.Condition(
            lambda u, x: distance(x) * (u.laplacian() + 1), shape.sobol(1500).redrawn()
        ),
        "boundary": ax.Condition(lambda u, x: u.value, shape.boundary().sobol(360), weight=100),
    }
    problem = ax.Problem(("x", "y"), ("u",), conditions, solution=exact)
    plain = ax.MLP([2, 24, 24, 1])
    model = ax.Model(ax.MLP([2, 20, 20, 4]), outputs=with_corners) if singular else plain
    return solved_forward(problem, model, shape, seed, **{"steps": 200, **options})
