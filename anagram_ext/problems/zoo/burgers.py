"""Viscous Burgers equation with a nearly discontinuous solution."""

from __future__ import annotations

from math import pi

import torch

from anagram_ext.checks import check_switches
from anagram_ext.geometry.box import Box
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.problem import Problem
from anagram_ext.problems.published import precision_cutoff, published_settings

VISCOSITY = 0.01 / pi


def cole_hopf(t: torch.Tensor, x: torch.Tensor, step: float = 0.1) -> torch.Tensor:
    """The solution at the points (t, x), as a ratio of two integrals over the line.

    u(t, x) = -int sin(pi y) w dz / int w dz,  w = exp(-z^2 - cos(pi y) / (2 pi nu)),
    y = x - 2 sqrt(nu t) z (Cole 1951, Hopf 1950). The integrands are entire, so the trapezoidal
    rule converges exponentially; softmax takes the largest exponent out, so nothing overflows.

    Args:
        t: Times >= 0, [n].
        x: Positions, [n].
        step: Distance of the nodes z; the default is at round-off.

    Returns:
        Values [n], of the dtype and device of x.
    """
    half = round(12 / step)  # beyond |z| = 12 the weight is below 1e-19 of its maximum for t <= 1
    z = step * torch.arange(-half, half + 1, dtype=x.dtype, device=x.device)
    y = x[..., None] - 2 * torch.sqrt(VISCOSITY * t)[..., None] * z  # [n, nodes]
    exponent = -(z**2) - torch.cos(pi * y) / (2 * pi * VISCOSITY)
    weight = torch.softmax(exponent, dim=-1)
    return -(torch.sin(pi * y) * weight).sum(dim=-1)


def burgers(*, published: bool = False) -> Problem:
    """u_t + u u_x = 0.01 / pi u_xx on [0, 1] x [-1, 1], u(0, x) = -sin(pi x), u = 0 at both walls.

    Args:
        published: the fixed grids and the network 2-64-64-1 of the published runs, which miss the
            shock. By default a network 2-20-20-20-1 and 3000 points inside, chosen out of 12 000
            before every step, because a shock of width 0.01 stands from t = 1 / pi on.

    Returns:
        The problem with its network. The error is measured on a grid that is fine in x.
    """
    check_switches(published=published)
    strip = Box(t=(0, 1), x=(-1, 1))
    start, walls = strip.face(t=0), strip.faces("x")
    model = MLP([2, 64, 64, 1] if published else [2, 20, 20, 20, 1])
    return Problem(
        coordinates=("t", "x"),
        fields=("u",),
        conditions={
            "interior": Condition(
                lambda u, x: u.d("t") + u * u.d("x") - VISCOSITY * u.d("xx"),
                strip.grid(28) if published else strip.stratified(80, 150).adaptive(3000),
            ),
            "initial": Condition(
                lambda u, x: u + torch.sin(pi * x.x),
                start.grid(30) if published else start.stratified(100).redrawn(),
            ),
            "walls": Condition(
                lambda u, x: u, walls.grid(30) if published else walls.stratified(40).redrawn()
            ),
        },
        solution=lambda x: cole_hopf(x.t, x.x),
        evaluation=strip.grid(20, 500),
        name="burgers",
        model=model,
        settings=published_settings(precision_cutoff(model.n_parameters), steps=501),
    )
