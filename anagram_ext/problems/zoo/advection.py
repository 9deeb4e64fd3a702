"""Linear advection: a first-order equation with an inflow boundary."""

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
    """The travelling wave sin(2 pi (x - t)), [n]."""
    return torch.sin(2 * pi * (x.x - x.t))


def advection() -> Problem:
    """u_t + u_x = 0 on [0, 1]^2, u given at t = 0 and at the inflow x = 0; network 2-32-1.

    Rows are shared out by how many effective parameters each condition claims, 28, 12 and 12 of
    them: a wave that travels is determined by where it comes from.
    """
    square = Box(t=(0, 1), x=(0, 1))
    inside = square.chebyshev(21, 21)(0)
    start, inflow = square.face(t=0).chebyshev(200)(0), square.face(x=0).chebyshev(200)(0)
    return Problem(
        coordinates=("t", "x"),
        fields=("u",),
        conditions={
            "interior": Condition(lambda u, x: u.d("t") + u.d("x"), inside),
            "initial": Condition(lambda u, x: u - exact(x), start),
            "inflow": Condition(lambda u, x: u - exact(x), inflow),
        },
        solution=exact,
        name="advection",
        model=MLP([2, 32, 1]),
    )
