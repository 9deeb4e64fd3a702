"""Derivatives of features of the coordinates, point by point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from anagram_ext.checks import check_kind
from anagram_ext.pde.coordinates import Coordinates

if TYPE_CHECKING:
    from anagram_ext.models.waves import Waves
    from anagram_ext.pde.operators import MultiIndex

Features = Callable[[Coordinates], Tensor | Sequence[Tensor]]
Slot = tuple[tuple["MultiIndex", float], ...]  # a sum of coefficient times derivative


def feature_values(function: Features, names: tuple[str, ...], points: Tensor) -> list[Tensor]:
    """The features [n] at points [n, d], checked; with a graph where the points ask for one.

    Raises:
        TypeError: for anything but tensors, of another dtype than the points.
        ValueError: for another length or device, or features that depend on parameters.
    """
    try:
        values = _as_list(function(Coordinates(names, points)))
    except (TypeError, ValueError, RuntimeError) as error:
        if str(error).startswith("inputs"):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"inputs: {error}") from error
    if not values:
        raise ValueError("inputs must give at least one feature, got none")
    for a, value in enumerate(values):
        _check_feature(a, value, points)
    return values


def feature_jets(
    function: Features, names: tuple[str, ...], points: Tensor, slots: Sequence[Slot]
) -> Tensor:
    """Every slot applied to every feature, [n, slots, f], at points [n, d].

    Computed in float64, and rounded to the dtype of the points.

    Raises:
        TypeError, ValueError: as ``feature_values`` does.
        ValueError: for a derivative that is not finite at a point.
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        at = points.detach().to(torch.float64).clone().requires_grad_()
        order = max(sum(index) for slot in slots for index, _ in slot)
        tables = [_Derivatives(value, at, order) for value in feature_values(function, names, at)]
        jets = _combined(
            lambda index: torch.stack([table(index).detach() for table in tables], dim=1), slots
        )
    _check_finite(names, points, slots, jets)
    return jets.to(points.dtype)


def wave_jets(
    waves: Waves, names: tuple[str, ...], points: Tensor, slots: Sequence[Slot]
) -> Tensor:
    """The same of features whose derivatives are known: the cost of autograd grows with f.

    Raises:
        ValueError: for a derivative that is not finite at a point.
    """
    jets = _combined(waves.derivatives(points.detach().to(torch.float64)), slots)
    _check_finite(names, points, slots, jets)
    return jets.to(points.dtype)


def check_features(function: Features, names: tuple[str, ...], points: Tensor) -> None:
    """Raises unless a feature at a point depends on that point alone.

    The features of some of the points, shuffled, must be those same features: whatever looks at
    another point, or at how many there are, shows.

    Raises:
        TypeError, ValueError: as ``feature_values`` does.
        ValueError: for features that are not pointwise, or depend on parameters.
    """
    with torch.inference_mode(mode=False), torch.enable_grad():
        at = points.detach().to(torch.float64).clone()
        values = feature_values(function, names, at)
        for a, value in enumerate(values):
            if value.requires_grad:
                raise ValueError(
                    f"inputs must not depend on parameters that require grad, which would not be "
                    f"trained: feature {a} does"
                )
        whole = torch.stack(values, dim=1)  # [n, f]
        rng = torch.Generator().manual_seed(0)
        some = torch.randperm(len(at), generator=rng)[: (len(at) + 1) // 2].to(at.device)
        part = torch.stack(feature_values(function, names, at[some].contiguous()), dim=1)
    expected = whole[some]
    # Other lanes of a vectorised function may round the last bit differently.
    close = torch.isclose(part, expected, rtol=1e-9, atol=1e-12, equal_nan=True).all(dim=0)
    if not bool(close.all()):
        feature = int((~close).nonzero()[0, 0])
        raise ValueError(
            f"inputs must be pointwise: feature {feature} at a point changes with the other points"
        )


def _combined(derivative: Callable[[MultiIndex], Tensor], slots: Sequence[Slot]) -> Tensor:
    """The slots [n, slots, f] of derivatives [n, f]."""
    combined = []
    for slot in slots:
        terms = [coefficient * derivative(index) for index, coefficient in slot]
        combined.append(sum(terms[1:], terms[0]))
    return torch.stack(combined, dim=1)


class _Derivatives:
    """All partial derivatives of one feature up to an order, each made once.

    One gradient of d^b phi gives d^(b + e_i) phi for all coordinates i.
    """

    def __init__(self, value: Tensor, points: Tensor, order: int) -> None:
        self._points, self._order = points, order
        self._gradients: dict[MultiIndex, Tensor] = {}
        self._value = value

    def __call__(self, index: MultiIndex) -> Tensor:
        """The derivative [n] with these differentiation counts."""
        if not any(index):
            return self._value
        i = max(axis for axis, count in enumerate(index) if count)
        below = (*index[:i], index[i] - 1, *index[i + 1 :])
        if below not in self._gradients:
            self._gradients[below] = self._gradient(self(below), last=sum(index) == self._order)
        return self._gradients[below][:, i]

    def _gradient(self, values: Tensor, *, last: bool) -> Tensor:
        if not values.requires_grad:
            return torch.zeros_like(self._points, requires_grad=False)
        gradients: tuple[Tensor | None, ...] = torch.autograd.grad(
            values.sum(), self._points, create_graph=not last, retain_graph=True, allow_unused=True
        )
        unused = torch.zeros_like(self._points, requires_grad=False)
        return unused if gradients[0] is None else gradients[0]


def _as_list(values: Tensor | Sequence[Tensor]) -> list[Tensor]:
    if isinstance(values, Tensor):
        if values.ndim not in (1, 2):
            raise ValueError(
                f"inputs must give tensors [n] or one [n, f], got shape {list(values.shape)}"
            )
        return [values] if values.ndim == 1 else list(values.unbind(dim=1))
    kinds = (tuple, list)
    check_kind("inputs: what they give", values, kinds, "a tuple of tensors [n] or a tensor [n, f]")
    return list(values)


def _check_feature(a: int, value: object, points: Tensor) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"inputs: feature {a} must be a tensor, got {type(value).__name__}")
    if value.shape != (len(points),):
        raise ValueError(
            f"inputs: feature {a} must have shape [{len(points)}], got {list(value.shape)}"
        )
    if value.dtype != points.dtype:
        raise TypeError(
            f"inputs: feature {a} must be {points.dtype} like its coordinates, got {value.dtype}"
        )
    if value.device != points.device:
        raise ValueError(
            f"inputs: feature {a} must be on {points.device} like its coordinates, "
            f"got {value.device}"
        )


def _check_finite(
    names: tuple[str, ...], points: Tensor, slots: Sequence[Slot], jets: Tensor
) -> None:
    finite = torch.isfinite(jets)
    if bool(finite.all()):
        return
    i, s, a = (int(place) for place in (~finite).nonzero()[0])
    at = ", ".join(f"{name}={float(x):g}" for name, x in zip(names, points[i], strict=True))
    raise ValueError(
        f"inputs must have finite derivatives at every point, got {_spelled(slots[s], names)} of "
        f"feature {a} = {float(jets[i, s, a])} at {at}"
    )


def _spelled(slot: Slot, names: tuple[str, ...]) -> str:
    """The derivatives of a slot, ``d(x, x) + d(y, y)``."""
    words = (
        ", ".join(name for name, count in zip(names, index, strict=True) for _ in range(count))
        for index, _ in slot
    )
    return " + ".join(f"d({word})" if word else "the value" for word in words)
