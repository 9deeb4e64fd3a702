"""One condition bound to a network: its points, its plan and its rows of the stacked residual."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Final, NoReturn

import torch
from torch import Tensor

from anagram_ext.errors import NonFiniteError
from anagram_ext.linear.jacobian import new_jacobian
from anagram_ext.pde.coordinates import values_at
from anagram_ext.systems.jet_residual import JetResidual, PointwiseResidual

if TYPE_CHECKING:
    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.coordinates import Coordinates

# Jets of many parameter vectors are evaluated in batches of about this size.
_BATCH_BYTES: Final = 1 << 25
# Numbers of vectors whose buffers are kept: a method asks for the same few again and again, such as
# its 31 trials and what is left of them in the last batch.
_MAX_BUFFERS: Final = 4


class PointwiseBlock:
    """The rows ``scale * r`` of one condition, component after component.

    Attributes:
        pointwise: what is known about the residual.
        coordinates: the n points of the condition.
        n_rows: C * n.
        scale: factor of the residual in the rows.
    """

    def __init__(
        self,
        pointwise: PointwiseResidual,
        model: Model,
        coordinates: Coordinates,
        scale: float,
    ) -> None:
        self.pointwise = pointwise
        self._model = model
        self.coordinates = coordinates
        self.scale = scale
        self._points = coordinates.points
        n = len(self._points)
        self.n_rows = pointwise.n_components * n
        self._jet_map = pointwise.signature.jets(pointwise.operators, pointwise.uses)
        self._single = JetResidual(pointwise, coordinates)
        self._many: dict[int, JetResidual] = {}
        self._parts: dict[range, PointwiseBlock] = {}
        # One set of seeds for each component, and one for a sum over components.
        shape = self._single.jets.shape
        self._seeds = torch.zeros(
            (pointwise.n_components, *shape), dtype=model.dtype, device=model.device
        )
        self._summed_seeds = torch.zeros((1, *shape), dtype=model.dtype, device=model.device)
        self._places = [self._single.places(seeds) for seeds in self._seeds]
        self._summed_places = self._single.places(self._summed_seeds[0])
        self._doubted: Tensor | None = None  # the last seeds, where nobody has looked at them
        self._seeds_stay = False  # whether the last two linearisations had equal seeds
        self._weight = torch.full((n,), scale, dtype=model.dtype, device=model.device)
        self._ones = torch.ones(n, dtype=model.dtype, device=model.device)

    @property
    def n_components(self) -> int:
        """C, number of residuals a point."""
        return self.pointwise.n_components

    @cached_property
    def divisible(self) -> bool:
        """Whether some of the points can be had without the others."""
        if self.pointwise.holds_data:
            return False
        some = self.coordinates.taken(torch.arange(len(self._points) // 2))
        try:
            JetResidual(self.pointwise, some).values()
        except (RuntimeError, ValueError, TypeError, IndexError):  # of a tensor in the residual
            return False
        return True

    def part(self, points: range) -> PointwiseBlock:
        """The rows that belong to consecutive points, scaled as here."""
        if len(points) == len(self._points):
            return self
        if points not in self._parts:
            rows = torch.arange(points.start, points.stop, device=self._points.device)
            taken = self.coordinates.taken(rows)
            part = PointwiseBlock(self.pointwise, self._model, taken, self.scale)
            self._parts[points] = part
        return self._parts[points]

    def residuals(self, thetas: Tensor, rows: Tensor) -> None:
        """Writes the scaled residuals of parameter vectors [q, P] into ``rows`` [q, C * n]."""
        for start, components in self._in_batches(thetas):
            self._write(components, rows[start : start + len(components[0])])

    def losses(self, thetas: Tensor, losses: Tensor) -> None:
        """Adds half the sum of squares of the rows, for each of several parameter vectors, [q]."""
        for start, components in self._in_batches(thetas):
            for component in components:
                losses[start : start + len(component)] += (
                    0.5 * self.scale**2 * component.square().sum(dim=-1)
                )

    def size(self, theta: Tensor) -> Tensor:
        """The length of the scaled residual at each point, [n]; it may be non-finite."""
        rows = theta.new_empty((1, self.n_rows))
        self.residuals(theta[None], rows)
        lengths: Tensor = torch.linalg.vector_norm(rows.view(self.n_components, -1), dim=0)
        return lengths

    def linearise(self, theta: Tensor, rows: Tensor, jacobian: Tensor) -> None:
        """Writes the scaled residual [C * n] and its Jacobian [C * n, P].

        The derivatives of a linear residual do not depend on the jets. Where they were the same the
        last two times they are expected to be the same again, and one forward sweep does for both;
        otherwise the rows are computed once more.
        """
        expected = self._seeds.clone()
        if self._seeds_stay:
            self._jet_map.jacobian_with_jets(
                theta, self._points, expected, jacobian, self._single.jets
            )
            self._differentiate(rows)
        else:
            self._jet_map.jets(theta, self._points, self._single.jets)
            self._differentiate(rows)
        as_expected = _known_equal(self._seeds, expected)
        if not (self._seeds_stay and as_expected):
            self._jet_map.jacobian(theta, self._points, self._seeds, jacobian)
        self._seeds_stay = as_expected

    def prepare(self, theta: Tensor, rows: Tensor) -> Tensor:
        """Writes the scaled residual [C * n]; returns its derivatives in the jets [C, K, m, n]."""
        self._jet_map.jets(theta, self._points, self._single.jets)
        self._differentiate(rows)
        return self._seeds.clone()

    def _differentiate(self, rows: Tensor) -> None:
        """Residual and derivatives with respect to the jets that are there."""
        self._write(self._single.derivatives(self._weight, self._places), rows)
        self._check_seeds(self._seeds, rows)

    def some_rows(self, theta: Tensor, seeds: Tensor, part: slice) -> Tensor:
        """The rows [C * k, P] of the Jacobian that belong to k of the points."""
        some = seeds[..., part].contiguous()
        jacobian = new_jacobian(len(some) * some.shape[-1], theta)
        self._jet_map.jacobian(theta, self._points[part], some, jacobian)
        return jacobian

    def matvec(self, theta: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v into ``out`` [C * n], v [P]."""
        self._jet_map.jvp(theta, self._points, seeds, v.contiguous(), out)

    def rmatvec(self, theta: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [P], w [C * n]."""
        self._jet_map.vjp(theta, self._points, seeds, w.contiguous(), out)

    def gradient(self, theta: Tensor, rows: Tensor, gradient: Tensor) -> None:
        """Writes the scaled residual [C * n] and adds J^T r to ``gradient`` [P]."""
        self._jet_map.jets(theta, self._points, self._single.jets)
        # One reverse sweep for all components: their seeds are summed beforehand.
        self._write(self._single.pullback(self.scale**2, self._summed_places), rows)
        self._check_seeds(self._summed_seeds, rows)
        self._jet_map.vjp(theta, self._points, self._summed_seeds, self._ones, gradient)

    def check_finite(self, rows: Tensor) -> None:
        """Raises NonFiniteError naming the first point where a row [C * n] is not finite.

        Or where a derivative is not that is in doubt.
        """
        self._require_finite_rows(rows)
        if self._doubted is not None:
            self._require_finite_seeds(self._doubted)

    def doubt(self) -> Tensor | None:
        """A number that is not finite if the last derivatives were not; None: they were checked."""
        return None if self._doubted is None else (0 * self._doubted).sum()

    def _write(self, components: list[Tensor], rows: Tensor) -> None:
        n = len(self._points)
        for c, component in enumerate(components):
            torch.mul(component, self.scale, out=rows[..., c * n : (c + 1) * n])

    def _in_batches(self, thetas: Tensor) -> Iterator[tuple[int, list[Tensor]]]:
        """Yields the first index of a batch of parameter vectors, and its C residuals [q', n]."""
        if not self.pointwise.broadcasts:
            for q, theta in enumerate(thetas):
                self._jet_map.jets(theta, self._points, self._single.jets)
                yield q, [component[None] for component in self._single.values()]
            return
        size = self._batch_size(len(thetas))
        for start in range(0, len(thetas), size):
            some = thetas[start : start + size]
            wired = self._wired(len(some))
            self._jet_map.jets_many(some, self._points, wired.jets)
            yield start, wired.values()

    def _batch_size(self, n_vectors: int) -> int:
        # As few batches as fit, all of nearly the same size.
        fitting = max(1, _BATCH_BYTES // max(1, self._single.jets.nbytes))
        n_batches = max(1, math.ceil(n_vectors / fitting))
        return max(1, math.ceil(n_vectors / n_batches))

    def _wired(self, n_vectors: int) -> JetResidual:
        if n_vectors not in self._many:
            if len(self._many) >= _MAX_BUFFERS:
                self._many.clear()
            self._many[n_vectors] = JetResidual(self.pointwise, self.coordinates, n_vectors)
        return self._many[n_vectors]

    def _check_seeds(self, seeds: Tensor, rows: Tensor) -> None:
        if seeds.device.type != "cpu":
            self._doubted = seeds
        elif not bool(torch.isfinite(seeds).all()):
            self._require_finite_rows(rows)  # the better message, if it is the residual's fault
            self._require_finite_seeds(seeds)

    def _require_finite_rows(self, rows: Tensor) -> None:
        bad = (~torch.isfinite(rows)).nonzero()
        if len(bad):
            self._fail(int(bad[0, 0]) % len(self._points), "residual")

    def _require_finite_seeds(self, seeds: Tensor) -> None:
        bad = (~torch.isfinite(seeds)).nonzero()
        if len(bad):
            self._fail(int(bad[0, -1]), "derivative of the residual")

    def _fail(self, point: int, what: str) -> NoReturn:
        raise not_finite(self.pointwise.condition, what, values_at(self.coordinates, point))


def not_finite(condition: str, what: str, at: dict[str, float]) -> NonFiniteError:
    """The error for a condition at a point, or at no point in particular."""
    place = ", ".join(f"{name}={value:.6g}" for name, value in at.items())
    return NonFiniteError(
        f"condition {condition!r}: {what} is not finite" + (f" at {place}" if place else ""),
        condition=condition,
        point=tuple(at.values()) or None,
    )


def _known_equal(a: Tensor, b: Tensor) -> bool:
    # On a GPU the answer would have to be waited for: there nothing is known.
    return a.device.type == "cpu" and torch.equal(a, b)
