"""Biharmonic equation: a simply supported square plate, order 4."""

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
    """The deflection sin(pi x) sin(pi y), [n]."""
    return torch.sin(pi * x.x) * torch.sin(pi * x.y)


def biharmonic() -> Problem:
    """Laplacian^2 u = 4 pi^4 u* on [0, 1]^2, u = Laplacian u = 0 on the boundary; net 2-32-1."""
    plate = Box(x=(0, 1), y=(0, 1))
    inside, around = plate.chebyshev(28, 28)(0), plate.faces().chebyshev(29)(0)
    return Problem(
        coordinates=("x", "y"),
        fields=("u",),
        conditions={
            "interior": Condition(lambda u, x: u.biharmonic() - 4 * pi**4 * exact(x), inside),
            "boundary": Condition(lambda u, x: (u, u.laplacian()), around),
        },
        solution=exact,
        name="biharmonic",
        model=MLP([2, 32, 1]),
    )
