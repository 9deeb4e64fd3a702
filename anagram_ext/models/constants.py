"""Unknown coefficients as channels of a model that do not depend on the point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from anagram_ext.pde.operators import Operator
    from anagram_ext.pde.unknown import Unknown


class Constants:
    """Unknown numbers as functions of the parameters that training moves.

    A free number is a multiple of its first guess, so that all move on one scale; a positive one is
    the exponential, one between bounds the logistic function of its parameter.

    Args:
        unknowns: by name.

    Attributes:
        size: how many numbers there are, Q: parameters and channels alike.
        parts: the place of each unknown among them.
    """

    def __init__(self, unknowns: Mapping[str, Unknown]) -> None:
        self.parts: dict[str, slice] = {}
        self.size = 0
        kinds, lowers, spans, starts = [], [], [], []
        for name, unknown in unknowns.items():
            self.parts[name] = slice(self.size, self.size + len(unknown.starts))
            self.size += len(unknown.starts)
            for start in unknown.starts:
                kind, lower, span, parameter = _parametrised(unknown, start)
                kinds.append(kind)
                lowers.append(lower)
                spans.append(span)
                starts.append(parameter)
        self._kind = torch.tensor(kinds)
        self._lower = torch.tensor(lowers, dtype=torch.float64)
        self._span = torch.tensor(spans, dtype=torch.float64)
        self._start = torch.tensor(starts, dtype=torch.float64)

    def init(self) -> Tensor:
        """The parameters of the first guesses, [Q] in float64."""
        return self._start.clone()

    def values(self, raw: Tensor) -> Tensor:
        """The numbers [..., Q] that parameters [..., Q] stand for."""
        kind, lower, span = self._placed(raw)
        return torch.where(
            kind == _FREE,
            span * raw,
            torch.where(kind == _POSITIVE, span * raw.exp(), lower + span * raw.sigmoid()),
        )

    def slopes(self, raw: Tensor) -> Tensor:
        """The derivative [Q] of each number with respect to its own parameter."""
        kind, _, span = self._placed(raw)
        logistic = raw.sigmoid()
        return torch.where(
            kind == _FREE,
            span.expand_as(raw),
            torch.where(kind == _POSITIVE, span * raw.exp(), span * logistic * (1 - logistic)),
        )

    def _placed(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self._kind.to(like.device), self._lower.to(like), self._span.to(like)


_FREE, _POSITIVE, _BETWEEN = range(3)


def _parametrised(unknown: Unknown, start: float) -> tuple[int, float, float, float]:
    """The kind, lower end and scale of a number, and the parameter of its first guess."""
    if unknown.between is not None:
        lower, upper = unknown.between
        share = (start - lower) / (upper - lower)
        return _BETWEEN, lower, upper - lower, math.log(share / (1 - share))
    if unknown.positive:
        return _POSITIVE, 0.0, start, 0.0
    return (_FREE, 0.0, abs(start), math.copysign(1.0, start)) if start else (_FREE, 0.0, 1.0, 0.0)


class ConstantJets:
    """The jets of constants: their values, and zeros for every derivative.

    Args:
        constants: Q of them.
        wanted: K operators, among them the value.
    """

    def __init__(self, constants: Constants, wanted: Sequence[Operator]) -> None:
        self._constants = constants
        self._n_operators = len(wanted)
        self._value = next((k for k, operator in enumerate(wanted) if operator.order == 0), None)

    def jets(self, theta: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [K, Q, n] at points [n, d]."""
        return self.jets_many(theta[None], points, None if out is None else out[None])[0]

    def jets_many(self, thetas: Tensor, points: Tensor, out: Tensor | None = None) -> Tensor:
        """The jets [q, K, Q, n] of parameter vectors [q, Q]."""
        if out is None:
            out = thetas.new_empty((len(thetas), self._n_operators, thetas.shape[-1], len(points)))
        out.zero_()
        if self._value is not None:
            out[:, self._value] = self._constants.values(thetas)[:, :, None]
        return out

    def jacobian(self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor) -> None:
        """Writes the rows [C * n, Q]: the seeds themselves, times the slope of each number."""
        del points
        out.copy_(self._rows(theta, seeds))

    def jacobian_with_jets(
        self, theta: Tensor, points: Tensor, seeds: Tensor, out: Tensor, jets: Tensor
    ) -> None:
        """The same, and the jets [K, Q, n]."""
        self.jacobian(theta, points, seeds, out)
        self.jets(theta, points, jets)

    def vjp(self, theta: Tensor, points: Tensor, seeds: Tensor, w: Tensor, out: Tensor) -> None:
        """Adds J^T w to ``out`` [Q], w [C * n]."""
        del points
        out += self._rows(theta, seeds).T @ w

    def jvp(self, theta: Tensor, points: Tensor, seeds: Tensor, v: Tensor, out: Tensor) -> None:
        """Writes J v to ``out`` [C * n], v [Q]."""
        del points
        out.copy_(self._rows(theta, seeds) @ v)

    def _rows(self, theta: Tensor, seeds: Tensor) -> Tensor:
        n_components, _, n_constants, n = seeds.shape
        if self._value is None:
            return seeds.new_zeros((n_components * n, n_constants))
        by_point = seeds[:, self._value].transpose(1, 2).reshape(-1, n_constants)
        return by_point * self._constants.slopes(theta)
