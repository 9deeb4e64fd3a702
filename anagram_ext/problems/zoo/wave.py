"""Wave equation in one space dimension."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING

import torch

from anagram_ext.geometry.box import Box
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.problem import Problem

if TYPE_CHECKING:
    from anagram_ext.pde.coordinates import Coordinates


def exact(x: Coordinates) -> torch.Tensor:
    """The standing wave cos(2 pi t) sin(pi x), [n]."""
    return torch.cos(2 * pi * x.t) * torch.sin(pi * x.x)


def wave() -> Problem:
    """u_tt = 4 u_xx on [0, 1]^2, u = sin(pi x), u_t = 0 at t = 0, u = 0 at the walls; 2-64-1.

    Rows are shared out by how many effective parameters each condition claims, 36, 16 and 20 of
    them: waves are determined by what they begin with and by the walls.
    """
    square = Box(t=(0, 1), x=(0, 1))
    inside = square.chebyshev(22, 22)(0)
    start, walls = square.face(t=0).chebyshev(104)(0), square.faces("x").chebyshev(104)(0)
    return Problem(
        coordinates=("t", "x"),
        fields=("u",),
        conditions={
            "interior": Condition(lambda u, x: u.d("tt") - 4 * u.d("xx"), inside),
            "initial": Condition(lambda u, x: (u - torch.sin(pi * x.x), u.d("t")), start),
            "walls": Condition(lambda u, x: u, walls),
        },
        solution=exact,
        name="wave",
        model=MLP([2, 64, 1]),
    )
