"""The damped linear model of the residual around one point, and how far it can be trusted."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.linear.choice import gram_pays, triangle_pays
from anagram_ext.linear.compressed import Compressed
from anagram_ext.linear.damped import Spectral
from anagram_ext.linear.gram import Gram
from anagram_ext.linear.jacobian import Stored
from anagram_ext.linear.left_out import MOST_ESTIMATED, press
from anagram_ext.linear.row_gram import RowGram
from anagram_ext.linear.shifted import is_large
from anagram_ext.linear.triangle import Triangle, triangle_of
from anagram_ext.systems.protocol import half_squares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anagram_ext.linear.damped import DampedSolves
    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.systems.protocol import Linearisation, System

# Columns of J shorter than this share of the longest one are scaled as if they had this length.
SHORTEST_COLUMN: Final = 1e-3
# Singular values below this share of the square root of the least damping may be missing.
LEFT_OUT: Final = 0.5
# Dimensions that a decomposition for the next step of ``natural_lm`` searches for each direction
# that this one leaves: it looks for values 20 times as small, and they decay like 1 / k or slower.
SEARCHED_EACH: Final = 20.0


@dataclass(frozen=True)
class Trial:
    """The end of a full damped step, and the correction that the model wants from there.

    Attributes:
        damping: lambda, in units of the largest squared singular value.
        theta: where the step ends, ``[P]``.
        loss: the loss there, inf where it is not finite.
        step: the step in scaled parameters, in coordinates of the solver, ``[n]``.
        correction: what the same factorisation would still add to it, ``[n]``.
        ratio: length of the correction over length of the step; inf where not finite.
        lengths: those of the step and of the correction.
        residual: where the step ends, ``[S]``; zero where it is not finite.
    """

    damping: float
    theta: Tensor
    loss: float
    step: Tensor
    correction: Tensor
    ratio: float
    lengths: tuple[float, float]
    residual: Tensor


@dataclass(frozen=True)
class Ends:
    """Where q full steps end, as tensors: nobody has waited for them yet.

    Attributes:
        dampings: of each step, q numbers.
        thetas: ``[q, P]``.
        steps: ``[q, n]``.
        corrections: ``[q, n]``.
        residuals: ``[q, S]``; zero where not finite.
        numbers: to be read, ``[q, 3 + m]``: the loss, the lengths of step and correction, and what
            the solver wants to know of each damping.
    """

    dampings: Sequence[float]
    thetas: Tensor
    steps: Tensor
    corrections: Tensor
    residuals: Tensor
    numbers: Tensor


class DampedModel:
    """The residual linearised at ``theta``, factorised once, solved for any damping.

    Parameters are scaled, ``A = J D^-1`` with ``D_p`` the square root of the relative length of
    column p: halfway between Levenberg's and Marquardt's choice. A damped step ``theta - D^-1 y``
    minimises ``||r - A y||^2 + l ||y||^2`` with ``l = damping * sigma_1^2``. Large dampings are
    served by the Gram matrix where that is cheaper, all others by singular values or, of a large J
    that has many which matter, by a QR decomposition.

    Args:
        system: the least-squares problem.
        theta: where to linearise, ``[P]``.
        least_damping: the least damping that will be asked for; singular values far below its
            square root are not computed.
        left_out: how far below, as a share of it.
        searched: dimension of the subspace in which a decomposition is expected to look for them,
            for the choice of the solver.

    Attributes:
        loss: the loss at theta.
        evaluations: residuals evaluated so far, the one at theta included.
        large: solving for one damping takes long, beside evaluating residuals.
    """

    def __init__(
        self,
        system: System,
        theta: Tensor,
        least_damping: float,
        left_out: float = LEFT_OUT,
        searched: float = 0.0,
    ) -> None:
        here = system.linearise(theta)
        eps = torch.finfo(theta.dtype).eps
        found = None
        self.large = is_large(min(here.jacobian.shape), theta.device)
        if gram_pays(here.jacobian.shape, least_damping, searched, eps, self.large):
            found = _by_gram(here)
        elif triangle_pays(here.jacobian.shape, searched, self.large):
            found = _by_triangle(here)
        if found is None:
            found = _by_singular_values(here, math.sqrt(least_damping), left_out)
        self._solves, self._scale = found
        self._leverages: dict[float, Tensor] = {}  # by damping
        self._system = system
        self._theta = theta
        self._searched = searched
        self._n_rows = here.jacobian.shape[0]
        self.loss = here.loss
        self.evaluations = 1

    def trials(self, dampings: Sequence[float]) -> list[Trial]:
        """The full steps for several dampings, their residuals evaluated in one batch."""
        ends = self._ends(dampings, self._solves.steps(self._shifts(dampings)))
        return self.known(ends, ends.numbers.tolist())

    def losses(self, dampings: Sequence[float]) -> list[float]:
        """Those where the full steps for several dampings end; inf where it is not finite."""
        steps = self._solves.steps(self._shifts(dampings))
        _, residuals = self._evaluated(steps)
        losses = half_squares(residuals).tolist()
        return [loss if math.isfinite(loss) else math.inf for loss in losses]

    def at(self, damping: float, step: Tensor) -> Trial:
        """Any other step [n], with the correction that the damped problem wants from there."""
        end = self.end(damping, step)
        return self.known(end, end.numbers.tolist())[0]

    def end(self, damping: float, step: Tensor) -> Ends:
        """The same, not read yet: for whoever has more to read."""
        return self._ends([damping], step[None])

    def known(self, ends: Ends, numbers: Sequence[Sequence[float]]) -> list[Trial]:
        """The trials with their numbers, read."""
        self._solves.know(self._shifts(ends.dampings), [row[3:] for row in numbers])
        trials = []
        for k, (damping, row) in enumerate(zip(ends.dampings, numbers, strict=True)):
            loss, length, correction = row[:3]
            finite = math.isfinite(loss)
            # No step, no correction: a stationary point is trusted.
            ratio = correction / length if length > 0 else 0.0
            trials.append(
                Trial(
                    damping,
                    ends.thetas[k],
                    loss if finite else math.inf,
                    ends.steps[k],
                    ends.corrections[k],
                    ratio if finite else math.inf,
                    (length, correction),
                    ends.residuals[k],
                )
            )
        return trials

    def corrected(self, trial: Trial) -> Trial:
        """The step with its correction added: one more chord iteration on the damped problem."""
        return self.at(trial.damping, trial.step + trial.correction)

    def search_expected(self, rank: int, rank_before: int) -> float:
        """``searched`` for the next model, by the ranks of this step and of the one before.

        Where nobody looked for singular values, as many dimensions are expected for each that is
        found as before. With more rows than parameters it is twice the rank instead, whatever was
        searched: solvers cost about the same there, and singular values are the more accurate ones.
        A large problem goes by the rank alone, before a search that takes all day is begun.
        """
        if self.large:
            return SEARCHED_EACH * max(rank, 1)
        if self._scale.numel() <= self._n_rows:
            return 2.0 * rank
        if isinstance(self._solves, Spectral):
            return float(self._solves.searched)
        return self._searched * rank / max(rank_before, 1)

    def rank(self, damping: float) -> int:
        """Number of singular directions that the damping leaves more than half of."""
        return self._solves.rank(damping * self._solves.unit)

    def effective(self, damping: float) -> float:
        """The effective number of parameters at a damping, see ``DampedSolves.effective``."""
        return self._solves.effective(damping * self._solves.unit)

    def leverages(self, damping: float) -> Tensor:
        """How many of these each row claims, [S], see ``DampedSolves.leverages``."""
        if damping not in self._leverages:
            self._leverages[damping] = self._solves.leverages(damping * self._solves.unit)
        return self._leverages[damping]

    def press(self, trial: Trial) -> float:
        """What the loss of a trial is about on rows that its step has not seen.

        ``1/2 sum (r_i / (1 - h_i))^2`` with the residual r where the step ends, of which the linear
        model knows nothing, and estimated leverages: exact for a linear residual up to these.
        """
        free = 1.0 - self.leverages(trial.damping).clamp(max=MOST_ESTIMATED)
        return press(trial.residual / free) if math.isfinite(trial.loss) else math.inf

    def captured(self, damping: float) -> float:
        """``||P_k r||^2 / ||r||^2``: the share of the residual that these directions see."""
        seen = self._solves.captured(damping * self._solves.unit)
        return seen / self.loss if self.loss > 0 else math.nan

    def predicted(self, trial: Trial) -> float:
        """The reduction of the loss by a step if the model were exact."""
        return self._solves.reduction(trial.step)

    def outcome(self, trial: Trial) -> tuple[float, float]:
        """``predicted`` and ``effective`` of a trial, by one read from a GPU."""
        return self._solves.outcome(trial.step, trial.damping * self._solves.unit)

    def floor(self, damping: float) -> float:
        """The loss after the damped step if the model were exact."""
        return self._solves.floor(damping * self._solves.unit)

    def shaken(self, theta: Tensor, direction: Tensor, length: float, damping: float) -> Tensor:
        """``theta`` moved so far along the part of a direction [P] that the damping suppresses."""
        weak = self._solves.weak(direction, damping * self._solves.unit)
        size = float(torch.linalg.vector_norm(weak))
        return theta + length / size * weak / self._scale if size > 0 else theta

    def _shifts(self, dampings: Sequence[float]) -> list[float]:
        return [damping * self._solves.unit for damping in dampings]

    def _ends(self, dampings: Sequence[float], steps: Tensor) -> Ends:
        thetas, residuals = self._evaluated(steps)
        losses = half_squares(residuals)
        # Their loss and ratio already disqualify those that are not finite.
        residuals.masked_fill_(~torch.isfinite(losses)[:, None], 0.0)
        shifts = self._shifts(dampings)
        corrections = self._solves.corrections(shifts, residuals, steps)
        lengths = [torch.linalg.vector_norm(vectors, dim=1) for vectors in (steps, corrections)]
        columns = [losses[:, None], *(length[:, None] for length in lengths)]
        numbers = torch.cat([*columns, self._solves.sums(shifts)], dim=1)
        return Ends(dampings, thetas, steps, corrections, residuals, numbers)

    def _evaluated(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Where q steps end, [q, P], and the residuals there, [q, S]."""
        thetas = self._theta - self._solves.expand(steps) / self._scale
        self.evaluations += len(steps)
        return thetas, self._system.residuals(thetas)


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
