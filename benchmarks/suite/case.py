"""What a published problem is: who published what about it, and what is measured here."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

import anagram_ext as ax

FRESH = 10_000  # points of the error, none of them trained on
FRESH_SEED = 2**20  # far from the seeds that draw points for training


@dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
        error: what the case measures, as its ``measure`` says.
        verdict: what the run says of itself.
        estimated_error: what it takes for its relative error; nan where it does not know.
        loss: of the run, the largest of all windows.
        seconds: time in the method, of all stages.
        steps: of all stages.
        parameters: P.
        rows: S, of the last stage.
        warning: what the run says is wrong with it.
        notes: further numbers by name.
    """

    error: float
    verdict: str
    estimated_error: float
    loss: float
    seconds: float
    steps: int
    parameters: int
    rows: int
    warning: str | None
    notes: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A published problem.

    Attributes:
        source: where it is defined.
        published: the best published number, and whose.
        target: what the error has to come below.
        run: trains from a seed; further options go to ``ax.train``.
        measure: what the error is.
    """

    source: str
    published: str
    target: float
    run: Callable[..., Outcome]
    measure: str = "relative L2"


def outcome(runs: list[ax.TrainResult], error: float, **notes: float) -> Outcome:
    """The outcome of the stages or windows of one run, the last of which it returned."""
    last = runs[-1]
    assert last.facts is not None
    return Outcome(
        error=error,
        verdict=str(last.verdict),
        estimated_error=last.estimated_error,
        loss=last.loss,
        seconds=sum(run.seconds for run in runs),
        steps=sum(run.steps for run in runs),
        parameters=last.model.n_parameters,
        rows=last.facts.n_rows,
        warning=last.warning,
        notes=notes,
    )


def bends(field: ax.Field) -> tuple[torch.Tensor, ...]:
    """Second derivatives of an unknown field of x and y, small where it is smooth."""
    return field.d("xx"), field.d("xy"), field.d("yy")


def chosen(path: ax.RegularisationPath, error_of: Callable[[ax.TrainResult], float]) -> Outcome:
    """The outcome of the run that cross-validation prefers, with the errors of all weights."""
    runs = [point.run for point in path.points if point is not path.best] + [path.best.run]
    errors = {f"error at {p.weight:g}": error_of(p.run) for p in path.points}
    return outcome(runs, error_of(path.best.run), weight=path.best.weight, **errors)


def solved_forward(
    problem: ax.Problem, model: Any, region: Any, seed: int, **options: Any
) -> Outcome:
    """Trains, and compares all fields with the problem's solution on fresh points of a region."""
    run = ax.train(problem, model, seed=seed, **{"progress": False, **options})
    return outcome([run], fresh_error(run, problem, region))


def marched_forward(
    problem: ax.Problem, model: Any, region: Any, seed: int, windows: int, **options: Any
) -> Outcome:
    """Trains window by window, and compares the solution of all times."""
    march = ax.march(problem, model, windows=windows, seed=seed, **{"progress": False, **options})
    points = fresh(region)
    exact = problem.solution(ax.Coordinates(problem.coordinates, points))
    error = relative(march(points)[:, 0], exact)
    return of_march(march, error)


def of_march(march: ax.MarchResult, error: float, **notes: float) -> Outcome:
    """The outcome of all windows: the verdict and the warning are those of the whole."""
    runs = list(march.runs)
    result = outcome(runs, error, windows=len(runs), **notes)
    return replace(
        result,
        verdict=str(march.verdict),
        estimated_error=march.estimated_error,
        warning=march.warning,
        loss=march.loss,
    )


def fresh_error(run: ax.TrainResult, problem: ax.Problem, region: Any) -> float:
    """Relative L2 error of all fields on fresh points; of the fields one by one, the largest."""
    points = fresh(region)
    exact = problem.solution(ax.Coordinates(problem.coordinates, points))
    exact = torch.stack(exact, dim=1) if isinstance(exact, tuple) else exact[:, None]
    found = run.model(run.theta, points)
    return max(relative(found[:, k], exact[:, k]) for k in range(exact.shape[1]))


def fresh(region: Any) -> torch.Tensor:
    """Independent points of a region, ``[FRESH, d]``."""
    points = region.uniform(FRESH)(FRESH_SEED)
    return points.as_subclass(torch.Tensor) if isinstance(points, torch.Tensor) else points.tensor


def relative(found: torch.Tensor, exact: torch.Tensor) -> float:
    """The relative L2 error of values."""
    return math.sqrt(float((found - exact).square().sum() / exact.square().sum()))


def largest_relative(found: Mapping[str, float], truth: Mapping[str, float]) -> float:
    """The largest relative error of a number."""
    return max(abs(found[name] / value - 1) for name, value in truth.items())
