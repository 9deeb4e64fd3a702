"""Helmholtz equation on a square, with four half-waves in y."""

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
    """The manufactured solution sin(pi x) sin(4 pi y), [n]."""
    return torch.sin(pi * x.x) * torch.sin(4 * pi * x.y)


def helmholtz_2d() -> Problem:
    """Laplacian u + u = (1 - 17 pi^2) sin(pi x) sin(4 pi y) on [-1, 1]^2, u = 0 on the boundary.

    The benchmark of Wang, Teng & Perdikaris (SIAM J. Sci. Comput. 43, 2021); network 2-32-32-1.
    """
    square = Box(x=(-1, 1), y=(-1, 1))
    return Problem(
        coordinates=("x", "y"),
        fields=("u",),
        conditions={
            "interior": Condition(
                lambda u, x: u.laplacian() + u - (1 - 17 * pi**2) * exact(x),
                square.chebyshev(28, 56)(0),
            ),
            "boundary": Condition(lambda u, x: u, square.faces().chebyshev(57)(0)),
        },
        solution=exact,
        name="helmholtz_2d",
        model=MLP([2, 32, 32, 1]),
    )
