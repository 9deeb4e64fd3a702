"""The residual that a user writes of a torch module, as a vector r(theta) that keeps the rules."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from anagram_ext.errors import BroadcastWarning, NonFiniteError
from anagram_ext.models.engine_network import EngineNetwork
from anagram_ext.models.flat_module import differentiating
from anagram_ext.systems.broadcasts import SquareTables

if TYPE_CHECKING:
    from anagram_ext.models.flat_module import FlatModule

Residual = Callable[[nn.Module], Any]


@dataclass(frozen=True)
class Point:
    """Where derivatives are taken.

    Attributes:
        theta: the parameters [P], a leaf that asks for gradients.
        residual: r [S] with its graph.
    """

    theta: Tensor
    residual: Tensor

    def pullback(self, w: Tensor) -> Tensor:
        """``J^T w`` [P], w [S]."""
        return torch.autograd.grad(self.residual, self.theta, w, retain_graph=True)[0]


class ModuleResidual:
    """r [S]: the tensors that a function of the module returns, row-major, one after the other.

    Checked once here, at the parameters that the module has: the function has to be differentiable,
    to give the same values twice, and to leave parameters and buffers alone.

    Args:
        function: called with the module; returns a tensor of any shape, or several in a tuple.
        flat: the module.

    Attributes:
        flat: the module.
        engine: its layers, where the native engine knows all of them.
        shapes: of the tensors.
        slices: the rows of each.
        n_rows: S.

    Raises:
        TypeError: the function returns anything but tensors of the parameters' dtype.
        ValueError: it returns a single number, nothing, or a tensor elsewhere than the parameters;
            does not depend on them by differentiable operations, is random, or changes them or a
            buffer.

    Warns:
        BroadcastWarning: a tensor is a table [n, n] made of a column [n, 1] and a vector [n].
    """

    def __init__(self, function: Residual, flat: FlatModule) -> None:
        self.flat = flat
        self.engine = EngineNetwork.of(flat)
        self._function = function
        self.shapes: list[torch.Size] = []
        theta = flat.theta()
        with differentiating():
            parts = self._first_call(theta)
        self.shapes = [part.shape for part in parts]
        self.slices: list[slice] = []
        self.n_rows = 0
        for part in parts:
            self.slices.append(slice(self.n_rows, self.n_rows + part.numel()))
            self.n_rows += part.numel()
        if not self.n_rows:
            raise ValueError("residual must return at least one number, got none")
        self._check_repeatable(theta, parts)

    def __call__(self, theta: Tensor) -> Tensor:
        """The residual r [S], differentiable in theta [P]."""
        return torch.cat([part.reshape(-1) for part in self.parts(theta)])

    def values(self, theta: Tensor) -> Tensor:
        """The residual r [S] without a graph."""
        quick = nullcontext() if self.engine is None else self.engine.standing_in(theta)
        with differentiating(), quick:  # a residual may itself differentiate in its inputs
            return self(theta.detach().clone()).detach()

    def point(self, theta: Tensor) -> Point:
        """The residual and its graph at theta.

        Raises:
            NonFiniteError: r is not finite.
        """
        with differentiating():
            leaf = theta.detach().clone().requires_grad_()
            r = self(leaf)
        self.check_finite(r.detach())
        return Point(leaf, r)

    def parts(self, theta: Tensor) -> list[Tensor]:
        """What the function returns, as many and as large as in its first call."""
        parts = as_tensors(self.flat.call(theta, self._function))
        if self.shapes and [part.shape for part in parts] != self.shapes:
            raise ValueError(
                f"residual must return the shapes {_lists(self.shapes)} as in its first call, got "
                f"{_lists([part.shape for part in parts])}"
            )
        return parts

    def check_finite(self, r: Tensor) -> None:
        """Raises NonFiniteError naming the first number of r [S] that is not finite."""
        bad = (~torch.isfinite(r)).nonzero()
        if not len(bad):
            return
        row = int(bad[0, 0])
        k = next(k for k, rows in enumerate(self.slices) if row < rows.stop)
        index = torch.unravel_index(torch.tensor(row - self.slices[k].start), self.shapes[k])
        which = f" of tensor {k}" if len(self.slices) > 1 else ""
        raise NonFiniteError(
            f"the residual is {float(r[row])} at index {[int(i) for i in index]}{which}"
        )

    def _first_call(self, theta: Tensor) -> list[Tensor]:
        leaf = theta.clone().requires_grad_()
        tables = SquareTables()
        try:
            with tables:
                parts = as_tensors(self.flat.first_call(leaf, self._function))
        except RuntimeError as error:
            if "inplace" not in str(error) and "in-place" not in str(error):
                raise
            raise ValueError(
                f"residual must change nothing that derivatives go through, got {error}"
            ) from error
        self._check_parts(parts)
        self._check_depends(parts, leaf)
        for part in parts:
            _warn_of_table(tables, part)
        return parts

    def _check_parts(self, parts: list[Tensor]) -> None:
        flat = self.flat
        if not parts:
            raise ValueError("residual must return at least one number, got none")
        for part in parts:
            if not isinstance(part, Tensor):
                raise TypeError(
                    f"residual must return a tensor or several in a tuple, got "
                    f"{type(part).__name__}"
                )
            if part.dtype != flat.dtype:
                hint = " (torch.view_as_real makes two numbers of one)" * part.is_complex()
                raise TypeError(
                    f"residual must be {flat.dtype} like the parameters, got {part.dtype}{hint}"
                )
            if part.device != torch.device(flat.device) and part.device.type != flat.device:
                raise ValueError(
                    f"residual must be on {flat.device!r} like the parameters, got {part.device}"
                )
        if len(parts) == 1 and parts[0].ndim == 0:
            raise ValueError(
                "residual must return what is squared and summed, not the sum: got a single "
                "number (one residual has shape [1])"
            )

    def _check_depends(self, parts: list[Tensor], leaf: Tensor) -> None:
        r = torch.cat([part.reshape(-1) for part in parts])
        if r.requires_grad:
            (slope,) = torch.autograd.grad(r.sum(), leaf, allow_unused=True, retain_graph=True)
            if slope is not None:
                return
        raise ValueError(
            "residual must depend on the parameters of module by differentiable operations, got "
            "values without a graph (from another module, detach(), numpy or torch.no_grad?)"
        )

    def _check_repeatable(self, theta: Tensor, parts: list[Tensor]) -> None:
        before = theta.clone()
        again = self.values(theta)
        if not torch.equal(theta, before):
            raise ValueError("residual must not change the parameters, got other ones after a call")
        once = torch.cat([part.detach().reshape(-1) for part in parts])
        tolerance = 1e3 * torch.finfo(once.dtype).eps
        size = float(once.nan_to_num(0.0, 0.0, 0.0).abs().max())
        if not torch.allclose(once, again, rtol=tolerance, atol=tolerance * size, equal_nan=True):
            raise ValueError(
                "residual must give the same values twice, got others (dropout or random data? "
                "module.eval() switches dropout off)"
            )


def _warn_of_table(tables: SquareTables, part: Tensor) -> None:
    shapes = tables.shapes(part)
    if shapes is not None:
        column, vector = shapes
        warnings.warn(
            f"residual has {part.numel()} numbers, as torch makes them of {column} with {vector}: "
            f"each of {vector[0]} with each. Values and data should have one shape "
            f"(net(x) - y[:, None], or net(x)[:, 0] - y)",
            BroadcastWarning,
            stacklevel=2,
        )


def as_tensors(returned: object) -> list[Any]:
    """What a residual returned, as a list."""
    return list(returned) if isinstance(returned, (tuple, list)) else [returned]


def _lists(shapes: list[torch.Size]) -> list[list[int]]:
    return [list(shape) for shape in shapes]
