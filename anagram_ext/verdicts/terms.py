"""The terms of a residual: what it is small in comparison with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from anagram_ext.pde import operators
from anagram_ext.systems.integral_jets import IntegralJets
from anagram_ext.systems.paired import PairJets

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.models.protocol import JetMap
    from anagram_ext.systems.jet_residual import PointwiseResidual
    from anagram_ext.systems.pointwise import PointwiseBlock


def residuals_and_terms(
    block: PointwiseBlock, everywhere: Tensor, theta: Tensor
) -> tuple[Tensor, Tensor]:
    """The scaled residuals [C, n] of a block and the size of the terms in each, [C, n].

    The terms of a residual are its derivatives in the jets, times the size that these jets have on
    all points, and what remains without them.

    Args:
        block: the rows.
        everywhere: all points whose fields count, [n', d].
        theta: parameters [P].

    Raises:
        NonFiniteError: naming condition and point.
    """
    rows = theta.new_empty(block.n_rows)
    seeds = block.prepare(theta, rows)  # [C, K, m, n]
    pointwise = block.pointwise
    jet_map = pointwise.signature.jets(pointwise.operators, pointwise.uses)
    jets = jet_map.jets(theta, block.coordinates.points)  # [K, m, n]
    typical = _typical(block, jet_map, jets, everywhere, theta)
    residuals = rows.view(block.n_components, -1)  # [C, n]
    rest = residuals - (seeds * jets).sum(dim=(1, 2))
    return residuals, (seeds.abs() * typical).sum(dim=(1, 2)) + rest.abs()


def _usual(pointwise: PointwiseResidual, everywhere: Tensor, theta: Tensor) -> Tensor:
    """How large the derivatives of channels that vary as much usually are, [K, m, 1].

    A channel that varies by u over a domain of half width h has second derivatives of about
    u / h^2: a Laplacian that vanishes everywhere is not as large as its own rounding errors.
    """
    value = operators.value(everywhere.shape[1])
    channels = range(pointwise.signature.n_channels)
    values = pointwise.signature.jets((value,), [(0, j) for j in channels])
    sizes = values.jets(theta, everywhere)[0].std(dim=-1, unbiased=False)  # [m]
    halves = 0.5 * (everywhere.amax(dim=0) - everywhere.amin(dim=0))  # [d]
    factors = []
    for operator in pointwise.operators:
        factor = everywhere.new_zeros(())
        for index, coefficient in operator.terms:
            scale = torch.stack([h**k for h, k in zip(halves, index, strict=True)]).prod()
            factor += abs(coefficient) / scale if scale > 0 else 0.0
        factors.append(factor)
    return (torch.stack(factors)[:, None] * sizes)[:, :, None]


def _typical(
    block: PointwiseBlock, jet_map: JetMap, jets: Tensor, everywhere: Tensor, theta: Tensor
) -> Tensor:
    """The root mean square size of the jets, [K, m, 1].

    On all points, of pairs on either side; integrals have that of what is integrated.
    """
    if isinstance(jet_map, IntegralJets):
        return _root_mean_square(jet_map.sizes(theta, block.coordinates.points))
    if not len(everywhere):
        return _root_mean_square(jets)
    if isinstance(jet_map, PairJets):
        return _root_mean_square(jet_map.jets(theta, everywhere.repeat(1, 2)))
    try:
        size = _root_mean_square(jet_map.jets(theta, everywhere))
    except ValueError:  # a singular input map has no derivatives at other conditions' points
        size = _root_mean_square(jets)
    return size.maximum(_usual(block.pointwise, everywhere, theta))


def _root_mean_square(jets: Tensor) -> Tensor:
    return jets.square().mean(dim=-1, keepdim=True).sqrt()
