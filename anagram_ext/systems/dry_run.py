"""The dry run of a residual: which derivatives it needs, and whether it keeps the rules.

The residual is called with random jets. What it asks for is what the engine will compute; what it
returns is checked once here, so that training steps need no checks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor

from anagram_ext.pde.coordinates import is_marked
from anagram_ext.pde.derivative import NeedsTracker, Tracker, Watch
from anagram_ext.pde.leaves import leaves
from anagram_ext.systems.differences import random_numbers
from anagram_ext.systems.jet_residual import PointwiseResidual, as_components, check_unchanged
from anagram_ext.systems.signature import first_guesses, refusal
from anagram_ext.systems.trials import tried

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anagram_ext.pde.condition import Residual
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.pde.operators import Operator
    from anagram_ext.systems.signature import AnySignature


class _Recorder:
    """Hands out values for every derivative of one channel and remembers which.

    Random ones for a network's output; an unknown coefficient has its first guess, which lies where
    the residual makes sense.
    """

    def __init__(self, points: Tensor, rng: torch.Generator, start: float | None) -> None:
        self.seen: dict[Operator, Tensor] = {}
        self._given: dict[Operator, Tensor] = {}
        self._points, self._rng, self._start = points, rng, start

    def __call__(self, operator: Operator) -> Tensor:
        if operator not in self.seen:
            n = len(self._points)
            if self._start is None:
                values = random_numbers((n,), self._points, self._rng)
            else:
                values = self._points.new_full((n,), self._start)
            self._given[operator] = values.clone()
            self.seen[operator] = values.requires_grad_()
        return self.seen[operator]

    @property
    def changed(self) -> bool:
        """Whether somebody has written into what was handed out."""
        return any(not torch.equal(self.seen[operator], v) for operator, v in self._given.items())


def discover(
    condition: str,
    residual: Residual,
    signature: AnySignature,
    coordinates: Coordinates,
    argument: str = "residual",
) -> PointwiseResidual:
    """Dry-runs the residual of a condition on its own points, or another function of it.

    Raises:
        ValueError: for an unknown derivative, a wrong shape, a component that depends on no field,
            or a residual that is not pointwise.
        TypeError: for anything but tensors of the model's dtype, or a wrong number of arguments.
        AttributeError: for the name of an unknown coordinate, field or coefficient.
    """
    rng = torch.Generator().manual_seed(0)
    points = coordinates.points
    recorders = _recorders(signature, points, rng)
    before = coordinates.changes()
    try:
        components, differentiates = _components(
            residual, signature, recorders, coordinates, argument
        )
    except (AttributeError, TypeError, ValueError, RuntimeError, IndexError) as error:
        raise _explained(condition, error) from error
    check_unchanged(condition, coordinates, before)
    _check_fields_unchanged(condition, recorders)
    what = f"condition {condition!r}: {argument}"
    _check_components(what, components, points)
    _check_leaves(what, components, recorders)

    operators, uses = _asked_for(recorders)
    found = PointwiseResidual(
        condition,
        residual,
        signature,
        len(components),
        operators,
        uses,
        differentiates=differentiates,
        argument=argument,
    )
    return tried(found, coordinates, rng)


def _components(
    residual: Residual,
    signature: AnySignature,
    recorders: Sequence[_Recorder],
    coordinates: Coordinates,
    argument: str,
) -> tuple[list[Tensor], bool]:
    """What the residual returns, and whether it differentiates expressions."""
    try:
        plain = _called(residual, signature, recorders, coordinates, None, argument=argument)
    except NeedsTracker:
        tracker = Tracker(coordinates, (len(coordinates.points),))
        tracked = _called(residual, signature, recorders, coordinates, tracker, argument=argument)
        return tracked, True
    return plain, False


def _explained(condition: str, error: Exception) -> Exception:
    """An error of the user's function, with the name of the condition and what to write instead."""
    kept = (AttributeError, TypeError)
    kind = next((kind for kind in kept if isinstance(error, kind)), ValueError)
    return kind(f"condition {condition!r}: {error}{_hint(error)}")


