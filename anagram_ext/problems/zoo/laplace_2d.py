"""Poisson equation on the unit square (the "2D Laplace" problem of the ANaGRAM paper)."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

import torch

from anagram_ext.checks import check_switches
from anagram_ext.geometry.box import Box
from anagram_ext.linear.cutoff import Cutoff
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.problem import Problem
from anagram_ext.problems.published import published_settings

if TYPE_CHECKING:
    from anagram_ext.pde.coordinates import Coordinates


def exact(x: Coordinates) -> torch.Tensor:
    """The solution sin(pi x) sin(pi y), [n]."""
    return torch.sin(pi * x.x) * torch.sin(pi * x.y)


def laplace_2d(n: int = 28, *, published: bool = False) -> Problem:
    """Laplacian u = -2 pi^2 sin(pi x) sin(pi y) on [0, 1]^2, u = 0 on the boundary.

    Args:
        n: Interior points an axis; each side of the square has n + 1.
        published: whether these are the grid of the paper; by default there is one in every cell
            of a grid that is finer towards the sides: the residual is then as small between the
            points as at them.

    Returns:
        The problem with its published network 2-32-1.
    """
    check_switches(published=published)
    square = Box(x=(0, 1), y=(0, 1))
    inside = square.grid(n, n) if published else square.chebyshev(n, n)(0)
    return Problem(
        coordinates=("x", "y"),
        fields=("u",),
        conditions={
            "interior": Condition(lambda u, x: u.laplacian() + 2 * pi**2 * exact(x), inside),
            "boundary": Condition(lambda u, x: u, square.faces().grid(n + 1)),
        },
        solution=exact,
        name="laplace_2d",
        model=MLP([2, 32, 1]),
        settings=published_settings(Cutoff(1e-6, relative=False), steps=2001),
    )
