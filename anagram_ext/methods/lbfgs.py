"""L-BFGS baseline."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Final

import torch

from anagram_ext.methods.protocol import State, StepInfo

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.systems.protocol import System

MEMORY: Final = 50  # pairs; torch's own default is 100. Not tuned.
LINE_SEARCH_EVALUATIONS: Final = 25  # torch's limit of a Wolfe search; its default goes by max_iter


class LBFGS:
    """``torch.optim.LBFGS`` (strong Wolfe line search) on the native loss gradient."""

    name = "lbfgs"
    default_steps = 2_001
    evaluate_every = 10

    def __init__(self) -> None:
        # The first optimiser of a process loads much of torch: now, not in the timed start.
        torch.optim.LBFGS([torch.zeros(1)])

    def start(self, system: System, theta: Tensor) -> None:
        """Takes the problem and the first iterate."""
        self._system = system
        self._theta = theta.clone()
        # One iteration a call; zero tolerances, so that only the training loop decides to stop.
        self._optimizer = torch.optim.LBFGS(
            [self._theta],
            max_iter=1,
            max_eval=LINE_SEARCH_EVALUATIONS,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            history_size=MEMORY,
            line_search_fn="strong_wolfe",
        )
        self._evaluations = 0
        self._evaluated = self._evaluate()

    def state(self) -> State:
        """What ``restore`` needs to go on from here."""
        return {
            "theta": self._theta.clone(),
            "optimizer": copy.deepcopy(self._optimizer.state_dict()),
        }

    def restore(self, system: System, state: State) -> None:
        """Goes on from where the state was taken."""
        self.start(system, state["theta"])
        self._optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))

    def step(self) -> StepInfo:
        """One quasi-Newton direction and its line search."""
        before, evaluations = self._theta.clone(), self._evaluations
        self._optimizer.step(self._closure)  # type: ignore[no-untyped-call]
        loss = float(self._closure())
        moved = not torch.equal(before, self._theta)
        return StepInfo(
            theta=self._theta.clone(),
            loss=loss,
            step_size=self._step_size() if moved else 0.0,
            accepted="strong Wolfe" if moved else "none",
            stop=None if moved else "no progress: the line search found no step",
            evaluations=self._evaluations - evaluations,
        )

    def _step_size(self) -> float:
        return float(self._optimizer.state[self._theta].get("t", 0.0))

    def _closure(self) -> Tensor:
        """Loss at the optimiser's trial point; sets the gradient."""
        # torch evaluates the start of each iteration again: the line search has been there.
        theta, draws, loss, gradient = self._evaluated
        if draws != self._system.draws or not torch.equal(theta, self._theta):
            self._evaluated = self._evaluate()
            _, _, loss, gradient = self._evaluated
        self._theta.grad = gradient
        return loss

    def _evaluate(self) -> tuple[Tensor, int, Tensor, Tensor]:
        loss, gradient = self._system.gradient(self._theta)
        self._evaluations += 1
        draws = self._system.draws  # on redrawn points the same theta has another loss
        return self._theta.clone(), draws, torch.tensor(loss, dtype=self._theta.dtype), gradient
