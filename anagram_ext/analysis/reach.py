"""How a change of measured rows reaches the parameters of a fit, and what nothing reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.cutoff import Cutoff
    from anagram_ext.linear.jacobian import Jacobian

_BLOCK: Final = 256  # vectors [S] at a time


class Reach:
    """The truncated inverse ``J^+ = D^-1 V_k Sigma_k^-1 U_k^T``, seen from the measured rows.

    D are the lengths of the columns of J: what is negligible must not depend on the unit of an
    unknown.

    Args:
        jacobian: J [S, P]; taken over.
        measured: which n rows are measurements, [n].
        cutoff: of the singular values of ``J D^-1``.

    Attributes:
        units: D [P], 1 where a column is zero.
        basis: the measured rows of U_k, [n, k].

    Raises:
        NonFiniteError: J holds NaN or infinity.
    """

    def __init__(self, jacobian: Jacobian, measured: Tensor, cutoff: Cutoff) -> None:
        lengths = jacobian.column_norms()
        self.units = torch.where(lengths > 0, lengths, torch.ones_like(lengths))
        self._factorisation = jacobian.scaled(self.units).factorise()
        self._rank = self._factorisation.rank(cutoff)
        self.basis = self._measured_basis(measured)

    def of(self, rows: Tensor) -> Tensor:
        """``rows J^+`` [q, n]: what the measurements do to quantities with derivatives [q, P]."""
        sigma = self._factorisation.singular_values[: self._rank]
        return (self._pulled(rows) / sigma) @ self.basis.T

    def unit_vectors(self, places: Tensor) -> Tensor:
        """The derivatives [c, P] of c entries of theta."""
        vectors = self.units.new_zeros(len(places), len(self.units))
        vectors[torch.arange(len(vectors)), places] = 1.0
        return vectors

    def unseen(self, places: Tensor) -> Tensor:
        """What c entries of theta have in directions below the cutoff, [c, c]; 1: nothing is seen.

        In units of the lengths of their columns.
        """
        pulled = self._pulled(self.unit_vectors(places)) * self.units[places, None]
        return torch.eye(len(pulled), dtype=pulled.dtype, device=pulled.device) - pulled @ pulled.T

    def _pulled(self, rows: Tensor) -> Tensor:
        """``rows D^-1 V_k`` [q, k]."""
        return self._factorisation.pull((rows / self.units).contiguous())[:, : self._rank]

    def _measured_basis(self, measured: Tensor) -> Tensor:
        """Block by block: all of U_k may be too large."""
        k = len(self._factorisation.singular_values)
        basis = self.units.new_empty(len(measured), self._rank)
        for start in range(0, self._rank, _BLOCK):
            end = min(start + _BLOCK, self._rank)
            chosen = self.units.new_zeros(end - start, k)
            chosen[torch.arange(end - start), torch.arange(start, end)] = 1.0
            basis[:, start:end] = self._factorisation.push(chosen)[:, measured].T
        return basis
