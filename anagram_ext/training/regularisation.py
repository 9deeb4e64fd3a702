"""How much smoothness an unknown field needs: a run a weight, and the weight by cross-validation.

With noisy measurements an unknown field k(x) is not determined without rows that say it is smooth,
such as its second derivatives, and their weight decides between fitting the noise and missing the
field. The runs go from the largest weight to the smallest, each from where the one before ended.
Generalised cross-validation (Golub, Heath & Wahba, Technometrics 21, 1979) takes the weight with
the smallest

    V = (RSS / n) / (1 - p / n)^2,

n measurements with the sum RSS of squared residuals and p effective parameters: the error at a
measurement that was left out, without leaving one out and without knowing the noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from anagram_ext.analysis.uncertainty import Uncertainty
from anagram_ext.checks import check_kind, positive_number
from anagram_ext.pde.measurements import Data
from anagram_ext.pde.problem import Problem
from anagram_ext.training.loop import train

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.models.protocol import Model
    from anagram_ext.training.result import TrainResult


@dataclass(frozen=True)
class RegularisationPoint:
    """One weight of the path.

    Attributes:
        weight: of the condition.
        run: what was found with it.
        misfit: mean square of the measurements' residuals, in units of sigma: about 1 - p / n where
            sigma is right.
        roughness: mean square of the condition's residual; beside ``misfit`` on two logarithmic
            axes it is the L-curve.
        effective: p, how many parameters the measurements determine.
        score: V of generalised cross-validation; infinite where the fit has no freedom left.
        condition: name of the smoothness condition.
    """

    weight: float
    run: TrainResult
    misfit: float
    roughness: float
    effective: float
    score: float
    condition: str

    @cached_property
    def uncertainty(self) -> Uncertainty:
        """Error bars that count smoothness as what was known before the measurements.

        Rows of the condition are prior measurements of zero, with the standard deviation that their
        weight stands for beside that of the data. ``run.uncertainty`` has the scatter over
        repetitions of the noise alone, which is small where the smoothness decides; these bands
        hold what smoothness hides as well, and cover the truth on average over the points where
        the weight is right (Wahba, J. R. Stat. Soc. B 45, 1983).
        """
        problem = self.run.problem
        assert problem is not None  # a run of ``train`` has one
        noise: dict[str, float | None] = {}
        squares, n = 0.0, 0  # of a row's noise, by value measured
        for name, data in _measurements(problem).items():
            std = 1.0 if data.sigma is not None else self.run.uncertainty.noise[name]
            noise[name] = std
            squares += data.values.numel() * std**2 * data.weight / data.n_points
            n += data.values.numel()
        smooth = problem.conditions[self.condition]
        noise[self.condition] = math.sqrt(squares / n * smooth.n_points / smooth.weight)
        unknowns = {name: self.run.model.layout[name] for name in problem.unknowns}
        return Uncertainty.of_problem(
            problem, self.run.model, self.run.theta, unknowns, noise, seed=self.run.seed
        )


@dataclass(frozen=True)
class RegularisationPath:
    """The runs of all weights, from the largest to the smallest.

    Attributes:
        points: one a weight.
    """

    points: tuple[RegularisationPoint, ...]

    @property
    def best(self) -> RegularisationPoint:
        """The point that cross-validation prefers."""
        return min(self.points, key=lambda point: point.score)

    @property
    def at_an_end(self) -> bool:
        """Whether the best weight is the first or last one: the range is too narrow."""
        return self.best in (self.points[0], self.points[-1])

    def __str__(self) -> str:
        """A line a weight, the chosen one with an arrow."""
        lines = ["   weight     misfit  roughness  effective      score"]
        for p in self.points:
            mark = "  <-" if p is self.best else ""
            lines.append(
                f"{p.weight:9.1e} {p.misfit:10.4f} {p.roughness:10.3e} {p.effective:10.1f} "
                f"{p.score:10.4f}{mark}"
            )
        return "\n".join(lines)


def regularisation_path(
    problem: Problem,
    model: Model,
    condition: str,
    weights: Sequence[float],
    *,
    theta: Tensor | None = None,
    **options: Any,
) -> RegularisationPath:
    """Trains with several weights of a smoothness condition, and scores each.

    Args:
        problem: with measurements (``ax.Data``) and a condition that the unknown field is smooth,
            such as ``ax.Condition(lambda u, k, x: k.d("xx"), rod.grid(60))``.
        model: from the problem's coordinates to its fields.
        condition: the name of the smoothness condition; its own weight is not used.
        weights: to try, in any order; a factor of 10 between them is enough.
        theta: parameters [P] to start from.
        options: further ones for ``train``, such as ``steps`` and ``seed``.

    Returns:
        The path; ``path.best.run`` is the result, ``print(path)`` the table.

    Raises:
        TypeError: an argument of another kind.
        ValueError: no such condition, no measurements, no weights or weights that are not positive.
    """
    measured = _checked(problem, condition, weights)
    points: list[RegularisationPoint] = []
    for weight in sorted(weights, reverse=True):
        smooth = replace(problem.conditions[condition], weight=float(weight))
        weighted = replace(problem, conditions={**problem.conditions, condition: smooth})
        run = train(weighted, model, theta=theta, **options)
        model, theta = run.model, run.theta
        points.append(_point(run, condition, float(weight), measured))
    return RegularisationPath(tuple(points))


def _checked(problem: Problem, condition: str, weights: Sequence[float]) -> dict[str, Data]:
    """The measurements by name, once everything else is in order."""
    check_kind("problem", problem, Problem, "a Problem")
    check_kind("weights", weights, Sequence, "a sequence of numbers")
    check_kind("condition", condition, str, "the name of a condition")
    if condition not in problem.conditions:
        known = tuple(problem.conditions)
        raise ValueError(f"condition must be one of {known}, got {condition!r}")
    if not weights:
        raise ValueError("weights must hold at least one number, got none")
    for weight in weights:
        positive_number("weights", weight)
    measured = _measurements(problem)
    if not measured or condition in measured:
        raise ValueError(
            "problem must have measurements (ax.Data) beside the condition, got "
            f"{tuple(problem.conditions)}"
        )
    return measured


def _measurements(problem: Problem) -> dict[str, Data]:
    return {k: c for k, c in problem.conditions.items() if isinstance(c, Data)}


def _point(
    run: TrainResult, condition: str, weight: float, measured: dict[str, Data]
) -> RegularisationPoint:
    """What a run says about its weight."""
    n = sum(data.values.numel() for data in measured.values())
    # A condition's loss is weight / 2 times the mean over its points.
    squares = sum(2 * run.losses[k] / d.weight * d.n_points for k, d in measured.items())
    effective = _effective(run, measured)
    misfit, freedom = squares / n, 1 - effective / n
    score = misfit / freedom**2 if freedom > 0 else math.inf
    roughness = 2 * run.losses[condition] / weight
    return RegularisationPoint(weight, run, misfit, roughness, effective, score, condition)


def _effective(run: TrainResult, measured: dict[str, Data]) -> float:
    """Parameters that the measurements determine, whatever their noise is."""
    assert run.problem is not None  # a run of ``train`` has one
    noise = dict.fromkeys(measured, 1.0)
    sure = Uncertainty.of_problem(run.problem, run.model, run.theta, {}, noise, seed=run.seed)
    return sure.effective_parameters
