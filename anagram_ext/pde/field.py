"""One output of the network, as a residual sees it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Union

import torch
from torch import Tensor

from anagram_ext.pde import operators
from anagram_ext.pde.coordinates import NO_NORMALS

if TYPE_CHECKING:
    from anagram_ext.pde.operators import Operator

Operand = Union["Field", Tensor, float]


class Field:
    """A function of the coordinates that can be differentiated, and that stands for its values.

    In arithmetic and in torch functions (``u**3``, ``torch.sin(u)``, ``torch.stack([u, v])``) a
    field is the tensor of its values at the points. All results are ordinary tensors, [n] or, while
    several parameter vectors are tried at once, [q, n]: write residuals that broadcast.

    Attributes:
        name: the name given in ``Problem(fields=...)``.
    """

    def __init__(
        self,
        name: str,
        coordinates: tuple[str, ...],
        lookup: Callable[[Operator], Tensor],
        normals: Tensor | None = None,
    ) -> None:
        self.name = name
        self._coordinates = coordinates
        self._lookup = lookup
        # Contiguous columns, made once: residuals read them at every step.
        self._normals = None if normals is None else [n.contiguous() for n in normals.unbind(1)]
        self._value = operators.value(len(coordinates))

    @property
    def value(self) -> Tensor:
        """The values of the field at the points."""
        return self._lookup(self._value)

    def d(self, *names: str) -> Tensor:
        """A partial derivative up to order 4.

        Args:
            names: a word of one-letter coordinates (``u.d("xxt")``), or coordinate names one by
                one (``u.d("x1", "x1")``).

        Raises:
            ValueError: for an unknown coordinate or an order above 4.
        """
        try:
            return self._lookup(operators.derivative(names, self._coordinates))
        except TypeError:
            operators.check_named(names)  # what is not hashable has not come so far
            raise

    def normal(self, *names: str) -> Tensor:
        """The derivative along the outward normal of a boundary: sum_i n_i d(u)/dx_i.

        Args:
            names: the coordinates to sum over, all when none is named. Naming those of space saves
                the derivative in time, which normals of walls have no share in.

        Raises:
            ValueError: the points have no normals, or a coordinate is unknown.
        """
        if self._normals is None:
            raise ValueError(NO_NORMALS)
        along = operators.axes(names, self._coordinates)
        terms = (self._normals[self._coordinates.index(name)] * self.d(name) for name in along)
        return functools.reduce(torch.add, terms)

    def laplacian(self, *names: str) -> Tensor:
        """Sum of the second derivatives along the named coordinates, all when none is named.

        It costs one derivative component, whatever the number of coordinates.
        """
        return self._lookup(operators.laplacian(names, self._coordinates))

    def biharmonic(self, *names: str) -> Tensor:
        """The Laplacian of the Laplacian along the named coordinates, all when none is named."""
        return self._lookup(operators.biharmonic(names, self._coordinates))

    def operator(self, terms: Mapping[str | tuple[str, ...], float]) -> Tensor:
        """A constant-coefficient operator as one component, e.g. ``{"xx": 1.0, "yy": 4.0}``."""
        return self._lookup(operators.combination(terms, self._coordinates))

    def __repr__(self) -> str:
        return f"Field({self.name})"

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Lets torch functions take a field wherever they take a tensor."""
        return func(*_values(args), **{key: _values(v) for key, v in (kwargs or {}).items()})

    def __neg__(self) -> Tensor:
        return -self.value

    def __pos__(self) -> Tensor:
        return self.value

    def __abs__(self) -> Tensor:
        return torch.abs(self.value)

    def __add__(self, other: Operand) -> Tensor:
        return self.value + _value(other)

    def __radd__(self, other: Operand) -> Tensor:
        return _value(other) + self.value

    def __sub__(self, other: Operand) -> Tensor:
        return self.value - _value(other)

    def __rsub__(self, other: Operand) -> Tensor:
        return _value(other) - self.value

    def __mul__(self, other: Operand) -> Tensor:
        return self.value * _value(other)

    def __rmul__(self, other: Operand) -> Tensor:
        return _value(other) * self.value

    def __truediv__(self, other: Operand) -> Tensor:
        return self.value / _value(other)

    def __rtruediv__(self, other: Operand) -> Tensor:
        return _value(other) / self.value

    def __pow__(self, other: Operand) -> Tensor:
        return torch.pow(self.value, _value(other))

    def __rpow__(self, other: Operand) -> Tensor:
        return torch.pow(_value(other), self.value)

    def __mod__(self, other: Operand) -> Tensor:
        return torch.remainder(self.value, _value(other))

    def __rmod__(self, other: Operand) -> Tensor:
        return torch.remainder(_value(other), self.value)

    def __eq__(self, other: object) -> Any:
        """Compares values point by point, as tensors do."""
        return self.value == _values(other)

    def __ne__(self, other: object) -> Any:
        """Compares values point by point, as tensors do."""
        return self.value != _values(other)

    __hash__ = object.__hash__

    def __lt__(self, other: Operand) -> Tensor:
        return self.value < _value(other)

    def __le__(self, other: Operand) -> Tensor:
        return self.value <= _value(other)

    def __gt__(self, other: Operand) -> Tensor:
        return self.value > _value(other)

    def __ge__(self, other: Operand) -> Tensor:
        return self.value >= _value(other)


def _value(operand: Operand) -> Tensor | float:
    return operand.value if isinstance(operand, Field) else operand


def _values(argument: Any) -> Any:
    if isinstance(argument, Field):
        return argument.value
    if isinstance(argument, (list, tuple)):
        return type(argument)(_values(item) for item in argument)
    return argument
