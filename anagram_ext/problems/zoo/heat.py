"""Heat equation in one space dimension."""

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
    """The solution exp(-pi^2 t / 4) sin(pi x), [n]."""
    return torch.exp(-(pi**2) * x.t / 4) * torch.sin(pi * x.x)


def heat(n: int = 28, *, published: bool = False) -> Problem:
    """u_t = u_xx / 4 on [0, 1]^2, u = 0 at x = 0 and 1, u(0, x) = sin(pi x).

    Args:
        n: Interior points an axis; the initial line and each wall have n + 1.
        published: whether these are the grid of the paper; by default there is one in every cell
            of a grid that is finer towards the sides: the residual is then as small between the
            points as at them.

    Returns:
        The problem with its published network 2-64-1.
    """
    check_switches(published=published)
    square = Box(t=(0, 1), x=(0, 1))
    inside = square.grid(n, n) if published else square.chebyshev(n, n)(0)
    return Problem(
        coordinates=("t", "x"),
        fields=("u",),
        conditions={
            "interior": Condition(lambda u, x: u.d("t") - 0.25 * u.d("xx"), inside),
            "initial": Condition(
                lambda u, x: u - torch.sin(pi * x.x), square.face(t=0).grid(n + 1)
            ),
            "walls": Condition(lambda u, x: u, square.faces("x").grid(n + 1)),
        },
        solution=exact,
        name="heat",
        model=MLP([2, 64, 1]),
        settings=published_settings(Cutoff(1e-5, relative=False), steps=2001),
    )
