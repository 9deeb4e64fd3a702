"""Kuramoto-Sivashinsky equation: one travelling front, order 4."""

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

SPEED = 1.0
WAVE_NUMBER = sqrt(11 / 19) / 2


def front(x: Coordinates) -> torch.Tensor:
    """T = tanh of the phase, [n]; the front moves from x = -1/2 to 1/2."""
    return torch.tanh(WAVE_NUMBER * (x.x - SPEED * x.t + 0.5))


def exact(x: Coordinates) -> torch.Tensor:
    """The travelling wave c + a (11 T^3 - 9 T) of Kuramoto & Tsuzuki (1976), T = ``front``, [n]."""
    tanh = front(x)
    return SPEED + 30 / 19 * WAVE_NUMBER * (11 * tanh**3 - 9 * tanh)


def slope(x: Coordinates) -> torch.Tensor:
    """Its derivative in x, [n]."""
    tanh = front(x)
    return 30 / 19 * WAVE_NUMBER**2 * (33 * tanh**2 - 9) * (1 - tanh**2)


def kuramoto_sivashinsky() -> Problem:
    """u_t + u u_x + u_xx + u_xxxx = 0 on [0, 1] x [-5, 5], u and u_x at walls; net 2-32-32-1."""
    strip = Box(t=(0, 1), x=(-5, 5))
    return Problem(
        coordinates=("t", "x"),
        fields=("u",),
        conditions={
            "interior": Condition(
                lambda u, x: u.d("t") + u * u.d("x") + u.d("xx") + u.d("xxxx"), strip.grid(28, 56)
            ),
            "initial": Condition(lambda u, x: u - exact(x), strip.face(t=0).grid(57)),
            "walls": Condition(
                lambda u, x: (u - exact(x), u.d("x") - slope(x)), strip.faces("x").grid(29)
            ),
        },
        solution=exact,
        name="kuramoto_sivashinsky",
        model=MLP([2, 32, 32, 1]),
    )
