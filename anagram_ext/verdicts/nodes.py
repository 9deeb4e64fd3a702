"""Whether the nodes of an integral see what is integrated: the same on more of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import torch

from anagram_ext.geometry.points import Points
from anagram_ext.geometry.quadrature import Lines
from anagram_ext.pde.condition import Condition
from anagram_ext.pde.integral import Integral, IntegroDifferential
from anagram_ext.systems.pde_system import PdeSystem
from anagram_ext.systems.pointwise import PointwiseBlock
from anagram_ext.verdicts.facts import Objection
from anagram_ext.verdicts.terms import residuals_and_terms

if TYPE_CHECKING:
    from torch import Tensor

FINER: Final = {1: (1000, 1500), 2: (60, 90), 3: (16, 24)}  # nodes along each coordinate
ON_LINES: Final = (200, 300)  # the same where every point has nodes of its own
MOST_NODES: Final = 50_000  # of a quadrature: fewer along each coordinate where there would be more
ROWS: Final = 50  # of an equation with integrals that are looked at
MISSED: Final = 1e-3  # what the rows change by, of their terms, that is worth a word
SETTLED: Final = 0.1  # of that the two finer quadratures may differ by
LARGE: Final = 0.05  # a change by as much tells without that


def missed_by_nodes(
    system: PdeSystem, name: str, block: PointwiseBlock, everywhere: Tensor, theta: Tensor
) -> Objection | None:
    """Whether integrals on more nodes are others.

    Args:
        system: the least-squares problem.
        name: of a condition that holds integrals; of any other, None comes back.
        block: rows of it.
        everywhere: all points whose fields count, [n, d].
        theta: the iterate, [P].
    """
    given = system.problem.conditions[name]
    finer = _finer(given)
    if finer is None:
        return None
    points = block.coordinates.points[:ROWS, : len(system.problem.coordinates)]
    (own, _), (fine, _), (finest, terms) = (
        _rows(_alone(system, name, condition, points), everywhere, theta)
        for condition in (given, *finer)
    )
    size = float(terms.square().mean().sqrt())
    missed = float((finest - own).square().mean().sqrt())
    unsettled = float((finest - fine).square().mean().sqrt())
    settled = unsettled <= SETTLED * missed or missed > LARGE * size
    if not (missed > MISSED * size and settled):
        return None
    share = missed / size
    return Objection(
        f"on more nodes its integrals differ by {share:.1e} of what is integrated",
        "use more nodes, or some where the integrand is large",
    )


def _finer(condition: Condition) -> tuple[Condition, Condition] | None:
    """The same with two quadratures of more nodes; None where these are not known."""
    if isinstance(condition, Integral):
        nodes = _finer_points(condition.points)
        if nodes is None:
            return None
        one, two = (
            Integral(condition.integrand, points, condition.equals, condition.weight)
            for points in nodes
        )
        return one, two
    if not isinstance(condition, IntegroDifferential):
        return None
    over = _finer_lines(condition.over) or _finer_points(condition.over)
    if over is None:
        return None
    return _with(condition, condition.points, over[0]), _with(condition, condition.points, over[1])


def _with(condition: IntegroDifferential, points: Any, over: Any) -> IntegroDifferential:
    return IntegroDifferential(
        condition.residual,
        points,
        integrand=condition.integrand,
        over=over,
        weight=condition.weight,
    )


def _finer_lines(over: object) -> tuple[Lines, Lines] | None:
    if not isinstance(over, Lines) or over.count >= ON_LINES[0]:
        return None
    one, two = (replace(over, count=count) for count in ON_LINES)
    return one, two


def _finer_points(points: object) -> tuple[Points, Points] | None:
    """Two finer quadratures of the region of nodes, if theirs is one of it."""
    region: Any = getattr(points, "region", None)
    if region is None or not isinstance(points, Points) or points.weights is None:
        return None
    one, two = (_quadrature(region, n) for n in FINER.get(region.dimension, (0, 0)))
    if one is None or two is None or len(one) <= len(points):
        return None
    return (one, two) if _same_moments(points, two) else None


def _quadrature(region: Any, n: int) -> Points | None:
    while n > 1:
        points: Points = region.quadrature(n)
        if len(points) <= MOST_NODES:
            return points
        n //= 2
    return None


def _same_moments(a: Points, b: Points) -> bool:
    """Whether both integrate 1 and the coordinates alike: weights may be those of a density."""
    moments = []
    for points in (a, b):
        assert points.weights is not None
        plain, weights = points.as_subclass(torch.Tensor), points.weights
        moments.append(
            torch.cat([weights.sum()[None], weights @ plain, weights.abs() @ plain.abs()])
        )
    d = a.shape[1]
    scale = torch.cat([moments[1][:1].abs(), moments[1][1 + d :], moments[1][1 + d :]])
    return bool(((moments[0] - moments[1]).abs() <= 1e-2 * scale + 1e-12).all())


def _alone(system: PdeSystem, name: str, condition: Condition, points: Tensor) -> PdeSystem:
    """A condition as the only one, at some points."""
    if isinstance(condition, IntegroDifferential):
        condition = _with(condition, points.to("cpu", torch.float64), condition.over)
    problem = replace(
        system.problem, conditions={name: condition}, solution=None, evaluation=None, model=None
    )
    return PdeSystem(problem, system.model)


def _rows(alone: PdeSystem, everywhere: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
    """The residuals [C, n] of the only condition, and the size of their terms."""
    (block,) = alone.blocks.values()
    assert isinstance(block, PointwiseBlock)
    return residuals_and_terms(block, everywhere, theta)
