"""Steady incompressible Navier-Stokes equations: Kovasznay's flow behind a grid."""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

import torch

from anagram_ext.geometry.box import Box
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.problem import Problem

if TYPE_CHECKING:
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.field import Field

REYNOLDS = 40.0
DECAY = REYNOLDS / 2 - sqrt(REYNOLDS**2 / 4 + 4 * pi**2)


def exact(x: Coordinates) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Velocities and pressure (u, v, p), each [n] (Kovasznay, Proc. Camb. Phil. Soc. 44, 1948)."""
    wake = torch.exp(DECAY * x.x)
    return (
        1 - wake * torch.cos(2 * pi * x.y),
        DECAY / (2 * pi) * wake * torch.sin(2 * pi * x.y),
        (1 - wake**2) / 2,
    )


def balance(u: Field, v: Field, p: Field, x: Coordinates) -> tuple[torch.Tensor, ...]:
    """Momentum in x, momentum in y, mass."""
    return (
        u * u.d("x") + v * u.d("y") + p.d("x") - u.laplacian() / REYNOLDS,
        u * v.d("x") + v * v.d("y") + p.d("y") - v.laplacian() / REYNOLDS,
        u.d("x") + v.d("y"),
    )


def velocity(u: Field, v: Field, p: Field, x: Coordinates) -> tuple[torch.Tensor, ...]:
    """Prescribed velocity."""
    u_exact, v_exact, _ = exact(x)
    return u - u_exact, v - v_exact


def navier_stokes() -> Problem:
    """Fields u, v, p on [-0.5, 1] x [-0.5, 1.5], Re = 40; velocity given all around, p at x = 1.

    Returns:
        The problem with a network 2-50-50-3.
    """
    box = Box(x=(-0.5, 1), y=(-0.5, 1.5))
    return Problem(
        coordinates=("x", "y"),
        fields=("u", "v", "p"),
        conditions={
            "interior": Condition(balance, box.chebyshev(20, 28)(0)),
            "boundary": Condition(velocity, box.faces().chebyshev(80)(0)),
            "outflow": Condition(
                lambda u, v, p, x: p - exact(x)[2], box.face(x=1).chebyshev(80)(0)
            ),
        },
        solution=exact,
        name="navier_stokes",
        model=MLP([2, 50, 50, 3]),
    )
