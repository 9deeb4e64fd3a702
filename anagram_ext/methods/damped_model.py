"""The damped linear model of the residual around one point, and how far it can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.systems.protocol import half_squares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anagram_ext.systems.protocol import System

# Columns of J shorter than this share of the longest one are scaled as if they had this length.
SHORTEST_COLUMN: Final = 1e-3
# Singular values below this share of the square root of the least damping may be missing.
LEFT_OUT: Final = 0.5


@dataclass(frozen=True)
class Trial:
    """The end of a full damped step, and the correction that the model wants from there.

    Attributes:
        damping: lambda, in units of the largest squared singular value.
        theta: where the step ends, ``[P]``.
        loss: the loss there, inf where it is not finite.
        step: the step in scaled parameters and singular directions, ``[k]``.
        correction: what the same factorisation would still add to it, ``[k]``.
        ratio: length of the correction over length of the step; inf where not finite.
    """

    damping: float
    theta: Tensor
    loss: float
    step: Tensor
    correction: Tensor
    ratio: float


class DampedModel:
    """The residual linearised at ``theta``, factorised once, solved for any damping.

    Parameters are scaled, ``J D^-1 = U S V^T`` with ``D_p`` the square root of the relative length
    of column p: halfway between Levenberg's and Marquardt's choice. A damped step
    ``theta - D^-1 V y`` minimises ``||c - S y||^2 + l ||y||^2`` with ``c = U^T r`` and
    ``l = damping * S_1^2``.

    Args:
        system: the least-squares problem.
        theta: where to linearise, ``[P]``.
        least_damping: the least damping that will be asked for; singular values far below its
            square root are not computed.
        left_out: how far below, as a share of it.

    Attributes:
        loss: the loss at theta.
        evaluations: residuals evaluated so far, the one at theta included.
    """

    def __init__(
        self, system: System, theta: Tensor, least_damping: float, left_out: float = LEFT_OUT
    ) -> None:
        here = system.linearise(theta)
        self._scale = _column_scale(here.jacobian.column_norms())  # D, [P]
        self._factorisation = here.jacobian.scaled(self._scale).factorise(
            smallest_cutoff=math.sqrt(least_damping), left_out=left_out
        )
        self._sigma = self._factorisation.singular_values  # [k]
        self._target = self._factorisation.project(here.residual)  # c, [k]
        # A zero Jacobian has no scale of its own: any damping stays where it is.
        self._unit = self._factorisation.largest**2 or 1.0
        self._system = system
        self._theta = theta
        self.loss = here.loss
        self.evaluations = 1

    def trials(self, dampings: Sequence[float]) -> list[Trial]:
        """The full steps for several dampings, their residuals evaluated in one batch."""
        steps = self._sigma / (self._sigma**2 + self._shifts(dampings)) * self._target  # [q, k]
        return self._evaluate(dampings, steps)

    def corrected(self, trial: Trial) -> Trial:
        """The step with its correction added: one more chord iteration on the damped problem."""
        return self._evaluate([trial.damping], (trial.step + trial.correction)[None])[0]

    def rank(self, damping: float) -> int:
        """Number of singular directions that the damping leaves more than half of."""
        return self._factorisation.count_above(math.sqrt(damping))

    def captured(self, rank: int) -> float:
        """``||P_k r||^2 / ||r||^2``: the share of the residual that the first directions see."""
        seen = 0.5 * float(self._target[:rank].square().sum())
        return seen / self.loss if self.loss > 0 else math.nan

    def predicted(self, trial: Trial) -> float:
        """The reduction of the loss by a step if the model were exact."""
        left = self._target - self._sigma * trial.step
        return 0.5 * float(self._target.square().sum() - left.square().sum())

    def _shifts(self, dampings: Sequence[float]) -> Tensor:
        """The shift l of each damping, [q, 1]."""
        return self._sigma.new_tensor(dampings)[:, None] * self._unit

    def _evaluate(self, dampings: Sequence[float], steps: Tensor) -> list[Trial]:
        thetas = self._theta - self._factorisation.expand(steps) / self._scale  # [q, P]
        residuals = self._system.residuals(thetas)  # [q, S]
        self.evaluations += len(dampings)
        losses = half_squares(residuals)
        residuals[~torch.isfinite(losses)] = 0.0  # their loss and ratio already disqualify them
        remaining = self._factorisation.project(residuals)  # U^T r, [q, k]
        # A Newton step of the damped problem with the matrices of theta:
        # (S^2 + l) correction = S U^T r - l step.
        shifts = self._shifts(dampings)
        corrections = (self._sigma * remaining - shifts * steps) / (self._sigma**2 + shifts)
        lengths = [torch.linalg.vector_norm(vectors, dim=1) for vectors in (steps, corrections)]
        numbers = torch.stack([losses, *lengths], dim=1).tolist()  # read from a GPU at once
        trials = []
        for damping, theta, step, correction, (loss, length, correction_length) in zip(
            dampings, thetas, steps, corrections, numbers, strict=True
        ):
            finite = math.isfinite(loss)
            # No step, no correction: a stationary point is trusted.
            ratio = correction_length / length if length > 0 else 0.0
            ratio = ratio if finite else math.inf
            trials.append(
                Trial(damping, theta, loss if finite else math.inf, step, correction, ratio)
            )
        return trials


def _column_scale(lengths: Tensor) -> Tensor:
    """D [P]: square roots of the lengths of the columns relative to the longest one."""
    longest = lengths.max()
    relative = torch.where(longest > 0, lengths / longest, torch.ones_like(lengths))
    return relative.clamp(min=SHORTEST_COLUMN).sqrt()
