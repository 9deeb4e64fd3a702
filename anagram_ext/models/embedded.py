"""Derivatives of a network whose plan takes something else than the points."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from anagram_ext.models.row_cache import RowCache
from anagram_ext.native.plan import Plan


class EmbeddedJets:
    """A ``JetMap`` of points [n, d] around a plan that takes something else for them.

    Args:
        plan: of the network.
        dimension: number d of coordinates.
        prepare: what the plan takes, [n, ...], of points [n, d]; asked once for a point set.
    """

    def __init__(self, plan: Plan, dimension: int, prepare: Callable[[Tensor], Tensor]) -> None:
        self._plan, self._dimension = plan, dimension
        self._prepared = RowCache(prepare)

    def jets(self, theta: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [K, m, n] at points [n, d]."""
        return self._plan.jets(theta, self._inputs(points), out)

    def jets_many(self, thetas: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [q, K, m, n] of parameter vectors [q, P]."""
        return self._plan.jets_many(thetas, self._inputs(points), out)

    def jacobian(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        """Writes the rows [C * n, P] of J into ``out``."""
        self._plan.jacobian(theta, self._inputs(points), seeds, out)

    def jacobian_with_jets(
        self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor, jets: Tensor
    ) -> None:
        """The same, and the jets [K, m, n] from the same forward sweep; on the CPU only."""
        self._plan.jacobian_with_jets(theta, self._inputs(points), seeds, out, jets)

    def vjp(self, theta: Tensor, points: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [P], w [C * n]."""
        self._plan.vjp(theta, self._inputs(points), seeds, w, out)

    def jvp(self, theta: Tensor, points: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v to ``out`` [C * n], v [P]."""
        self._plan.jvp(theta, self._inputs(points), seeds, v, out)

    def _inputs(self, points: Tensor) -> Tensor:
        if points.ndim != 2 or points.shape[1] != self._dimension:
            raise ValueError(
                f"points must have shape [n, {self._dimension}], got {list(points.shape)}"
            )
        return self._prepared(points)
