"""Poisson equation on an interval."""

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
    """The solution sin(pi x), [n]."""
    return torch.sin(pi * x.x)


def poisson_1d() -> Problem:
    """-u'' = pi^2 sin(pi x) on [0, 1], u = 0 at both ends; network 1-32-1."""
    interval = Box(x=(0, 1))
    return Problem(
        coordinates=("x",),
        fields=("u",),
        conditions={
            "interior": Condition(lambda u, x: u.d("xx") + pi**2 * exact(x), interval.grid(100)),
            "ends": Condition(lambda u, x: u, interval.faces().grid(1)),
        },
        solution=exact,
        name="poisson_1d",
        model=MLP([1, 32, 1]),
    )
