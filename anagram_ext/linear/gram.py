"""Damped least squares by ``A^T A``, one Cholesky factorisation a shift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from anagram_ext.linear.damped import CANCELLED, PROBES, Summed, random_signs, with_sum
from anagram_ext.linear.left_out import press
from anagram_ext.linear.refinement import REFINEMENTS, refined_below, still_moving
from anagram_ext.linear.shifted import Shifted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from anagram_ext.linear.jacobian import Jacobian


class Gram(Summed):
    """By the normal equations ``(G + l) y = g`` with G = A^T A and g = A^T r.

    Costs one symmetric product of S P^2 operations and P^3 / 3 a shift, all at the rate of matrix
    products; J is read tile by tile and needs not be stored.

    Rounding moves G by E with ``||E|| <= e sigma_1^2`` and g by at most ``e sigma_1 ||r||``, e a
    modest multiple of the unit round-off (in practice a few, at worst max(S, P)). A shift
    l = d sigma_1^2 then gives a step that is wrong by at most

        ``||y' - y|| <= e / d (||y|| + ||r|| / sigma_1)``

    (Higham, "Accuracy and Stability of Numerical Algorithms", SIAM 2002, theorem 7.2 and section
    20.4). A singular value decomposition has the square root of d in place of d. Steps of a large
    problem with d below ``RESOLVED`` are refined, by products with J: each time, e / d of the error
    is left, down to that of a QR decomposition, see ``anagram_ext.linear.triangle``. It ends when a
    step has changed by less than ``SETTLED`` of itself. (Section 12.1 there, with the iteration
    matrix ``(G + E + l)^-1 E``.)

    Args:
        jacobian: J [S, P].
        gram: ``J^T J`` [P, P]; overwritten.
        scale: D [P]; A is J D^-1.
        residual: r [S].
        loss: ``1/2 ||r||^2``.
    """

    def __init__(
        self, jacobian: Jacobian, gram: Tensor, scale: Tensor, residual: Tensor, loss: float
    ) -> None:
        super().__init__()
        self._jacobian = jacobian
        self._scale = scale
        self._shifted = Shifted(gram.div_(scale).div_(scale[:, None]))  # G + l
        self._pulled = jacobian.rmatvec(residual) / scale  # g
        self._residual = residual
        self._loss = loss
        self.unit = self._shifted.unit
        self._refined_below = refined_below(self._shifted, exact=False)
        self._known_steps: dict[float, Tensor] = {}  # by shift

    def steps(self, shifts: Sequence[float]) -> Tensor:
        """``(G + l)^-1 g`` [q, P], each computed once, those not known yet together."""
        unknown = [shift for shift in dict.fromkeys(shifts) if shift not in self._known_steps]
        if unknown:
            found = self._shifted.solve_each(unknown, self._pulled.expand(len(unknown), -1))
            if min(unknown) < self._refined_below:
                found = self._refined(unknown, found)
            self._known_steps.update(zip(unknown, found, strict=True))
        return torch.stack([self._known_steps[shift] for shift in shifts])

    def corrections(self, shifts: Sequence[float], residuals: Tensor, steps: Tensor) -> Tensor:
        """``(G + l)^-1 (A^T r' - l y)`` [q, P]."""
        rights = [
            self._jacobian.rmatvec(residual) / self._scale - shift * step
            for shift, residual, step in zip(shifts, residuals, steps, strict=True)
        ]
        return self._shifted.solve_each(shifts, torch.stack(rights))

    def expand(self, steps: Tensor) -> Tensor:
        """The steps themselves."""
        return steps

    def reduction(self, step: Tensor) -> float:
        """``g y - 1/2 y G y``."""
        linear, quadratic = torch.stack(self._reduction(step)).tolist()
        return float(linear - 0.5 * quadratic)

    def outcome(self, step: Tensor, shift: float) -> tuple[float, float]:
        """Both."""
        numbers = torch.stack([*self._reduction(step), self._shifted.left_over(shift)])
        linear, quadratic, left_over = numbers.tolist()
        return linear - 0.5 * quadratic, self._shifted.effective(shift, left_over)

    def floor(self, shift: float) -> float:
        """``1/2 ||r||^2 - 1/2 (g y + l y y)``, or ``1/2 l y y`` where that has cancelled."""
        length, removed = self._read(shift)
        kept = 0.5 * shift * length
        left = self._loss - 0.5 * removed - kept
        return left if left > CANCELLED * self._loss else min(kept, CANCELLED * self._loss)

    def rank(self, shift: float) -> int:
        """The effective number of parameters, rounded.

        It counts singular values by the share of each that the shift leaves.
        """
        return round(self.effective(shift))

    def effective(self, shift: float) -> float:
        """``tr (G + l)^-1 G``, see ``Shifted.effective``."""
        return self._shifted.effective(shift)

    def leverages(self, shift: float, probes: int | None = PROBES) -> Tensor:
        """Mean squares of ``A L^-T z``, L the Cholesky factor of G + l and z random signs.

        Or the sum of squares over unit vectors z.
        """
        factor = self._shifted.factor(shift)
        if probes is None:
            vectors = torch.eye(len(factor), dtype=factor.dtype, device=factor.device)
        else:
            vectors = random_signs((len(factor), probes), factor)
        directions = torch.linalg.solve_triangular(factor.T, vectors, upper=True)  # [P, probes]
        total = torch.zeros_like(self._residual)
        for direction in directions.T:
            total += self._jacobian.matvec(direction / self._scale).square_()
        return total if probes is None else with_sum(total / probes, self.effective(shift))

    def press(self, shift: float) -> float:
        """From the residual after the step and all leverages: P products with J."""
        remaining = self._residual - self._jacobian.matvec(self.steps([shift])[0] / self._scale)
        return press(remaining / (1.0 - self.leverages(shift, None)))

    def captured(self, shift: float) -> float:
        """``1/2 r A (G + l)^-1 A^T r``."""
        return 0.5 * self._read(shift)[1]

    def weak(self, y: Tensor, shift: float) -> Tensor:
        """``l (G + l)^-1 y``."""
        return shift * self._shifted.solve(shift, y)

    def _refined(self, shifts: Sequence[float], steps: Tensor) -> Tensor:
        """Steps [q, P] with what the equations still lack, by A itself, solved for and added."""
        for _ in range(REFINEMENTS):
            remaining = [
                self._residual - self._jacobian.matvec(step / self._scale) for step in steps
            ]
            changes = self.corrections(shifts, torch.stack(remaining), steps)
            steps = steps + changes
            if not still_moving(changes, steps):
                break
        return steps

    def _reduction(self, step: Tensor) -> tuple[Tensor, Tensor]:
        """``g y`` and ``y G y``."""
        return self._pulled @ step, step @ self._shifted.times(step)

    def _sums(self, shift: float) -> Tensor:
        """``y y`` and ``g y``."""
        (step,) = self.steps([shift])
        return torch.stack([step @ step, self._pulled @ step])
