"""AMStraMGRAM: ANaGRAM with a pair of ranks that follow the residual."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.methods.descent import NO_PROGRESS
from anagram_ext.methods.protocol import State, StepInfo
from anagram_ext.methods.search import SearchResult, grid_search

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.factorisation import Factorisation
    from anagram_ext.linear.jacobian import Jacobian
    from anagram_ext.systems.protocol import Linearisation, System

# 1 to 2^-60, half of them above 2^-15.
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

    def state(self) -> State:
        """What ``restore`` needs to go on from here."""
        return {"theta": self._theta, "r_min": self._r_min, "r_max": self._r_max}

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken."""
        self.start(system, state["theta"])
        self._r_min, self._r_max = state["r_min"], state["r_max"]

    def step(self) -> StepInfo:
        """A step of rank r_max, then one of rank r_min from where it ends."""
        here, factorisation = self._factorise()
        if not self._r_max:
            self._r_max = elbow(factorisation.singular_values)
        bold = self._advance(here, factorisation, self._r_max)

        here, factorisation = self._factorise()
        needed = needed_rank(here, factorisation)
        self._r_min, self._r_max = next_ranks(needed, self._r_min, self._r_max)
        safe = self._advance(here, factorisation, self._r_min)

        return StepInfo(
            theta=safe.theta,
            loss=safe.loss,
            step_size=safe.step_size,
            accepted=f"best of the grids, ranks {self._r_max} and {self._r_min}",
            rank=self._r_min,
            factorisations=2,
            evaluations=bold.evaluations + safe.evaluations + 2,
            captured=0.5 * safe.also / here.loss if here.loss > 0 else math.nan,
            stop=NO_PROGRESS if bold.step_size == safe.step_size == 0 else None,
        )

    def _factorise(self) -> tuple[Linearisation[Jacobian], Factorisation]:
        here = self._system.linearise(self._theta)
        return here, here.jacobian.factorise()

    def _advance(
        self, here: Linearisation[Jacobian], factorisation: Factorisation, rank: int
    ) -> SearchResult:
        coefficients = factorisation.project(here.residual, finite=True)
        seen = coefficients[:rank] @ coefficients[:rank]
        kept = min(rank, factorisation.count_above(0.0))
        coefficients[:kept] /= factorisation.singular_values[:kept]
        coefficients[kept:] = 0.0
        direction = factorisation.expand(coefficients)
        found = grid_search(
            self._system, self._theta, direction, here.loss, step_sizes=STEP_SIZES, also=seen
        )
        self._theta = found.theta
        return found


def needed_rank(here: Linearisation[Jacobian], factorisation: Factorisation) -> int:
    """r_min: how many singular directions are needed and usable, at least one.

    Args:
        here: the residual and its loss.
        factorisation: of its Jacobian.
    """
    sigma = factorisation.singular_values
    seen = factorisation.project(here.residual, finite=True).square()  # [k]
    left = (2 * here.loss - seen.cumsum(0)).clamp(min=0.0)  # squares beyond the first j, [k]
    rce = (left / factorisation.shape[0]).sqrt()
    eps = torch.finfo(sigma.dtype).eps
    needed, usable = torch.stack([(rce >= eps).sum(), (rce < sigma).sum()]).tolist()
    return int(max(1, min(needed, usable)))


def next_ranks(needed: int, r_min: int, r_max: int) -> tuple[int, int]:
    """The pair (r_min, r_max) after a step: r_max grows where r_min stalls below it."""
    stalls = needed <= r_min and needed < r_max
    return needed, r_max + stalls


def elbow(sigma: Tensor) -> int:
    """The number of singular values before the sharpest bend of log sigma.

    The bend is where the curve is farthest from the chord between its ends.

    Args:
        sigma: singular values, descending, ``[k]``.
    """
    height = sigma.clamp(min=torch.finfo(sigma.dtype).tiny).log()
    first, last = height[[0, -1]].tolist()
    chord = torch.linspace(first, last, len(sigma), dtype=sigma.dtype, device=sigma.device)
    return 1 + int((height - chord).abs().argmax())
