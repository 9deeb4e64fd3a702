"""Damped least squares ``min ||A y - r||^2 + l ||y||^2`` for many shifts l, and ways to it.

``Spectral`` works with singular directions, ``Gram`` (in ``gram.py``) with parameters and
``RowGram`` (in ``row_gram.py``) with rows; a step has the same length in all of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Protocol

import torch

from anagram_ext.linear.transfer import uploaded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from anagram_ext.linear.factorisation import Factorisation

# A difference of losses below this share of them is rounding.
CANCELLED: Final = 1e-12
PROBES: Final = 16  # of the diagonal: the leverages of 30 effective parameters to 6 %


class DampedSolves(Protocol):
    """One factorisation of A [S, P] with one right-hand side r [S], solved for any shift l > 0.

    Steps are vectors [n] of coordinates of the solver's own, in which their length is that of y.

    Attributes:
        unit: the square of the largest singular value, 1 for a zero matrix.
    """

    unit: float

    def steps(self, shifts: Sequence[float]) -> Tensor:
        """The solutions for q shifts, [q, n]."""

    def corrections(self, shifts: Sequence[float], residuals: Tensor, steps: Tensor) -> Tensor:
        """``(A^T A + l)^-1 (A^T r' - l y)`` [q, n].

        A Newton step of the damped problem from where the steps ended, with the matrix from where
        they began.

        Args:
            shifts: q shifts l.
            residuals: r' after each step, [q, S].
            steps: y, [q, n].
        """

    def expand(self, steps: Tensor) -> Tensor:
        """The steps as vectors y: [n] or [q, n] -> [P] or [q, P]."""

    def sums(self, shifts: Sequence[float]) -> Tensor:
        """What ``floor`` and ``captured`` are made of for q shifts, [q, m].

        Whoever reads other numbers from a GPU anyway reads these with them, and says so by
        ``know``; otherwise they are read when they are asked for.
        """

    def know(self, shifts: Sequence[float], sums: Sequence[Sequence[float]]) -> None:
        """Takes the numbers of ``sums``, read, so that nobody reads them again."""

    def reduction(self, step: Tensor) -> float:
        """``1/2 ||r||^2 - 1/2 ||r - A y||^2``."""

    def outcome(self, step: Tensor, shift: float) -> tuple[float, float]:
        """``reduction`` and ``effective``, by one read from a GPU."""

    def floor(self, shift: float) -> float:
        """``1/2 ||r - A y||^2`` for the solution y: what the damped step cannot remove.

        Too small, never too large, where it is lost in the rounding of the loss.
        """

    def rank(self, shift: float) -> int:
        """The number of singular directions that the shift leaves (more than half of)."""

    def effective(self, shift: float) -> float:
        """The effective number of parameters ``tr A (A^T A + l)^-1 A^T``.

        How many combinations of the rows a damped step can follow: sum of S^2 / (S^2 + l).
        """

    def leverages(self, shift: float, probes: int | None = PROBES) -> Tensor:
        """The diagonal of ``A (A^T A + l)^-1 A^T`` [S], estimated; its sum is ``effective``.

        Random signs stand for the identity: a sum over rows with m effective parameters is right
        to about the share sqrt(2 / (probes m)) of itself, a single one to sqrt(2 / probes). Source:
        C. Bekas, E. Kokiopoulou & Y. Saad, "An estimator for the diagonal of a matrix" (Applied
        Numerical Mathematics 57, 2007).

        Args:
            shift: l.
            probes: how many vectors of signs; each costs one product with A. None calculates the
                diagonal, by as many products as there are directions.
        """

    def press(self, shift: float) -> float:
        """The loss that the damped step leaves on rows that it has not seen.

        ``1/2 sum ((r - A y)_i / (1 - h_i))^2`` with the calculated leverages h: each row is
        predicted by the step that leaves it out, see ``anagram_ext.linear.left_out``.
        """

    def captured(self, shift: float) -> float:
        """``1/2 ||P r||^2``, P the projection on what these directions can change of r."""

    def weak(self, y: Tensor, shift: float) -> Tensor:
        """``l (A^T A + l)^-1 y``: the part of y [P] that A hardly sees, [P]."""


class Summed:
    """Keeps the numbers that ``floor`` and ``captured`` are made of: each is read once."""

    def __init__(self) -> None:
        self._known: dict[float, Sequence[float]] = {}  # by shift

    def sums(self, shifts: Sequence[float]) -> Tensor:
        """The numbers of q shifts, [q, m]."""
        return torch.stack([self._sums(shift) for shift in shifts])

    def know(self, shifts: Sequence[float], sums: Sequence[Sequence[float]]) -> None:
        """Takes them, read."""
        self._known.update(zip(shifts, sums, strict=True))

    def _sums(self, shift: float) -> Tensor:
        """Those of one shift, [m]."""
        raise NotImplementedError

    def _read(self, shift: float) -> Sequence[float]:
        """The same, read now unless they are known."""
        if shift not in self._known:
            self._known[shift] = self._sums(shift).tolist()
        return self._known[shift]


class Spectral(Summed):
    """By a singular value decomposition: as accurate as double precision allows.

    Args:
        factorisation: of A.
        residual: r [S], finite.
        loss: ``1/2 ||r||^2``.

    Attributes:
        searched: in how many dimensions singular values were looked for.
    """

    def __init__(self, factorisation: Factorisation, residual: Tensor, loss: float) -> None:
        super().__init__()
        self._factorisation = factorisation
        self._sigma = factorisation.singular_values  # [k]
        self._target = factorisation.project(residual, finite=True)  # c = U^T r, [k]
        self._residual = residual
        self._loss = loss
        self.unit = factorisation.largest**2 or 1.0
        self.searched = factorisation.searched

    def steps(self, shifts: Sequence[float]) -> Tensor:
        """``S c / (S^2 + l)`` [q, k]."""
        return self._sigma / (self._sigma**2 + self._column(shifts)) * self._target

    def corrections(self, shifts: Sequence[float], residuals: Tensor, steps: Tensor) -> Tensor:
        """``(S U^T r' - l y) / (S^2 + l)`` [q, k]."""
        remaining = self._factorisation.project(residuals, finite=True)  # U^T r', [q, k]
        column = self._column(shifts)
        return (self._sigma * remaining - column * steps) / (self._sigma**2 + column)

    def expand(self, steps: Tensor) -> Tensor:
        """``V y``."""
        return self._factorisation.expand(steps)

    def reduction(self, step: Tensor) -> float:
        """``1/2 ||c||^2 - 1/2 ||c - S y||^2``."""
        left = self._target - self._sigma * step
        return 0.5 * float(self._target.square().sum() - left.square().sum())

    def outcome(self, step: Tensor, shift: float) -> tuple[float, float]:
        """Both; ``effective`` is among the sums."""
        return self.reduction(step), self.effective(shift)

    def _sums(self, shift: float) -> Tensor:
        """Squares: all of c, what the shift keeps, the first ``rank``; the sum of the shares."""
        squares = self._target.square()
        kept = (shift / (self._sigma**2 + shift) * self._target).square()
        seen = self._target[: self.rank(shift)].square()
        return torch.stack([squares.sum(), kept.sum(), seen.sum(), self._shares(shift).sum()])

    def floor(self, shift: float) -> float:
        """What lies outside of the tangent space, where that is known, and what the shift keeps."""
        inside, kept, _, _ = self._read(shift)
        outside = self._loss - 0.5 * inside
        outside = outside if outside > CANCELLED * self._loss else 0.0
        return outside + 0.5 * kept

    def rank(self, shift: float) -> int:
        """Number of singular values above the square root of the shift."""
        return self._factorisation.count_above(math.sqrt(shift / self.unit))

    def effective(self, shift: float) -> float:
        """``sum S^2 / (S^2 + l)``."""
        return self._read(shift)[3]

    def leverages(self, shift: float, probes: int | None = PROBES) -> Tensor:
        """Mean squares of ``U (S^2 / (S^2 + l))^1/2 z``, z random signs."""
        if probes is None:
            return self._factorisation.leverages(shift / self.unit)
        signs = random_signs((probes, len(self._sigma)), self._sigma)
        seen = self._factorisation.push(self._shares(shift).sqrt() * signs)  # [probes, S]
        return with_sum(seen.square_().mean(dim=0), self.effective(shift))

    def press(self, shift: float) -> float:
        """That of the factorisation."""
        return self._factorisation.press(self._residual, shift / self.unit)

    def captured(self, shift: float) -> float:
        """The share of the first ``rank`` directions."""
        return 0.5 * self._read(shift)[2]

    def weak(self, y: Tensor, shift: float) -> Tensor:
        """``y - V S^2 / (S^2 + l) V^T y``."""
        seen = self._shares(shift) * self._factorisation.pull(y)
        return y - self._factorisation.expand(seen)

    def _shares(self, shift: float) -> Tensor:
        """What the shift leaves of each direction, [k]."""
        return self._sigma**2 / (self._sigma**2 + shift)

    def _column(self, shifts: Sequence[float]) -> Tensor:
        return uploaded(shifts, self._sigma)[:, None]


def random_signs(shape: tuple[int, int], like: Tensor) -> Tensor:
    """1 and -1 at random but always the same, in the dtype and on the device of ``like``."""
    generator = torch.Generator().manual_seed(0)
    signs = 2 * torch.randint(2, shape, generator=generator) - 1
    return uploaded(signs, like)


def with_sum(values: Tensor, total: float) -> Tensor:
    """Estimates [S] scaled to a sum that is known."""
    found = values.sum().double()
    return values * torch.where(found > 0, torch.full_like(found, total) / found, 1.0)
