"""A condition's residual and its derivatives with respect to the jets, point by point.

This is the only place where autograd runs: on n numbers a jet component, never through the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import torch
from torch import Tensor

from anagram_ext.pde.derivative import Tracker
from anagram_ext.pde.field import Field
from anagram_ext.pde.operators import Operator

if TYPE_CHECKING:
    from anagram_ext.pde.condition import Residual
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.systems.signature import AnySignature


@dataclass(frozen=True)
class PointwiseResidual:
    """What the dry run of a condition learned about its residual.

    Attributes:
        condition: name of the condition.
        residual: the user's function.
        signature: what it is called with.
        n_components: number C of residuals that the function returns.
        operators: the K different operators that it applies to any field.
        uses: pairs (k, j): operator k is applied to channel j.
        broadcasts: whether it accepts fields [q, n] for q parameter vectors at once.
        holds_data: whether it carries values of its own for each point, such as measurements, so
            that it makes no sense at other points.
        differentiates: whether it takes derivatives of expressions (``ax.d``).
        argument: what the function is called in messages.
        looks_around: whether its value at one point depends on where other points are, as that of
            ``u - (1.0 if x.x[0] < 0.5 else 2.0)``.
        hides: whether its derivatives are not all of those of its values, as those of
            ``u.d("t").detach() - u.d("xx")``.
        units: what each of the C residuals is multiplied by; empty: none of them is.
    """

    condition: str
    residual: Residual
    signature: AnySignature
    n_components: int
    operators: tuple[Operator, ...]
    uses: tuple[tuple[int, int], ...]
    broadcasts: bool = True
    holds_data: bool = False
    differentiates: bool = False
    argument: str = "residual"
    looks_around: bool = False
    hides: bool = False
    units: tuple[float, ...] = ()

    @property
    def hides_any(self) -> bool:
        """Whether it, or an integral that it sees, does."""
        return self.hides or self.signature.hides

    @property
    def asked(self) -> set[int]:
        """The channels of the model that it asks for, by itself or within an integral."""
        own = {self.signature.model_channel(j) for _, j in self.uses}
        return {channel for channel in own if channel is not None} | self.signature.asked


class JetResidual:
    """A residual wired to a buffer of jets: fill ``jets``, then ask for values or derivatives.

    Fields, coordinates and views into the buffer are made once, because a step of a small problem
    takes less time than making them.

    Attributes:
        jets: the buffer [K, m, n], or [q, K, m, n] for q parameter vectors.
    """

    def __init__(
        self, pointwise: PointwiseResidual, coordinates: Coordinates, n_vectors: int | None = None
    ) -> None:
        points = coordinates.points
        batch = () if n_vectors is None else (n_vectors,)
        shape = (len(pointwise.operators), pointwise.signature.n_channels, len(points))
        self.jets = torch.zeros((*batch, *shape), dtype=points.dtype, device=points.device)
        # Views of the buffer: the native engine writes into it behind autograd's back, which is
        # sound because no graph outlives the evaluation that made it.
        self._leaves = [
            self.jets[..., k, j, :].detach().requires_grad_() for k, j in pointwise.uses
        ]
        tables = [_Derivatives(pointwise) for _ in range(shape[1])]
        for (k, j), leaf in zip(pointwise.uses, self._leaves, strict=True):
            tables[j][pointwise.operators[k]] = leaf
        self._coordinates = coordinates
        self._shape = torch.Size((*batch, len(points)))
        self._tracker = Tracker(coordinates, self._shape) if pointwise.differentiates else None
        lookups = [table.__getitem__ for table in tables]
        self._arguments = pointwise.signature.arguments(
            pointwise.residual, lookups, coordinates, self._tracker
        )
        self._residual = pointwise.residual
        self._condition = pointwise.condition
        self._of = f"condition {pointwise.condition!r}: {pointwise.argument}"
        self._n_components = pointwise.n_components
        self._uses = pointwise.uses
        self._units = pointwise.units

    def values(self) -> list[Tensor]:
        """The C residuals, each [n] or [q, n]."""
        with torch.no_grad():
            components = self._components()
        # A residual may return a leaf as it is, which still asks for gradients.
        return [component.detach() for component in components]

    def places(self, seeds: Tensor) -> list[Tensor]:
        """Where the derivatives of one component belong in seeds [K, m, n]; the rest stays zero."""
        return [seeds[k, j] for k, j in self._uses]

    def derivatives(self, weight: Tensor, places: Sequence[Sequence[Tensor]]) -> list[Tensor]:
        """The C residuals [n]; weight * d(residual) / d(jets) goes to the places of each."""
        components = self._differentiable()
        last = len(components) - 1
        # Of a scalar: with grad_outputs torch.autograd.grad imports sympy, a third of a second.
        for c, component in enumerate(components):
            gradients = torch.autograd.grad(
                component.dot(weight), self._leaves, retain_graph=c < last, allow_unused=True
            )
            _store(gradients, places[c])
        return [component.detach() for component in components]

    def pullback(self, factor: float, places: Sequence[Tensor]) -> list[Tensor]:
        """The C residuals [n]; factor * sum_c r_c d(r_c) / d(jets) goes to the places."""
        components = self._differentiable()
        residuals = [component.detach() for component in components]
        weighted = [c.dot(factor * r) for c, r in zip(components, residuals, strict=True)]
        gradients = torch.autograd.grad(weighted, self._leaves, allow_unused=True)
        _store(gradients, places)
        return residuals

    def _differentiable(self) -> list[Tensor]:
        with torch.enable_grad():
            return self._components()

    def _components(self) -> list[Tensor]:
        """What the residual returns, as many components and as long as in its dry run."""
        before = self._coordinates.changes()
        if self._tracker is None:
            components = as_components(self._residual(*self._arguments))
        else:
            with self._tracker.active():
                components = as_components(self._residual(*self._arguments))
        check_unchanged(self._condition, self._coordinates, before)
        if len(components) != self._n_components:
            raise ValueError(
                f"{self._of} must return {self._n_components} "
                f"components as in its dry run, got {len(components)}"
            )
        for component in components:
            if component.shape != self._shape:
                raise ValueError(
                    f"{self._of} components must have shape "
                    f"{list(self._shape)} as in its dry run, got {list(component.shape)}"
                )
        if self._units:
            return [unit * part for unit, part in zip(self._units, components, strict=True)]
        return components


def components_at(pointwise: PointwiseResidual, coordinates: Coordinates, jets: Tensor) -> Tensor:
    """The values [C, n] of a residual at jets [K, m, n], in a call of its own."""
    wired = JetResidual(pointwise, coordinates)
    wired.jets.copy_(jets)
    return torch.stack(wired.values())


class _Derivatives(dict[Operator, Tensor]):
    """The derivatives of one field that the dry run saw."""

    def __init__(self, of: PointwiseResidual) -> None:
        super().__init__()
        self._of = f"condition {of.condition!r}: {of.argument}"

    def __missing__(self, operator: Operator) -> NoReturn:
        raise ValueError(
            f"{self._of} asks for another derivative than in its dry run "
            f" ({operator.terms}); which derivatives it uses must not depend on values"
        )


def check_unchanged(condition: str, coordinates: Coordinates, before: tuple[int, ...]) -> None:
    """Raises if a residual has written into its coordinates: later calls would see other points.

    Raises:
        ValueError: naming the condition.
    """
    if coordinates.changes() != before:
        raise ValueError(
            f"condition {condition!r}: residual must leave its coordinates as they are, got one "
            "that changes them in place; clone() them first"
        )


def as_components(returned: Any) -> list[Tensor]:
    """What a residual returned, as a list of its components; a bare field stands for its value."""
    parts = returned if isinstance(returned, (tuple, list)) else (returned,)
    return [part.value if isinstance(part, Field) else part for part in parts]


def _store(gradients: Sequence[Tensor | None], places: Sequence[Tensor]) -> None:
    for gradient, place in zip(gradients, places, strict=True):
        if gradient is None:
            place.zero_()
        else:
            place.copy_(gradient)
