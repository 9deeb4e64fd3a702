"""The benchmark cases as plain arrays and formulas, the same for every framework.

A case is a list of conditions `operator(u)(x_i) = target_i`. Rows are scaled by 1 / sqrt(n), which
makes half their squared norm the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import anagram_ext as ax

CUTOFF = 1e-6  # of the singular values, relative to the largest

Array = NDArray[np.float64]
Target = Callable[[Array], Array]


@dataclass(frozen=True)
class Operator:
    """A differential operator as arithmetic that any framework's arrays can do.

    Attributes:
        formula: (u, du, d2u) -> value, with du[i] and d2u[i] the derivatives along axis i.
        second: The axes along which second derivatives are needed.
        first: Whether first derivatives are needed.
    """

    formula: Callable[[Any, Sequence[Any], Mapping[int, Any]], Any]
    second: tuple[int, ...] = ()
    first: bool = True


def laplacian(dimension: int) -> Operator:
    return Operator(lambda u, du, d2u: sum(d2u.values()), second=tuple(range(dimension)))


VALUE = Operator(lambda u, du, d2u: u, first=False)
HEAT = Operator(lambda u, du, d2u: du[0] - 0.25 * d2u[1], second=(1,))
ALLEN_CAHN = Operator(lambda u, du, d2u: du[0] - 1e-3 * d2u[1] - 5 * (u - u**3), second=(1,))
BURGERS = Operator(lambda u, du, d2u: du[0] + u * du[1] - 0.01 / np.pi * d2u[1], second=(1,))


def zero(x: Array) -> Array:
    return np.zeros(len(x))


def sum_of_sines(x: Array) -> Array:
    return np.sin(np.pi * x).sum(axis=1)


# For each problem the operator and target of its conditions, in the order of `Problem.conditions`.
CONDITIONS: dict[str, tuple[tuple[Operator, Target], ...]] = {
    "laplace_2d": (
        (laplacian(2), lambda x: -2 * np.pi**2 * np.sin(np.pi * x).prod(axis=1)),
        (VALUE, zero),
    ),
    "heat": (
        (HEAT, zero),
        (VALUE, lambda x: np.sin(np.pi * x[:, 1])),
        (VALUE, zero),
    ),
    "laplace_5d": (
        (laplacian(5), lambda x: -(np.pi**2) * sum_of_sines(x)),
        (VALUE, sum_of_sines),
    ),
    "allen_cahn": (
        (ALLEN_CAHN, zero),
        (VALUE, lambda x: x[:, 1] ** 2 * np.cos(np.pi * x[:, 1])),
        (VALUE, lambda x: -np.ones(len(x))),
    ),
    "burgers": (
        (BURGERS, zero),
        (VALUE, lambda x: -np.sin(np.pi * x[:, 1])),
        (VALUE, zero),
    ),
}


@dataclass(frozen=True)
class Rows:
    """One condition: its operator, its points [n, d] and the values [n] it must take there."""

    operator: Operator
    points: Array
    target: Array

    @property
    def scale(self) -> float:
        """Factor of these rows in r and in J."""
        return float(1 / np.sqrt(len(self.target)))


@dataclass(frozen=True)
class Case:
    """One problem and network for all frameworks.

    Attributes:
        name: Name in tables.
        problem: The problem as `anagram_ext` sees it; its rows are in the same order.
        model: The network.
        rows: The conditions.
    """

    name: str
    problem: ax.Problem
    model: ax.MLP
    rows: tuple[Rows, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """S and P."""
        return sum(len(rows.target) for rows in self.rows), self.model.n_parameters


def from_problem(
    name: str,
    problem: ax.Problem,
    model: ax.MLP,
    formulas: Sequence[tuple[Operator, Target]] | None = None,
) -> Case:
    """The case of a problem with some network; sampled points are drawn once and kept.

    Args:
        name: name in tables.
        problem: with conditions `operator(u) = target`.
        model: the network.
        formulas: operator and target of its conditions, in their order; those of the zoo's.
    """
    conditions = {
        label: replace(condition, points=condition.points_for(0))
        for label, condition in problem.conditions.items()
    }
    rows = []
    for (operator, target), condition in zip(
        formulas or CONDITIONS[problem.name], conditions.values(), strict=True
    ):
        points = condition.points_for(0).numpy()
        rows.append(Rows(operator, points, target(points)))
    return Case(name, replace(problem, conditions=conditions), model, tuple(rows))


def make(name: str) -> Case:
    """The case of that name: a published problem, or Poisson's equation with a larger network."""
    if name in POISSON:
        n, width = POISSON[name]
        return from_problem(name, ax.problems.laplace_2d(n=n), ax.MLP([2, width, width, 1]))
    fixed_grid = {} if name == "laplace_5d" else {"published": True}
    problem = ax.problems.get(name, **fixed_grid)
    assert problem.model is not None
    return from_problem(name, problem, problem.model)


# Interior points an axis and width of two hidden layers: S x P = 3600 x 4417, then squares of about
# 4096 and 8192.
POISSON = {"poisson_3600": (58, 64), "poisson_4096": (62, 62), "poisson_8192": (88, 88)}

NAMES = (*CONDITIONS, "poisson_3600")
