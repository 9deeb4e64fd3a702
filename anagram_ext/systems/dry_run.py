"""The dry run of a residual: which derivatives it needs, and whether it keeps the rules.

The residual is called with random jets. What it asks for is what the engine will compute; what it
returns is checked once here, so that training steps need no checks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor

from anagram_ext.pde.field import Field
from anagram_ext.systems.jet_residual import JetResidual, PointwiseResidual, as_components

if TYPE_CHECKING:
    from anagram_ext.pde.condition import Residual
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.operators import Operator


_MASKS: Final = 6  # random choices of points that the check of pointwise residuals changes


class _Recorder:
    """Hands out random values for every derivative of one field and remembers which."""

    def __init__(self, points: Tensor, rng: torch.Generator) -> None:
        self.seen: dict[Operator, Tensor] = {}
        self._points, self._rng = points, rng

    def __call__(self, operator: Operator) -> Tensor:
        if operator not in self.seen:
            values = _random((len(self._points),), self._points, self._rng)
            self.seen[operator] = values.requires_grad_()
        return self.seen[operator]


def discover(
    condition: str, residual: Residual, fields: tuple[str, ...], coordinates: Coordinates
) -> PointwiseResidual:
    """Dry-runs the residual of a condition on its own points.

    Raises:
        ValueError: for an unknown derivative, a wrong shape, a component that depends on no field,
            or a residual that is not pointwise.
        TypeError: for anything but tensors of the model's dtype, or a wrong number of arguments.
    """
    rng = torch.Generator().manual_seed(0)
    points = coordinates.points
    recorders = [_Recorder(points, rng) for _ in fields]
    arguments = [
        Field(name, coordinates.names, recorder, coordinates.normals)
        for name, recorder in zip(fields, recorders, strict=True)
    ]
    try:
        with torch.enable_grad():
            components = as_components(residual(*arguments, coordinates))
    except (TypeError, ValueError, RuntimeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"condition {condition!r}: {error}") from error
    _check_components(condition, components, points)
    _check_leaves(condition, components, recorders)

    operators = tuple(dict.fromkeys(op for recorder in recorders for op in recorder.seen))
    found = PointwiseResidual(
        condition,
        residual,
        fields,
        len(components),
        operators,
        tuple(
            (k, j)
            for j, recorder in enumerate(recorders)
            for k, operator in enumerate(operators)
            if operator in recorder.seen
        ),
    )
    jets = _random((2, len(operators), len(fields), len(points)), points, rng)
    _check_pointwise(found, coordinates, jets)
    return replace(
        found,
        broadcasts=_broadcasts(found, coordinates, jets),
        holds_data=_holds_data(found, coordinates, jets[0], rng),
    )


def _random(shape: tuple[int, ...], points: Tensor, rng: torch.Generator) -> Tensor:
    # Drawn on the CPU: the same numbers on every device.
    return torch.randn(shape, generator=rng, dtype=points.dtype).to(points.device)


def _check_components(condition: str, components: list[Tensor], points: Tensor) -> None:
    if not components:
        raise ValueError(f"condition {condition!r}: residual returned no component")
    for c, component in enumerate(components):
        which = f"condition {condition!r}: residual component {c}"
        if not isinstance(component, Tensor):
            raise TypeError(f"{which} must be a tensor, got {type(component).__name__}")
        if component.shape != (len(points),):
            raise ValueError(
                f"{which} must have shape [{len(points)}], got {list(component.shape)}"
            )
        if component.dtype != points.dtype:
            raise TypeError(f"{which} must be {points.dtype} like the model, got {component.dtype}")
        if not component.requires_grad:
            raise ValueError(f"{which} does not depend on any field")


def _check_pointwise(found: PointwiseResidual, coordinates: Coordinates, jets: Tensor) -> None:
    """New jets at some points must leave the residual at the remaining points alone.

    Random choices of points: a fixed one, such as every other point, is blind to even shifts.
    """
    before = _values(found, coordinates, jets[0])
    rng = torch.Generator().manual_seed(1)
    for _ in range(_MASKS):
        changed = _some_points(jets.shape[-1], rng).to(jets.device)
        after = _values(found, coordinates, torch.where(changed, jets[1], jets[0]))
        if not _close(before[:, ~changed], after[:, ~changed]):
            raise ValueError(
                f"condition {found.condition!r}: residual is not pointwise: its value at one point "
                "depends on the fields at other points"
            )


def _some_points(n: int, rng: torch.Generator) -> Tensor:
    """About half of n points, at least one and not all of them where there are two; [n] of bool."""
    changed = torch.rand(n, generator=rng) < 0.5
    if n > 1 and (bool(changed.all()) or not bool(changed.any())):
        one = torch.randint(n, (1,), generator=rng)
        changed[one] = ~changed[one]
    return changed


def _check_leaves(condition: str, components: list[Tensor], recorders: list[_Recorder]) -> None:
    """Nothing but the jets may ask for gradients: it would silently stay what it is."""
    known = {id(leaf) for recorder in recorders for leaf in recorder.seen.values()}
    seen: set[object] = set()
    pending: list[Any] = [component.grad_fn for component in components]
    while pending:
        node = pending.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        leaf = getattr(node, "variable", None)  # of the nodes that accumulate gradients
        if leaf is not None and id(leaf) not in known:
            raise ValueError(
                f"condition {condition!r}: residual depends on a tensor of shape "
                f"{list(leaf.shape)} that requires grad and would not be trained; detach() it"
            )
        pending.extend(following for following, _ in node.next_functions)


def _broadcasts(found: PointwiseResidual, coordinates: Coordinates, jets: Tensor) -> bool:
    """Whether two parameter vectors at once give the same as one after the other."""
    one_by_one = torch.stack([_values(found, coordinates, single) for single in jets], dim=1)
    wired = JetResidual(found, coordinates, n_vectors=len(jets))
    wired.jets.copy_(jets)
    try:
        together = wired.values()
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False
    return all(
        part.shape == expected.shape and _close(part, expected)
        for part, expected in zip(together, one_by_one, strict=True)
    )


def _holds_data(
    found: PointwiseResidual, coordinates: Coordinates, jets: Tensor, rng: torch.Generator
) -> bool:
    """Whether points and jets in another order give more than the residuals in that order."""
    values = _values(found, coordinates, jets)
    n = jets.shape[-1]
    # A random order of few points may be their own; a shift by one never is.
    for order in (torch.arange(n).roll(1), torch.randperm(n, generator=rng)):
        shuffled = coordinates.taken(order)
        if not _close(_values(found, shuffled, jets[..., order]), values[:, order]):
            return True
    return False


def _values(found: PointwiseResidual, coordinates: Coordinates, jets: Tensor) -> Tensor:
    wired = JetResidual(found, coordinates)
    wired.jets.copy_(jets)
    return torch.stack(wired.values())  # [C, n]


def _close(a: Tensor, b: Tensor) -> bool:
    # Vectorised functions may round a point differently with other neighbours, hence no equality.
    tolerance = 1e3 * torch.finfo(a.dtype).eps
    return torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
