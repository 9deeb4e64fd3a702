"""Poisson equation on the five-dimensional unit cube, at random points."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

import torch

from anagram_ext.geometry.box import Box
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.problem import Problem
from anagram_ext.problems.published import precision_cutoff, published_settings

if TYPE_CHECKING:
    from anagram_ext.pde.coordinates import Coordinates

NAMES = ("x1", "x2", "x3", "x4", "x5")


def exact(x: Coordinates) -> torch.Tensor:
    """The solution, the sum of sin(pi x_i), [n]."""
    return torch.stack([torch.sin(pi * x[name]) for name in NAMES]).sum(dim=0)


def laplace_5d(n: int = 4000) -> Problem:
    """Laplacian u = -pi^2 u* on [0, 1]^5, u = u* = sum_i sin(pi x_i) on the boundary.

    Args:
        n: Number of uniformly random interior points; n // 8 more lie on the boundary.

    Returns:
        The problem with its published network 5-64-1.
    """
    cube = Box(**dict.fromkeys(NAMES, (0, 1)))
    model = MLP([5, 64, 1])
    return Problem(
        coordinates=NAMES,
        fields=("u",),
        conditions={
            "interior": Condition(lambda u, x: u.laplacian() + pi**2 * exact(x), cube.uniform(n)),
            "boundary": Condition(lambda u, x: u - exact(x), cube.faces().uniform(n // 8)),
        },
        solution=exact,
        name="laplace_5d",
        model=model,
        settings=published_settings(precision_cutoff(model.n_parameters), steps=1001),
    )
