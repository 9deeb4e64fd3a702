"""The known solution of a problem, evaluated and checked in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anagram_ext.pde.coordinates import values_at

if TYPE_CHECKING:
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.problem import Problem


def exact_values(problem: Problem, coordinates: Coordinates) -> Tensor:
    """The solution of a problem that has one, [n, m] in float64.

    Args:
        problem: with a solution and m fields.
        coordinates: where, n points.

    Raises:
        TypeError, AttributeError: the solution raises it: a wrong number of arguments, a name that
            is no coordinate.
        ValueError: it raises that, or returns anything but one tensor [n] for each field, alone for
            one field or in a tuple or list.
    """
    assert problem.solution is not None
    try:
        returned = problem.solution(coordinates)
    except (AttributeError, TypeError, ValueError, RuntimeError) as error:
        kept = (AttributeError, TypeError)
        kind = next((kind for kind in kept if isinstance(error, kind)), ValueError)
        raise kind(f"solution: {error}") from error
    parts = returned if isinstance(returned, (tuple, list)) else (returned,)
    n = len(coordinates.points)
    if len(parts) != len(problem.fields) or any(
        not isinstance(part, Tensor) or part.shape != (n,) for part in parts
    ):
        shapes = [list(p.shape) if isinstance(p, Tensor) else type(p).__name__ for p in parts]
        raise ValueError(
            f"solution must return one tensor [{n}] for each of the fields {problem.fields}, "
            f"got {shapes}"
        )
    return torch.stack([part.detach().to(torch.float64) for part in parts], dim=1)


def values_to_compare(problem: Problem, coordinates: Coordinates) -> Tensor:
    """The same, for an error: all of them numbers.

    Raises:
        ValueError: one is not finite, which would make every error nan, as if there were no
            solution.
    """
    values = exact_values(problem, coordinates)
    finite = torch.isfinite(values)
    if not bool(finite.all()):
        row, field = (int(index) for index in (~finite).nonzero()[0])
        raise ValueError(
            f"solution must be finite where errors are evaluated, got {float(values[row, field])} "
            f"for {problem.fields[field]!r} at {values_at(coordinates, row)}"
        )
    return values
