"""Damped least squares by ``A A^T``: for more parameters than rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from anagram_ext.linear.damped import PROBES, Summed, random_signs
from anagram_ext.linear.left_out import press
from anagram_ext.linear.refinement import REFINED, REFINEMENTS, TRIED, refined_below, still_moving
from anagram_ext.linear.shifted import Shifted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.linear.triangle import Triangle


class RowGram(Summed):
    """By ``y = A^T z`` with ``(K + l) z = r`` and K = A A^T: for more parameters than rows.

    With K formed it costs one symmetric product of S^2 P operations and S^3 / 3 a shift; steps are
    as accurate as those of ``Gram``, with the same bound. With the triangle of A^T it costs twice
    as much and is as accurate as singular values, see ``anagram_ext.linear.triangle``.

    Of a large problem a step is right to ``TRIED`` only where the factor of a neighbouring shift
    serves it. Corrections begin with the last known end of the damped problem,

        ``t = A^T z``, and lead to ``t' = t + A^T (K + l)^-1 (r' + A (y - t) - l z)``:

    what is solved for is as short as the linear model was wrong, and so is the error. An end
    serves the next correction, so that errors vanish as corrections do.

    Args:
        jacobian: A [S, P].
        row_gram: ``A A^T`` [S, S].
        residual: r [S].
    """

    def __init__(self, jacobian: Jacobian, row_gram: Tensor | Triangle, residual: Tensor) -> None:
        super().__init__()
        self._jacobian = jacobian
        self._residual = residual
        self._shifted = Shifted(row_gram)  # K + l
        self.unit = self._shifted.unit
        exact = not isinstance(row_gram, torch.Tensor)
        self._refined_below = refined_below(self._shifted, exact=exact)
        self._from_ends = exact or self._shifted.large
        self._known_pairs: dict[float, tuple[Tensor, Tensor]] = {}  # z and y by shift
        self._ends: dict[float, tuple[Tensor, Tensor]] = {}  # z and t by shift

    def steps(self, shifts: Sequence[float]) -> Tensor:
        """``A^T (K + l)^-1 r`` [q, P]."""
        return torch.stack([y for _, y in self._pairs(shifts)])

    def corrections(self, shifts: Sequence[float], residuals: Tensor, steps: Tensor) -> Tensor:
        """``A^T (K + l)^-1 (r' + A y) - y`` [q, P]: to the solution from where the step is."""
        if self._from_ends:
            return self._new_ends(shifts, residuals, steps) - steps
        rights = [
            residual + self._jacobian.matvec(step)
            for residual, step in zip(residuals, steps, strict=True)
        ]
        return self._pulled(shifts, torch.stack(rights)) - steps

    def expand(self, steps: Tensor) -> Tensor:
        """The steps themselves."""
        return steps

    def reduction(self, step: Tensor) -> float:
        """``A y (r - 1/2 A y)``."""
        return float(self._reduction(step))

    def outcome(self, step: Tensor, shift: float) -> tuple[float, float]:
        """Both."""
        numbers = torch.stack([self._reduction(step), self._shifted.left_over(shift)])
        reduction, left_over = numbers.tolist()
        return reduction, self._shifted.effective(shift, left_over)

    def floor(self, shift: float) -> float:
        """``1/2 l^2 z z``: r - A y is l z."""
        return 0.5 * self._read(shift)[0]

    def rank(self, shift: float) -> int:
        """The effective number of parameters, rounded."""
        return round(self.effective(shift))

    def effective(self, shift: float) -> float:
        """``tr (K + l)^-1 K``, see ``Shifted.effective``."""
        return self._shifted.effective(shift)

    def leverages(self, shift: float, probes: int | None = PROBES) -> Tensor:
        """``1 - l diag (K + l)^-1``, estimated for large matrices only.

        The diagonal is the mean square of ``L^-T z`` there, L the Cholesky factor of K + l and z
        four times as many vectors of signs.
        """
        if probes is None or not self._shifted.large:
            return (1 - self._free(shift)).clamp_(min=0.0)
        factor = self._shifted.factor(shift)
        signs = random_signs((len(factor), 4 * probes), factor)
        seen = torch.linalg.solve_triangular(factor.T, signs, upper=True)  # [S, 4 probes]
        fitted: Tensor = 1 - shift * seen.square_().mean(dim=1)
        return fitted.clamp_(min=0.0)

    def press(self, shift: float) -> float:
        """From ``r - A y = l z`` and all leverages."""
        return press(self.kept(shift) / self._free(shift))

    def captured(self, shift: float) -> float:
        """``1/2 r K z = 1/2 r (r - l z)``."""
        return 0.5 * self._read(shift)[1]

    def weak(self, y: Tensor, shift: float) -> Tensor:
        """``y - A^T (K + l)^-1 A y``."""
        return y - self._pulled([shift], self._jacobian.matvec(y)[None])[0]

    def _reduction(self, step: Tensor) -> Tensor:
        seen = self._jacobian.matvec(step)
        return seen @ (self._residual - 0.5 * seen)

    def _sums(self, shift: float) -> Tensor:
        """Squares of ``r - A y``, and ``r A y``."""
        kept = self.kept(shift)
        return torch.stack([kept @ kept, self._residual @ (self._residual - kept)])

    def _free(self, shift: float) -> Tensor:
        """What no parameter claims of each row: ``l diag (K + l)^-1`` [S]."""
        return shift * torch.cholesky_inverse(self._shifted.factor(shift)).diagonal()

    def kept(self, shift: float) -> Tensor:
        """``r - A y`` [S]."""
        return shift * self._pairs([shift])[0][0]

    def seen(self, vectors: Tensor, shift: float) -> Tensor:
        """``K (K + l)^-1 v`` for rows v [q, S]."""
        return vectors - shift * self._shifted.solve_each([shift] * len(vectors), vectors)

    def _pairs(self, shifts: Sequence[float]) -> list[tuple[Tensor, Tensor]]:
        """Each shift's z [S] and y [P]; those not known yet are computed together."""
        unknown = [shift for shift in dict.fromkeys(shifts) if shift not in self._known_pairs]
        if unknown:
            rights = self._residual.expand(len(unknown), -1)
            if min(unknown) < self._refined_below:
                solutions, steps = self._refined(unknown, rights)
            else:
                solutions = self._shifted.solve_each(unknown, rights, TRIED)
                kept = zip(unknown, solutions, strict=True)
                steps = torch.stack(
                    [self._jacobian.rmatvec(shift * z) / shift for shift, z in kept]
                )
            pairs = zip(solutions, steps, strict=True)
            self._known_pairs.update(zip(unknown, pairs, strict=True))
        return [self._known_pairs[shift] for shift in shifts]

    def _new_ends(self, shifts: Sequence[float], residuals: Tensor, steps: Tensor) -> Tensor:
        """Where corrections from steps y [q, P] with residuals r' [q, S] lead, t' [q, P]."""
        new = [shift for shift in dict.fromkeys(shifts) if shift not in self._ends]
        self._ends.update(zip(new, self._pairs(new), strict=True))
        ends = [self._ends[shift] for shift in shifts]
        lacking = [
            residual + self._jacobian.matvec(step - t) - shift * z
            for shift, residual, step, (z, t) in zip(shifts, residuals, steps, ends, strict=True)
        ]
        more = self._shifted.solve_each(shifts, torch.stack(lacking), REFINED)
        zs = torch.stack([z for z, _ in ends]) + more
        ts = torch.stack([t for _, t in ends]) + self._rows_pulled(more)
        self._ends.update(zip(shifts, zip(zs, ts, strict=True), strict=True))
        return ts

    def _pulled(self, shifts: Sequence[float], rights: Tensor) -> Tensor:
        """``A^T (K + l)^-1 b`` [q, P] for q shifts and b [q, S]."""
        if min(shifts) < self._refined_below:
            return self._refined(shifts, rights)[1]
        return self._rows_pulled(self._shifted.solve_each(shifts, rights))

    def _refined(self, shifts: Sequence[float], rights: Tensor) -> tuple[Tensor, Tensor]:
        """``z = (K + l)^-1 b`` [q, S] and ``A^T z`` [q, P] for q shifts and b [q, S].

        Whatever the factorisation solves, small shifts make z long in directions that A^T hardly
        sees, and the product loses their digits to all others: A y would be off by e / d of
        ``b - A y``. So what the equations still lack, by A itself, is solved for and added to both.
        """
        z = self._shifted.solve_each(shifts, rights, REFINED)
        y = self._rows_pulled(z)
        for _ in range(REFINEMENTS):
            lacking = [
                b - shift * vector - self._jacobian.matvec(step)
                for shift, vector, step, b in zip(shifts, z, y, rights, strict=True)
            ]
            more = self._shifted.solve_each(shifts, torch.stack(lacking), REFINED)
            change = self._rows_pulled(more)
            z, y = z + more, y + change
            if not still_moving(change, y):
                break
        return z, y

    def _rows_pulled(self, vectors: Tensor) -> Tensor:
        """``A^T z`` [q, P] for z [q, S]."""
        return torch.stack([self._jacobian.rmatvec(vector) for vector in vectors])
