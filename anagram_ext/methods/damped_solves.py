"""What solves the damped steps of one linearisation, and in which scale of the parameters.

Parameters are scaled, ``A = J D^-1`` with ``D_p`` the square root of the relative length of column
p: halfway between Levenberg's and Marquardt's choice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.linear.choice import gram_pays, triangle_pays
from anagram_ext.linear.compressed import Compressed
from anagram_ext.linear.damped import Spectral
from anagram_ext.linear.gram import Gram
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.row_gram import RowGram
from anagram_ext.linear.triangle import Triangle, triangle_of

if TYPE_CHECKING:
    from anagram_ext.linear.damped import DampedSolves
    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.systems.protocol import Linearisation

# Columns of J shorter than this share of the longest one are scaled as if they had this length.
SHORTEST_COLUMN: Final = 1e-3


def damped_solves(
    here: Linearisation[Jacobian],
    least_damping: float,
    left_out: float,
    searched: float,
    *,
    large: bool,
) -> tuple[DampedSolves, Tensor]:
    """Solves for any damping from a least one on, and the scale D [P].

    Large dampings are served by the Gram matrix where that is cheaper, all others by singular
    values or, of a large J that has many which matter, by a QR decomposition.

    Args:
        here: the linearisation.
        least_damping: relative to the largest squared singular value.
        left_out: how far below its square root singular values may be missing, as a share of it.
        searched: dimension of the subspace in which a decomposition is expected to look for them.
        large: solving for one damping takes long, beside evaluating residuals.
    """
    shape, eps = here.jacobian.shape, torch.finfo(here.residual.dtype).eps
    found = None
    if gram_pays(shape, least_damping, searched, eps, large):
        found = _by_gram(here)
    elif triangle_pays(shape, searched, large):
        found = _by_triangle(here)
    return found or _by_singular_values(here, math.sqrt(least_damping), left_out)


def _by_singular_values(
    here: Linearisation[Jacobian], cutoff: float, left_out: float
) -> tuple[DampedSolves, Tensor]:
    """Solves by a decomposition, and D."""
    scale = _column_scale(here.jacobian.column_norms())
    factorisation = here.jacobian.scaled(scale).factorise(smallest_cutoff=cutoff, left_out=left_out)
    return Spectral(factorisation, here.residual, here.loss), scale


def _by_gram(here: Linearisation[Jacobian]) -> tuple[DampedSolves, Tensor] | None:
    """Solves by the smaller Gram matrix, and D; None where squares leave the range of floats."""
    n_rows, n_parameters = here.jacobian.shape
    if n_parameters > n_rows:
        return _by_row_gram(here)
    gram = here.jacobian.gram()
    lengths = gram.diagonal().sqrt()
    if not _squares_fit(lengths):
        return None
    scale = _column_scale(lengths)
    return Gram(here.jacobian, gram, scale, here.residual, here.loss), scale


def _by_row_gram(here: Linearisation[Jacobian]) -> tuple[DampedSolves, Tensor] | None:
    """The same for more parameters than rows."""
    lengths = here.jacobian.column_norms()
    if not here.jacobian.has_all_rows or not _squares_fit(lengths):
        return None
    scale = _column_scale(lengths)
    scaled = here.jacobian.scaled(scale)
    return RowGram(scaled, scaled.row_gram(), here.residual), scale


def _by_triangle(here: Linearisation[Jacobian]) -> tuple[DampedSolves, Tensor] | None:
    """Solves by a QR decomposition, and D; None where J is not stored, or as for ``_by_gram``."""
    n_rows, n_parameters = here.jacobian.shape
    lengths = here.jacobian.column_norms()
    if not isinstance(here.jacobian, Stored) or not _squares_fit(lengths):
        return None
    scale = _column_scale(lengths)
    scaled = here.jacobian.scaled(scale)
    if n_rows > n_parameters:
        return Compressed(scaled.matrix, here.residual), scale
    triangle = Triangle(triangle_of(scaled.matrix.T))
    return RowGram(scaled, triangle, here.residual), scale


def _squares_fit(lengths: Tensor) -> bool:
    """Whether the squares of lengths are ordinary numbers."""
    limits = torch.finfo(lengths.dtype)
    return limits.tiny / limits.eps < float(lengths.max()) ** 2 < math.inf


def _column_scale(lengths: Tensor) -> Tensor:
    """D [P]: square roots of the lengths of the columns relative to the longest one."""
    longest = lengths.max()
    relative = torch.where(longest > 0, lengths / longest, torch.ones_like(lengths))
    return relative.clamp(min=SHORTEST_COLUMN).sqrt()
