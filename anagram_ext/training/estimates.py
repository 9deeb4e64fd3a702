"""What a run says of its unknown coefficients: estimates with error bars."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from anagram_ext.analysis.uncertainty import Uncertainty
from anagram_ext.models.constants import Constants
from anagram_ext.pde.measurements import Data

if TYPE_CHECKING:
    from anagram_ext.analysis.estimate import Estimate
    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem

Estimates = dict[str, "Estimate | tuple[Estimate, ...]"]


def uncertainty_of(problem: Problem, model: Model, theta: Tensor, seed: int) -> Uncertainty:
    """The uncertainty of fitted parameters [P], all noise in the measurements.

    Measurements with a ``sigma`` have that noise; for others it is estimated from what is left of
    them. All other conditions are exact.

    Raises:
        ValueError: the problem has no measurements.
    """
    noise = {
        name: None if condition.sigma is None else 1.0  # residuals are in units of sigma
        for name, condition in problem.conditions.items()
        if isinstance(condition, Data)
    }
    if not noise:
        raise ValueError(
            "conditions must hold ax.Data for error bars, got none; the numbers that were found "
            "are in run.values"
        )
    unknowns = {name: model.layout[name] for name in model.unknowns}
    return Uncertainty.of_problem(problem, model, theta, unknowns, noise, seed=seed)


def estimates_of(uncertainty: Uncertainty, model: Model) -> Estimates:
    """The unknown coefficients, in their own units; those with a size as tuples."""
    constants = Constants(model.unknowns)
    entries = list(uncertainty.estimates.values())  # of the parameters that training moves
    found = [entry.through(_value_of(constants, i)) for i, entry in enumerate(entries)]
    return {
        name: found[part.start] if model.unknowns[name].size is None else tuple(found[part])
        for name, part in constants.parts.items()
    }


def _value_of(constants: Constants, i: int) -> Callable[[Tensor], Tensor]:
    """One number as a function of its own parameter."""

    def value(raw: Tensor) -> Tensor:
        return constants.values(raw.expand(constants.size))[i]

    return value
