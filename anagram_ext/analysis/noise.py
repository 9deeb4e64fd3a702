"""How noisy measurements are, from what a fit leaves of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from anagram_ext.checks import check_kind, finite_number

if TYPE_CHECKING:
    from torch import Tensor

LEAST_FREEDOM = 0.5  # degrees of freedom below which nothing is left to estimate from


@dataclass(frozen=True)
class Noise:
    """The noise of n measured rows.

    Attributes:
        by_group: standard deviation of a row, by name of the group.
        per_row: the same for each row [n].
        degrees_of_freedom: that the estimates rest on; infinite when all noise was given.
    """

    by_group: Mapping[str, float]
    per_row: Tensor
    degrees_of_freedom: float

    def residual_std(self, basis: Tensor) -> Tensor:
        """Standard deviation [n] of the residuals ``(1 - H) noise``, H = basis basis^T [n, n]."""
        squares = self.per_row.square()
        weighted = basis.T @ (squares[:, None] * basis)  # [k, k]: B^T N B
        shared = ((basis @ weighted) * basis).sum(dim=1)  # diagonal of H N H
        variance = squares * (1 - 2 * basis.square().sum(dim=1)) + shared
        return variance.clamp(min=0.0).sqrt()


def estimated_noise(
    residual: Tensor,
    basis: Tensor,
    groups: Mapping[str, slice],
    given: Mapping[str, float | None],
) -> Noise:
    """The noise of each group; that of groups without a given one from their residuals.

    A fit leaves ``(1 - H)`` of the noise, H [n, n] the measured block of the hat matrix. The sum of
    squares of group g has the expectation ``sum_h nu_h^2 |(1 - H)_gh|_F^2`` over the groups h, one
    equation for each unknown nu_g. For one group with weighty equations that is
    ``nu^2 = RSS / (n - effective parameters)``.

    Args:
        residual: of the measured rows [n].
        basis: the measured rows of U_k [n, k]; H = basis basis^T.
        groups: the rows of each group.
        given: standard deviation of a row of each group, or None.

    Raises:
        TypeError, ValueError: ``given`` is not a positive number or None for each group, or the fit
            leaves no freedom to estimate from.
    """
    _check_given(given, groups)
    by_group = {name: std for name, std in given.items() if std is not None}
    missing = [name for name in groups if name not in by_group]
    freedom = math.inf
    if missing:
        sizes = _left_over(basis, groups)
        rss = {name: residual[groups[name]].square().sum() for name in missing}
        by_group |= _solved(sizes, list(groups), rss, by_group)
        freedom = sum(float(sizes[list(groups).index(name)].sum()) for name in missing)
    per_row = torch.empty_like(residual)
    for name, rows in groups.items():
        per_row[rows] = by_group[name]
    return Noise({name: by_group[name] for name in groups}, per_row, freedom)


def _check_given(given: Mapping[str, float | None], groups: Mapping[str, slice]) -> None:
    check_kind("noise", given, Mapping, "a mapping from names to numbers or None")
    if set(given) != set(groups):
        raise ValueError(f"noise must name the groups {tuple(groups)}, got {tuple(given)}")
    for name, std in given.items():
        if std is not None and not finite_number(f"noise of {name!r}", std, "a number or None") > 0:
            raise ValueError(f"noise of {name!r} must be positive and finite, or None, got {std!r}")


def _solved(
    sizes: Tensor, order: list[str], rss: Mapping[str, Tensor], known: Mapping[str, float]
) -> dict[str, float]:
    """The unknown standard deviations, from one equation for the sum of squares of each group.

    Args:
        sizes: ``|(1 - H)_gh|_F^2`` [groups, groups].
        order: names of the groups, in the order of sizes.
        rss: sum of squares of the residuals of each group of unknown noise.
        known: standard deviations of the other groups.
    """
    unknown, told = [order.index(g) for g in rss], [order.index(g) for g in known]
    for g, i in zip(rss, unknown, strict=True):
        if sizes[i, i] < LEAST_FREEDOM:
            raise ValueError(
                f"noise of {g!r} must be given, got None: the fit passes through its "
                "measurements and leaves nothing to estimate it from"
            )
    squares = sizes.new_tensor([std**2 for std in known.values()])
    rest = torch.stack(list(rss.values())).to(sizes) - sizes[unknown][:, told] @ squares
    variances = torch.linalg.solve(sizes[unknown][:, unknown], rest).tolist()
    for g, variance in zip(rss, variances, strict=True):
        if variance <= 0:
            raise ValueError(
                f"noise of {g!r} must be given, got None: its residuals are smaller than the "
                "noise of the other measurements explains"
            )
    return {g: math.sqrt(variance) for g, variance in zip(rss, variances, strict=True)}


def _left_over(basis: Tensor, groups: Mapping[str, slice]) -> Tensor:
    """``|(1 - H)_gh|_F^2`` for all pairs of groups."""
    grams = [basis[rows].T @ basis[rows] for rows in groups.values()]  # [k, k] each
    counts = [rows.stop - rows.start for rows in groups.values()]
    sizes = torch.stack(
        [torch.stack([(a * b).sum() for b in grams]) for a in grams]  # |H_gh|^2
    )
    for i, (gram, n) in enumerate(zip(grams, counts, strict=True)):
        sizes[i, i] += n - 2 * gram.trace()
    return sizes.double().cpu()
