"""One training step: linearise, solve, search."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from anagram_ext.checks import check_kind, check_seed
from anagram_ext.linear.memory import factorised
from anagram_ext.methods.search import SEARCHES
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.problem import Problem
from anagram_ext.systems.pde_system import System

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.linear.cutoff import Cutoff


@dataclass(frozen=True)
class StepResult:
    """The outcome of one step.

    Attributes:
        theta: the new parameters [P].
        loss: the loss there.
        step_size: how much of the direction was taken; 0 when nothing lowered the loss.
        rank: number of singular values above the cutoff.
        singular_values: of the Jacobian, descending.
        direction: the natural gradient [P]; theta moved by -step_size * direction.
    """

    theta: Tensor
    loss: float
    step_size: float
    rank: int
    singular_values: Tensor
    direction: Tensor


def jacobian(problem: Problem, model: MLP, theta: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The stacked residual r [S] of all conditions and its Jacobian J [S, P].

    Rows are ordered by condition, then by component of its residual, then by point, and scaled as
    the problem's ``row_scaling`` says, such that the loss is ``1/2 ||r||^2``.

    Args:
        problem: the conditions.
        model: a network from the problem's coordinates to its fields.
        theta: parameters [P].
        seed: of the points of sampled conditions.

    Raises:
        NonFiniteError: for a residual or derivative that is not finite.
        ValueError: for a wrong shape, or a residual that breaks the rules of :class:`Condition`.
        TypeError: for a wrong dtype.
    """
    return _system_of(problem, model, seed).linearise(theta)


def step(
    problem: Problem,
    model: MLP,
    theta: Tensor,
    cutoff: float | Cutoff = 1e-6,
    *,
    search: str = "grid",
    memory: str = "auto",
    seed: int = 0,
) -> StepResult:
    """One ANaGRAM step (arXiv 2412.10782): natural gradient by truncated SVD, then a line search.

    Args:
        problem: the conditions.
        model: a network from the problem's coordinates to its fields.
        theta: parameters [P].
        cutoff: singular values at or below are dropped; a float is relative to the largest.
        search: ``"grid"``: the best step size among 0.5^k, k = 0..30.
        memory: ``"stored"``, ``"streamed"`` (J is never stored, only tiles of its rows) or
            ``"auto"``: streamed when J would take more than a quarter of the memory of the machine
            or, if theta lies there, of the GPU.
        seed: of the points of sampled conditions.

    Raises:
        NonFiniteError: for a residual or derivative that is not finite.
        ValueError: for a wrong shape, a negative cutoff, an unknown search or memory.
        TypeError: for a wrong dtype.
        MemoryError: when J can neither be stored nor streamed.
        OutOfMemoryError: when the memory of the GPU does not suffice.
    """
    if search not in tuple(SEARCHES):
        raise ValueError(f"search must be one of {tuple(SEARCHES)}, got {search!r}")
    system = _system_of(problem, model, seed)
    residual, factorisation = factorised(system, theta, cutoff, memory)
    direction = factorisation.direction(residual, cutoff)
    found = SEARCHES[search](system, theta, direction, 0.5 * float(residual @ residual))
    return StepResult(
        theta=found.theta,
        loss=found.loss,
        step_size=found.step_size,
        rank=factorisation.rank(cutoff),
        singular_values=factorisation.singular_values,
        direction=direction,
    )


def _system_of(problem: Problem, model: MLP, seed: int) -> System:
    check_kind("problem", problem, Problem, "a Problem")
    check_kind("model", model, MLP, "an MLP")
    check_seed(seed)
    return _system(problem, model, seed)


@lru_cache(maxsize=4)
def _system(problem: Problem, model: MLP, seed: int) -> System:
    # Problems are immutable and compared by identity, so repeated steps share buffers and dry runs.
    return System(problem, model, seed)
