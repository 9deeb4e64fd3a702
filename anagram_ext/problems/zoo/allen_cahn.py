"""Allen-Cahn equation with its reference solution, a table of Chebyshev coefficients."""

from __future__ import annotations

from functools import cache
from math import pi
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.polynomial.chebyshev import chebvander

from anagram_ext.checks import check_switches
from anagram_ext.geometry.box import Box
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.problem import Problem
from anagram_ext.problems.published import precision_cutoff, published_settings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from anagram_ext.pde.coordinates import Coordinates

TABLE = Path(__file__).parents[1] / "data" / "allen_cahn.npz"


@cache
def coefficients() -> NDArray[np.float64]:
    """Coefficients [J, K] of T_j(2 sqrt(t) - 1) T_k(2 x^2 - 1), as tools/ computed them."""
    with np.load(TABLE) as table:
        return np.asarray(table["coefficients"])


def reference(x: Coordinates) -> torch.Tensor:
    """The reference solution, [n]: a Chebyshev series, even in x, accurate to 1e-9 everywhere.

    Computed by tools/make_allen_cahn_reference.py. It is not differentiable by autograd.
    """
    table = coefficients()
    t, position = x.t.detach().cpu().double().numpy(), x.x.detach().cpu().double().numpy()
    in_time = chebvander(2 * np.sqrt(t) - 1, table.shape[0] - 1)  # [n, J]
    in_space = chebvander(2 * position**2 - 1, table.shape[1] - 1)  # [n, K]
    values = ((in_time @ table) * in_space).sum(axis=1)
    return torch.from_numpy(values).to(x.t)


def allen_cahn(*, published: bool = False) -> Problem:
    """u_t = 1e-3 u_xx + 5 (u - u^3) on [0, 1] x [-1, 1], u(0, x) = x^2 cos(pi x), u = -1 at walls.

    Args:
        published: the fixed grids of the published runs. By default as many points are chosen anew
            before every step: on a fixed grid the residual can vanish at the points while the
            fronts between them are wrong.

    Returns:
        The problem with its published network 2-20-20-20-1. The error is measured on a grid that
        is fine in x.
    """
    check_switches(published=published)
    strip = Box(t=(0, 1), x=(-1, 1))
    start, walls = strip.face(t=0), strip.faces("x")
    model = MLP([2, 20, 20, 20, 1])
    return Problem(
        coordinates=("t", "x"),
        fields=("u",),
        conditions={
            "interior": Condition(
                lambda u, x: u.d("t") - 1e-3 * u.d("xx") - 5 * (u - u**3),
                strip.grid(28, 58) if published else strip.stratified(56, 116).adaptive(28 * 58),
            ),
            "initial": Condition(
                lambda u, x: u - x.x**2 * torch.cos(pi * x.x),
                start.grid(41) if published else start.stratified(41).redrawn(),
            ),
            "walls": Condition(
                lambda u, x: u + 1, walls.grid(29) if published else walls.stratified(29).redrawn()
            ),
        },
        solution=reference,
        evaluation=strip.grid(20, 500),
        name="allen_cahn",
        model=model,
        settings=published_settings(precision_cutoff(model.n_parameters), steps=4001),
    )