def _asked_for(
    recorders: Sequence[_Recorder],
) -> tuple[tuple[Operator, ...], tuple[tuple[int, int], ...]]:
    """The K operators, and which of them (k) is used of which channel (j), as pairs."""
    operators = tuple(dict.fromkeys(op for recorder in recorders for op in recorder.seen))
    uses = tuple(
        (k, j)
        for j, recorder in enumerate(recorders)
        for k, operator in enumerate(operators)
        if operator in recorder.seen
    )
    return operators, uses


# What torch says, in part, and what to write instead.
_HINTS: Final = {
    "ufunc": "functions of fields must be torch's (torch.sin), not NumPy's",
    "numpy()": "functions of fields must be torch's (torch.sin), not NumPy's",
    "converted to Python scalars": "functions of fields must be torch's (torch.sin), not math's",
    "Boolean value of Tensor": "choose between values by torch.where(condition, a, b), not by if",
    "tuple index out of range": "an unknown of size=n is a tuple of n tensors",
    "in-place operation": "do not change fields in place: write v = v + 1, or torch.where",
}


def _hint(error: Exception) -> str:
    """What to write instead where a residual is no plain torch."""
    hints = [hint for words, hint in _HINTS.items() if words in str(error)]
    return f"; {hints[0]}" if hints else ""


def _called(
    residual: Residual,
    signature: AnySignature,
    recorders: Sequence[_Recorder],
    coordinates: Coordinates,
    tracker: Tracker | None,
    *,
    argument: str,
) -> list[Tensor]:
    """The components of the residual, differentiable in what the recorders hand out."""
    with (Watch() if tracker is None else tracker).active():
        arguments = signature.arguments(residual, recorders, coordinates, tracker)
        try:
            returned = residual(*arguments)
        except TypeError as error:
            refused = refusal(argument, residual, arguments)
            if refused is None:
                raise
            raise TypeError(refused) from error
        return as_components(returned)


def _recorders(signature: AnySignature, points: Tensor, rng: torch.Generator) -> list[_Recorder]:
    """One a channel."""
    return [_Recorder(points, rng, start) for start in first_guesses(signature)]


def _check_components(what: str, components: list[Tensor], points: Tensor) -> None:
    if not components:
        raise ValueError(f"{what} returned no component")
    for c, component in enumerate(components):
        which = f"{what} component {c}"
        if not isinstance(component, Tensor):
            raise TypeError(f"{which} must be a tensor, got {type(component).__name__}")
        if component.shape != (len(points),):
            raise ValueError(
                f"{which} must have shape [{len(points)}], got {list(component.shape)}"
                f"{_slip(component, len(points))}"
            )
        if component.dtype != points.dtype:
            raise TypeError(f"{which} must be {points.dtype} like the model, got {component.dtype}")


def _slip(component: Tensor, n: int) -> str:
    """What to write instead where values of shape [n, 1] have made a table."""
    is_table = n > 1 and component.shape == (n, n)
    return f": values of shape [{n}, 1] instead of [{n}]? Take values[:, 0]" if is_table else ""


def _check_fields_unchanged(condition: str, recorders: Sequence[_Recorder]) -> None:
    """Raises if a residual has written into the values of fields: they are the engine's."""
    if any(recorder.changed for recorder in recorders):
        raise ValueError(
            f"condition {condition!r}: residual must leave fields and their derivatives as they "
            "are, got one that changes them in place; write v = 2 * v, or clone() them first"
        )


def _check_leaves(what: str, components: list[Tensor], recorders: list[_Recorder]) -> None:
    """Every component asks for gradients of a jet, and of nothing that would not be trained."""
    jets = {id(leaf) for recorder in recorders for leaf in recorder.seen.values()}
    for c, component in enumerate(components):
        asked = leaves(component)
        if not any(id(leaf) in jets for leaf in asked):
            raise ValueError(f"{what} component {c} does not depend on any field")
        for leaf in asked:
            if id(leaf) not in jets and not is_marked(leaf):
                raise ValueError(
                    f"{what} depends on a tensor of shape "
                    f"{list(leaf.shape)} that requires grad and would not be trained: declare it "
                    "as Problem(unknowns={'name': ax.Unknown(...)}), or detach() it"
                )
