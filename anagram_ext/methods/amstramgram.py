"""AMStraMGRAM: ANaGRAM with a pair of ranks that follow the residual."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.linear.solve import factorise
from anagram_ext.methods.descent import NO_PROGRESS
from anagram_ext.methods.protocol import StepInfo
from anagram_ext.methods.search import SearchResult, grid_search

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.solve import Factorisation
    from anagram_ext.systems.pde_system import System

STEP_SIZES: Final = 0.5 ** (60 * torch.linspace(0, 1, 101, dtype=torch.float64) ** 2)


class Amstramgram:
    """Alternates a bold step of rank r_max and a safe one of rank r_min, each with a line search.

    With RCE_j the root mean square of the residual minus its projection on the first j left
    singular vectors, r_min counts the directions that are both needed (RCE_j above round-off) and
    usable (RCE_j below sigma_j). r_max begins at the elbow of log sigma, never decreases, and grows
    by one whenever r_min stalls below it.

    Source: "AMStraMGRAM: Adaptive Multi-cutoff Strategy Modification for ANaGRAM" (arXiv
    2510.15998).
    """

    name = "amstramgram"
    default_steps = 500
    evaluate_every = 1

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._system = system
        self._theta = theta
        self._r_min = 0
        self._r_max = 0

    def step(self) -> StepInfo:
        """A step of rank r_max, then one of rank r_min from where it ends."""
        r, factorisation = self._factorise()
        if not self._r_max:
            self._r_max = elbow(factorisation.singular_values)
        bold = self._advance(r, factorisation, self._r_max)

        r, factorisation = self._factorise()
        self._update_ranks(needed_rank(r, factorisation))
        safe = self._advance(r, factorisation, self._r_min)

        seen = factorisation.project(r)[: self._r_min]
        return StepInfo(
            theta=safe.theta,
            loss=safe.loss,
            step_size=safe.step_size,
            accepted=f"best of the grids, ranks {self._r_max} and {self._r_min}",
            rank=self._r_min,
            factorisations=2,
            evaluations=bold.evaluations + safe.evaluations + 2,
            captured=float(seen @ seen / (r @ r)) if safe.loss > 0 else math.nan,
            stop=NO_PROGRESS if bold.step_size == safe.step_size == 0 else None,
        )

    def _factorise(self) -> tuple[Tensor, Factorisation]:
        r, J = self._system.linearise(self._theta)  # [S], [S, P]
        return r, factorise(J)

    def _update_ranks(self, r_min: int) -> None:
        if r_min <= self._r_min and r_min < self._r_max:
            self._r_max += 1
        self._r_min = r_min

    def _advance(self, r: Tensor, factorisation: Factorisation, rank: int) -> SearchResult:
        coefficients = factorisation.project(r)
        kept = min(rank, int((factorisation.singular_values > 0).sum()))
        coefficients[:kept] /= factorisation.singular_values[:kept]
        coefficients[kept:] = 0.0
        direction = factorisation.expand(coefficients)
        loss = 0.5 * float(r @ r)
        found = grid_search(self._system, self._theta, direction, loss, STEP_SIZES)
        self._theta = found.theta
        return found


def needed_rank(r: Tensor, factorisation: Factorisation) -> int:
    """r_min: how many singular directions are needed and usable, at least one.

    Args:
        r: the residual, `[S]`.
        factorisation: of its Jacobian.
    """
    sigma = factorisation.singular_values
    seen = factorisation.project(r).square()  # [k]
    left = (r @ r - seen.cumsum(0)).clamp(min=0.0)  # squared residual beyond the first j, [k]
    rce = (left / len(r)).sqrt()
    eps = torch.finfo(r.dtype).eps
    return max(1, min(int((rce >= eps).sum()), int((rce < sigma).sum())))


def elbow(sigma: Tensor) -> int:
    """The number of singular values before the sharpest bend of log sigma.

    The bend is where the curve is farthest from the chord between its ends.

    Args:
        sigma: singular values, descending, `[k]`.
    """
    height = sigma.clamp(min=torch.finfo(sigma.dtype).tiny).log()
    ends = float(height[0]), float(height[-1])
    chord = torch.linspace(*ends, len(sigma), dtype=sigma.dtype, device=sigma.device)
    return 1 + int((height - chord).abs().argmax())
