"""What a run leaves: its best iterate, how it got there and why it ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from anagram_ext.figures import overview
from anagram_ext.methods import Stop
from anagram_ext.models.model import Model as Composite
from anagram_ext.training.estimates import Estimates, estimates_of, uncertainty_of
from anagram_ext.verdicts.verdict import Verdict, judge

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from matplotlib.figure import Figure
    from torch import Tensor

    from anagram_ext.analysis.uncertainty import Uncertainty
    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem
    from anagram_ext.verdicts.facts import Facts


@dataclass(frozen=True, repr=False)
class TrainResult:
    """What a run found: its best iterate, and how it got there.

    The best iterate is the one with the smallest loss; with points redrawn before every step, the
    smallest loss on held-out points.

    Attributes:
        theta: parameters of the best iterate, ``[P]``.
        model: the model they belong to, bound to the problem: ``model(theta, points)`` gives the
            fields.
        history: columns by name (see ``anagram_ext.training.history.Row``), one entry an evaluated
            step.
        loss: ``1/2 ||r(theta)||^2``.
        l2_error: root mean square error against the solution; nan when the problem has none.
        l2_relative: ``l2_error`` over the root mean square of the solution.
        held_out_loss: the loss on points the training did not see, of the conditions that have
            such points; nan when none has.
        seconds: time spent in the method, without set-up, evaluation of errors and output.
        steps: finished steps.
        stop_reason: why the run ended, in words; ``stop`` is its kind.
        method: name of the method.
        seed: the seed of initial parameters and sampled points.
        warning: what is wrong with the result in plain words, with the loss of each condition and
            one suggestion; None when the problem is solved.
        verdict: what the run amounts to, in one word (see ``anagram_ext.verdicts.verdict``).
        losses: training loss of each condition.
        held_out_losses: the same on held-out points; nan for a condition without any, of which
            ``unseen`` says why.
        facts: what the verdict goes by.
        problem: what was solved.
    """

    theta: Tensor
    model: Model
    history: dict[str, np.ndarray]
    loss: float
    l2_error: float
    l2_relative: float
    held_out_loss: float
    seconds: float
    steps: int
    stop_reason: str
    method: str
    seed: int
    warning: str | None = None
    verdict: Verdict = Verdict.CONVERGED
    losses: Mapping[str, float] = field(default_factory=dict)
    held_out_losses: Mapping[str, float] = field(default_factory=dict)
    facts: Facts | None = None
    problem: Problem | None = field(default=None, compare=False)

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """Error bars of unknowns and fields, from the noise of the measurements alone.

        They hold at the optimum: of what a run that stalled is off by they know nothing.

        Raises:
            ValueError: the problem has no measurements (``ax.Data``).
        """
        if self.problem is None:
            raise ValueError("problem must be known for error bars, got None")
        return uncertainty_of(self.problem, self.model, self.theta, self.seed)

    @property
    def unknowns(self) -> Estimates:
        """The unknown coefficients with their error bars; those with a size as tuples.

        Without measurements, or noise, there is nothing to estimate; ``values`` are the numbers.

        Raises:
            ValueError: the problem has unknowns, but no measurements (``ax.Data``).
        """
        if not self.model.unknowns:
            return {}
        return estimates_of(self.uncertainty, self.model)

    @property
    def estimated_error(self) -> float:
        """The relative error of the fields as far as points never seen tell; nan if unknown."""
        return math.nan if self.facts is None else self.facts.estimate

    @property
    def unseen(self) -> Mapping[str, str]:
        """Why a condition has no held-out points, for each that has none."""
        return {} if self.facts is None else self.facts.unseen

    @property
    def press(self) -> Mapping[str, float]:
        """The loss of each condition without held-out points if its rows are left out in turn.

        What the held-out loss is to the others: far above ``losses`` where the network fits the
        rows and not what they stand for. See ``anagram_ext.verdicts.unseen``.
        """
        return {} if self.facts is None else self.facts.press

    def interrupted(self) -> TrainResult:
        """The same result of a run that Ctrl-C ended."""
        if self.facts is None:
            return replace(self, stop_reason=str(Stop.INTERRUPTED))
        facts = replace(self.facts, stop=Stop.INTERRUPTED)
        judgement = judge(facts)
        return replace(
            self,
            stop_reason=str(Stop.INTERRUPTED),
            verdict=judgement.verdict,
            warning=judgement.warning,
            facts=facts,
        )

    @property
    def stop(self) -> Stop:
        """The kind of reason the run ended for: what a program compares."""
        return Stop.of(self.stop_reason)

    @property
    def values(self) -> Mapping[str, float | tuple[float, ...]]:
        """The values of the unknown coefficients by name, those with a size as tuples."""
        return self.model.values(self.theta) if isinstance(self.model, Composite) else {}

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draws how the run went, what came out and, where the solution is known, its error.

        Loss and errors against steps and seconds, with the best loss so far; the fields as graphs
        in one coordinate, maps in two, slices in more; errors in logarithmic colours.

        Args:
            path: PNG file to write; none by default.

        Returns:
            The figure, a ``matplotlib.figure.Figure`` that belongs to no window.
        """
        if self.problem is None:
            return overview.run(self.history, None, path, f"{self.method}, seed {self.seed}")
        title = f"{self.problem.name}, {self.method}, seed {self.seed}"
        return overview.run(self.history, (self.problem, self.model, self.theta), path, title)

    def __repr__(self) -> str:
        """One line without arrays."""
        return (
            f"TrainResult({self.verdict}: {self.method}, seed {self.seed}: loss {self.loss:.2e}, "
            f"L2 {self.l2_error:.2e}, {self.steps} steps in {self.seconds:.2f} s, {self.stop})"
        )

    def summary(self) -> dict[str, object]:
        """The result without its arrays, as plain numbers and strings."""
        return {
            "method": self.method,
            "seed": self.seed,
            **self.model.describe(),
            **({"values": dict(self.values)} if self.values else {}),
            "P": self.model.n_parameters,
            "steps": self.steps,
            "seconds": self.seconds,
            "loss": self.loss,
            "l2_error": self.l2_error,
            "l2_relative": self.l2_relative,
            "held_out_loss": self.held_out_loss,
            "stop_reason": self.stop_reason,
            "verdict": str(self.verdict),
            "warning": self.warning,
            "estimated_error": self.estimated_error,
            "losses": dict(self.losses),
            "held_out_losses": dict(self.held_out_losses),
            "not_held_out": dict(self.unseen),
            "left_out": dict(self.press),
        }
