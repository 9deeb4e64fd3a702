"""One training step, and its residual and Jacobian, as pure functions of the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from anagram_ext.checks import check_kind, check_seed, check_theta
from anagram_ext.linear.group import spread_over
from anagram_ext.methods.anagram import Anagram
from anagram_ext.methods.search import LOWER
from anagram_ext.pde.problem import Problem
from anagram_ext.training.asked import warn_of_hiding
from anagram_ext.training.idle_systems import borrowed_system

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributed import ProcessGroup

    from anagram_ext.linear.cutoff import Cutoff
    from anagram_ext.models.protocol import Model


_CALLER = 3  # of the functions here, for warnings: above is what leaves the inference mode


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

    def __repr__(self) -> str:
        return f"StepResult(loss={self.loss:.6g}, step_size={self.step_size:.3g}, rank={self.rank})"


@torch.inference_mode(mode=False)  # where the caller is in it: residuals are differentiated
def jacobian(problem: Problem, model: Model, theta: Tensor, seed: int = 0) -> tuple[Tensor, Tensor]:
    """The stacked residual r [S] of all conditions and its Jacobian J [S, P].

    Rows are ordered by condition, then by component of its residual, then by point, and scaled as
    the problem's ``row_scaling`` says, such that the loss is ``1/2 ||r||^2``. Both tensors are the
    caller's; any number of threads may call this at once.

    Args:
        problem: the conditions.
        model: an ``MLP`` or ``Model`` from the problem's coordinates to its fields.
        theta: parameters [P], unknown coefficients of the problem at the end.
        seed: of the points of sampled conditions.

    Returns:
        r [S] and J [S, P].

    Raises:
        NonFiniteError: for a residual or derivative that is not finite.
        ValueError: for a wrong shape, or a residual that breaks the rules of ``Condition``.
        TypeError: for a wrong dtype.
        MemoryError: J does not fit into memory.
    """
    _check(problem, model, seed)
    with borrowed_system(problem, model, seed) as system:
        warn_of_hiding(system, _CALLER)
        return system.residual_and_matrix(theta)


@torch.inference_mode(mode=False)
def step(
    problem: Problem,
    model: Model,
    theta: Tensor,
    cutoff: float | Cutoff = 1e-6,
    *,
    search: str = "grid",
    memory: str = "auto",
    seed: int = 0,
    group: ProcessGroup | None = None,
) -> StepResult:
    """One step of the method ``anagram`` (arXiv 2412.10782) that never raises the loss.

    The natural gradient by truncated SVD, then the best step size among 0.5^k, k = 0..30, where one
    of them lowers the loss. Any number of threads may call this at once.

    Args:
        problem: the conditions.
        model: an ``MLP`` or ``Model`` from the problem's coordinates to its fields.
        theta: parameters [P], unknown coefficients of the problem at the end.
        cutoff: singular values at or below are dropped; a float is relative to the largest.
        search: ``"grid"``, the search of the paper.
        memory: ``"stored"``, ``"streamed"`` (J is never stored, only tiles of its rows) or
            ``"auto"``: streamed when J would take more than a quarter of the memory of the machine
            or, if theta lies there, of the GPU.
        seed: of the points of sampled conditions.
        group: processes of ``torch.distributed`` that do the step together, each with a share of
            the points; all call this with the same arguments, and get the same result.

    Returns:
        The new parameters, and how the step came about.

    Raises:
        NonFiniteError: for a residual or derivative that is not finite.
        ValueError: for a wrong shape, a negative cutoff, an unknown search or memory.
        TypeError: for a wrong dtype.
        MemoryError: when J can neither be stored nor streamed.
        OutOfMemoryError: when the memory of the GPU does not suffice.
        RankError: a rank of the group has died, hangs, failed, or has other parameters.
    """
    _check(problem, model, seed)
    if search != "grid":
        raise ValueError(f"search must be 'grid', got {search!r}")
    method = Anagram(cutoff, accept=LOWER)
    with (
        spread_over(group) as ranks,
        borrowed_system(problem, model, seed, memory, ranks) as system,
    ):
        warn_of_hiding(system, _CALLER)
        check_theta(theta, (system.n_parameters,), model.dtype, model.device)
        if ranks is not None:
            ranks.check_same("theta", theta)
        method.start(system, theta.detach())
        info = method.step()
    return StepResult(
        theta=info.theta,
        loss=info.loss,
        step_size=info.step_size,
        rank=info.rank or 0,
        singular_values=method.singular_values,
        direction=method.direction,
    )


def _check(problem: Problem, model: Model, seed: int) -> None:
    check_kind("problem", problem, Problem, "a Problem")
    problem.check_model(model)
    check_seed(seed)
