"""Integrals of an integrand as further channels of a model, and their derivatives in theta.

``I_e = sum_q w_q g_e(jets at y_q, y_q, x)``; its derivatives in the jets at the nodes are those of
the integrand g times the weights, so a row of J is a weighted sum of the rows of the nodes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.systems.jet_residual import JetResidual, PointwiseResidual
from anagram_ext.systems.pointwise import not_finite

if TYPE_CHECKING:
    from anagram_ext.models.protocol import JetMap
    from anagram_ext.pde.operators import Operator
    from anagram_ext.systems.quadratures import Opened, OwnNodes, SharedNodes

# Jets of many parameter vectors are evaluated in batches of about this size.
_BATCH_BYTES: Final = 1 << 25


@dataclass(frozen=True, eq=False)
class Integrand:
    """What is integrated, and where.

    Attributes:
        pointwise: the integrand, C of them.
        names: the coordinates.
        nodes: where it is evaluated.
        with_point: whether it sees the point that an integral belongs to.
    """

    pointwise: PointwiseResidual
    names: tuple[str, ...]
    nodes: SharedNodes | OwnNodes
    with_point: bool

    @property
    def n_components(self) -> int:
        """C, number of integrals."""
        return self.pointwise.n_components


class IntegralJets:
    """C integrals and m channels of a model as one ``JetMap`` at rows.

    Args:
        integrand: the integrals.
        jets: of the model at the points of the rows; None where nobody looks at them.
        wanted: K operators, applied to all channels; an integral has its value only.
        n_channels: m.
        d: number of coordinates of a row's point.
    """

    def __init__(
        self,
        integrand: Integrand,
        jets: JetMap | None,
        wanted: Sequence[Operator],
        n_channels: int,
        d: int,
    ) -> None:
        found = integrand.pointwise
        self._integrand, self._nodes = integrand, integrand.nodes
        self._own, self._d = jets, d
        self._at_nodes = found.signature.jets(found.operators, found.uses)
        self._value = next((k for k, operator in enumerate(wanted) if operator.order == 0), None)
        self._shape = (len(wanted), found.n_components + n_channels)
        self._wired: _Wired | None = None

    def jets(self, theta: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [K, C + m, n] at rows."""
        return self.jets_many(theta[None], points, None if out is None else out[None])[0]

    def jets_many(self, thetas: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [p, K, C + m, n] of parameter vectors [p, P]."""
        n = len(points)
        if out is None:
            out = thetas.new_empty((len(thetas), *self._shape, n))
        C = self._integrand.n_components
        out[:, :, :C] = 0.0
        if self._own is not None:
            m = self._shape[1] - C
            own = thetas.new_zeros((len(thetas), self._shape[0], m, n))
            out[:, :, C:] = self._own.jets_many(thetas, self._points(points), own)
        else:
            out[:, :, C:] = 0.0
        if self._value is not None and n:
            self._integrate(thetas, points, out[:, self._value, :C])
        return out

    def sizes(self, theta: Tensor, points: Tensor) -> Tensor:
        """The jets [K, C + m, n] without signs, an integral as that of the integrand without sign.

        An integral that has to vanish is no smaller than what cancels in it.
        """
        out = self.jets(theta, points).abs()
        if self._value is not None and len(points):
            wired = self._at(points)
            jets = self._nodes.jets(self._at_nodes, theta[None], wired.opened)
            for c, value in enumerate(wired.values(jets, signed=False)):
                out[self._value, c] = value[0]
        return out

    def jacobian(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        """Writes the rows [R * n, P] of J for seeds [R, K, C + m, n] into ``out``."""
        if self._own is None:
            out.zero_()
        else:
            self._own.jacobian(theta, self._points(points), self._own_seeds(seeds), out)
        if self._value is None or not len(points):
            return
        wired = self._at(points)
        inner = wired.derivatives(self._at_nodes, theta)  # [C, K', m, n, q]
        factors = self._integral_seeds(seeds)  # [R, C, n]
        total = torch.einsum("rcn,ckmnq->rkmnq", factors, inner)
        self._nodes.add_rows(self._at_nodes, theta, wired.opened, total, out)

    def jacobian_with_jets(
        self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor, jets: Tensor
    ) -> None:
        """The same, and the jets [K, C + m, n]."""
        self.jets(theta, points, jets)
        self.jacobian(theta, points, seeds, out)

    def vjp(self, theta: Tensor, points: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [P], w [R * n]."""
        if self._own is not None:
            self._own.vjp(theta, self._points(points), self._own_seeds(seeds), w, out)
        if self._value is None or not len(points):
            return
        wired = self._at(points)
        inner = wired.derivatives(self._at_nodes, theta)
        factors = torch.einsum("rcn,rn->cn", self._integral_seeds(seeds), w.view(len(seeds), -1))
        total = torch.einsum("cn,ckmnq->kmnq", factors, inner)
        self._nodes.pull(self._at_nodes, theta, wired.opened, total, out)

    def jvp(self, theta: Tensor, points: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v to ``out`` [R * n], v [P]."""
        if self._own is None:
            out.zero_()
        else:
            product = out.new_empty(out.shape)
            self._own.jvp(theta, self._points(points), self._own_seeds(seeds), v, product)
            out.copy_(product)
        if self._value is None or not len(points):
            return
        wired = self._at(points)
        inner = wired.derivatives(self._at_nodes, theta)
        pushed = self._nodes.push(self._at_nodes, theta, wired.opened, inner, v)  # [C, n]
        out += torch.einsum("rcn,cn->rn", self._integral_seeds(seeds), pushed).reshape(-1)

    def _integrate(self, thetas: Tensor, points: Tensor, out: Tensor) -> None:
        """Writes the integrals [p, C, n]."""
        wired = self._at(points)
        for start, size in wired.batches(len(thetas)):
            some = thetas[start : start + size]
            jets = self._nodes.jets(self._at_nodes, some, wired.opened)
            for c, values in enumerate(wired.values(jets)):
                out[start : start + size, c] = values

    def _points(self, rows: Tensor) -> Tensor:
        return rows[:, : self._d].contiguous()

    def _own_seeds(self, seeds: Tensor) -> Tensor:
        return seeds[:, :, self._integrand.n_components :].contiguous()

    def _integral_seeds(self, seeds: Tensor) -> Tensor:
        return seeds[:, self._value, : self._integrand.n_components]

    def _at(self, rows: Tensor) -> _Wired:
        """The integrand at the nodes of the rows; kept for as long as the rows are the same."""
        if self._wired is None or self._wired.rows is not rows:
            self._wired = _Wired(self._integrand, rows, self._d)
        return self._wired


class _Wired:
    """The integrand wired to buffers of jets at the nodes of some rows.

    Args:
        integrand: what is integrated.
        rows: [n, d], or with nodes and weights behind.
        d: number of coordinates of a row's point.
    """

    def __init__(self, integrand: Integrand, rows: Tensor, d: int) -> None:
        self.rows = rows
        self.opened: Opened = integrand.nodes.opened(rows, d)
        self._integrand = integrand
        self._coordinates = self.opened.coordinates(integrand.names, integrand.with_point)
        self._single = JetResidual(integrand.pointwise, self._coordinates)
        self._many: tuple[int, JetResidual] | None = None

    def batches(self, n_vectors: int) -> list[tuple[int, int]]:
        """First index and size of batches of parameter vectors."""
        size = 1
        if self._integrand.pointwise.broadcasts:
            fitting = max(1, _BATCH_BYTES // max(1, self._single.jets.nbytes))
            size = math.ceil(n_vectors / max(1, math.ceil(n_vectors / fitting)))
        return [(k, min(size, n_vectors - k)) for k in range(0, n_vectors, max(1, size))]

    def values(self, jets: Tensor, *, signed: bool = True) -> list[Tensor]:
        """The C integrals [p, n] for jets [p, K, m, n * q], or those of absolute values."""
        if len(jets) == 1:
            self._single.jets.copy_(jets[0])
            values = [value[None] for value in self._single.values()]
        else:
            if self._many is None or self._many[0] != len(jets):
                wired = JetResidual(self._integrand.pointwise, self._coordinates, len(jets))
                self._many = (len(jets), wired)
            self._many[1].jets.copy_(jets)
            values = self._many[1].values()
        opened = self.opened
        weights = opened.weights
        if not signed:
            weights, values = weights.abs(), [value.abs() for value in values]
        return [
            torch.einsum("pnq,nq->pn", value.view(-1, opened.n, opened.q), weights)
            for value in values
        ]

    def derivatives(self, jet_map: JetMap, theta: Tensor) -> Tensor:
        """Weight times derivative of each integrand in the jets at the nodes, [C, K, m, n, q].

        Raises:
            NonFiniteError: naming the first node where one is not finite.
        """
        opened, found = self.opened, self._integrand.pointwise
        self._single.jets.copy_(self._integrand.nodes.jets(jet_map, theta[None], opened)[0])
        seeds = self._single.jets.new_zeros((found.n_components, *self._single.jets.shape))
        places = [self._single.places(own) for own in seeds]
        values = self._single.derivatives(opened.weights.flatten(), places)
        self._check_finite("integrand", torch.stack(values))
        self._check_finite("derivative of the integrand", seeds)
        return seeds.view(*seeds.shape[:-1], opened.n, opened.q)

    def _check_finite(self, what: str, numbers: Tensor) -> None:
        """Raises NonFiniteError naming the first node where numbers [..., n * q] are not finite."""
        if bool(torch.isfinite(numbers).all()):
            return
        node = int((~torch.isfinite(numbers)).nonzero()[0, -1])
        at = dict(zip(self._integrand.names, self.opened.flat[node].tolist(), strict=True))
        raise not_finite(self._integrand.pointwise.condition, what, at)
