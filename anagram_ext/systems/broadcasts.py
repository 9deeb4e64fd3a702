"""Finds out where a residual is a table of everything against everything, by a slip of shapes.

``net(x) - y`` with values [n, 1] and data [n] is [n, n] in torch: n^2 numbers that fit the mean of
the data. Nothing fails, and the fit looks like one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

Shapes = tuple[list[int], list[int]]


class SquareTables(TorchFunctionMode):
    """Follows what torch makes of a column [n, 1] and a vector [n], n > 1, by broadcasting.

    A table [n, n] that comes of nothing else stays a suspect through every function that keeps its
    n^2 numbers. One that meets another matrix [n, n] (a matrix of data, an identity) is meant, and
    is none any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self._suspects: dict[int, tuple[Tensor, Shapes]] = {}  # kept alive: ids are not used again

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Called for every function of torch while the mode is on."""
        del types
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if isinstance(result, Tensor):
            origin = self._origin(list(_tensors((*args, *kwargs.values()))), result)
            if origin is None:
                self._suspects.pop(id(result), None)  # changed in place
            else:
                self._suspects[id(result)] = result, origin
        return result

    def shapes(self, tensor: Tensor) -> Shapes | None:
        """The shapes that a tensor was made of by a slip; None where it was not."""
        known = self._suspects.get(id(tensor))
        return None if known is None else known[1]

    def _origin(self, given: list[Tensor], result: Tensor) -> Shapes | None:
        square = [tensor for tensor in given if tensor.numel() == result.numel()]
        if square:
            origins = [self.shapes(tensor) for tensor in square]
            return origins[0] if all(origins) else None
        n = len(result) if result.ndim == 2 else 0
        if n < 2 or result.shape != (n, n):
            return None
        # Two of them: a layer ``nn.Linear(1, n)`` has n weights, and n offsets besides.
        shapes = sorted((list(tensor.shape) for tensor in given), key=len)
        return ([n, 1], [n]) if shapes == [[n], [n, 1]] else None


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)
