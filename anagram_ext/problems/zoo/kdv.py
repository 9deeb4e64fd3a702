"""Korteweg-de Vries equation: one soliton, order 3."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import torch

from anagram_ext.geometry.box import Box
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.problem import Problem

if TYPE_CHECKING:
    from anagram_ext.pde.coordinates import Coordinates

SPEED = 4.0


def phase(x: Coordinates) -> torch.Tensor:
    """Distance from the crest in units of the width, [n]; the crest moves from x = -2 to 2."""
    return sqrt(SPEED) / 2 * (x.x - SPEED * x.t + 2)


def exact(x: Coordinates) -> torch.Tensor:
    """The soliton (c / 2) sech^2(phase) of speed c (Korteweg & de Vries 1895), [n]."""
    return SPEED / 2 / torch.cosh(phase(x)) ** 2


def slope(x: Coordinates) -> torch.Tensor:
    """Its derivative in x, [n]."""
    return -sqrt(SPEED) * exact(x) * torch.tanh(phase(x))


def kdv() -> Problem:
    """u_t + 6 u u_x + u_xxx = 0 on [0, 1] x [-5, 5], u, at x = 5 also u_x given; 2-32-32-1."""
    strip = Box(t=(0, 1), x=(-5, 5))
    return Problem(
        coordinates=("t", "x"),
        fields=("u",),
        conditions={
            "interior": Condition(
                lambda u, x: u.d("t") + 6 * u * u.d("x") + u.d("xxx"), strip.chebyshev(22, 52)(0)
            ),
            "initial": Condition(lambda u, x: u - exact(x), strip.face(t=0).chebyshev(220)(0)),
            "walls": Condition(lambda u, x: u - exact(x), strip.faces("x").chebyshev(120)(0)),
            "slope": Condition(lambda u, x: u.d("x") - slope(x), strip.face(x=5).chebyshev(110)(0)),
        },
        solution=exact,
        name="kdv",
        model=MLP([2, 32, 32, 1]),
    )
