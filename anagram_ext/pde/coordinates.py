"""Named coordinates: what a residual or a solution sees as its last argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from anagram_ext.checks import check_kind, strings

NO_NORMALS: Final = (
    "points must have normals, as those of shape.boundary() and box.faces() do, got none; "
    "give your own as Points(points, normals=...)"
)


def marked(values: Tensor) -> Tensor:
    """The same tensor, asking for gradients that are no parameters' (see ``is_marked``)."""
    values.requires_grad_()
    values.no_parameter = True  # type: ignore[attr-defined] # a mark of our own
    return values


def is_marked(leaf: Tensor) -> bool:
    """Whether a tensor asks for gradients only so that expressions can be differentiated."""
    return getattr(leaf, "no_parameter", False)


def columns(coordinates: Coordinates, name: str) -> list[Tensor]:
    """All columns of a coordinate: one, or two of pairs of points."""
    return coordinates._along(name)


def values_at(coordinates: Coordinates, row: int) -> dict[str, float]:
    """The coordinates of one point by name."""
    return {name: float(coordinates[name][row]) for name in coordinates.names}


class Coordinates:
    """The points of one condition, by coordinate name: ``x.t`` or ``x["t"]`` is a tensor [n].

    Attributes:
        names: the d coordinate names, in the order of the columns.
        points: all coordinates as one tensor [n, d].
        normals: outward unit normals [n, d] at points of a boundary, or None.
        weights: quadrature weights [n], or None.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        points: Tensor,
        normals: Tensor | None = None,
        weights: Tensor | None = None,
    ) -> None:
        self.names = strings("names of coordinates", names, "a sequence of names")
        check_kind("points", points, Tensor, "a tensor [n, d]")
        if points.ndim != 2 or points.shape[1] < len(self.names):
            raise ValueError(
                f"points must have a column for each of the coordinates {self.names}, got shape "
                f"{list(points.shape)}"
            )
        self.points = points
        self.normals = normals
        self.weights = weights
        self._normal = None if normals is None else Coordinates(names, normals)
        # Contiguous copies, made once: residuals read the columns at every step.
        self._columns = {name: points[:, i].contiguous() for i, name in enumerate(names)}
        self._made: dict[object, Any] = {}

    def differentiable(self, shape: Sequence[int]) -> Coordinates:
        """The same points; columns of the given shape, [n] or [q, n], that autograd differentiates.

        One row for each of q parameter vectors: a derivative does not add up over them.
        """
        twin = Coordinates(self.names, self.points, self.normals, self.weights)
        twin._columns = {
            name: marked(column.expand(shape).clone()) for name, column in self._columns.items()
        }
        return twin

    def once(self, key: object, make: Callable[[], Any]) -> Any:
        """What ``make`` returns, computed once for these points and kept as long as they are."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def _along(self, name: str) -> list[Tensor]:
        return [self[name]]

    @property
    def normal(self) -> Coordinates:
        """The outward unit normal, by coordinate name: ``x.normal.y`` is a tensor [n].

        Raises:
            ValueError: the points have no normals, for they lie on no boundary that is known.
        """
        if self._normal is None:
            raise ValueError(NO_NORMALS)
        return self._normal

    def taken(self, rows: Tensor) -> Coordinates:
        """The points of some rows, by index, with what is known of them."""
        return Coordinates(
            self.names,
            self.points[rows],
            None if self.normals is None else self.normals[rows],
            None if self.weights is None else self.weights[rows],
        )

    def moved(self, by: Tensor) -> Coordinates:
        """The points moved by [d] or [n, d], with what is known of them."""
        points = self.points.clone()
        points[:, : len(self.names)] += by
        return Coordinates(self.names, points, self.normals, self.weights)

    def __getitem__(self, name: str) -> Tensor:
        try:
            return self._columns[name]
        except KeyError:
            raise ValueError(f"unknown coordinate {name!r}: there are {self.names}") from None

    def __getattr__(self, name: str) -> Tensor:
        # Reached only for names that are no real attribute.
        if name.startswith("_") or name not in self._columns:
            raise AttributeError(f"unknown coordinate {name!r}: there are {self.names}")
        return self._columns[name]

    def changes(self) -> tuple[int, ...]:
        """How often each of its tensors has been written into, since it was made."""
        return (self.points._version, *(column._version for column in self._columns.values()))

    def __repr__(self) -> str:
        return f"Coordinates({', '.join(self.names)}; {len(self.points)} points)"


class PairCoordinates(Coordinates):
    """Pairs of points [n, 2 d]; by name they are those of the first one.

    An expression differentiated along a coordinate moves both points.

    Attributes:
        sides: the coordinates of the first and of the second point of each pair.
    """

    def __init__(self, names: tuple[str, ...], points: Tensor) -> None:
        super().__init__(names, points)
        first, second = (part.contiguous() for part in points.chunk(2, dim=1))
        self.sides = Coordinates(names, first), Coordinates(names, second)

    def taken(self, rows: Tensor) -> PairCoordinates:
        """Some of the pairs, by index."""
        return PairCoordinates(self.names, self.points[rows])

    def moved(self, by: Tensor) -> PairCoordinates:
        """Both points of each pair moved by [d] or [n, d]."""
        return PairCoordinates(self.names, self.points + torch.cat([by, by], dim=-1))

    def differentiable(self, shape: Sequence[int]) -> PairCoordinates:
        """The same pairs; columns of the given shape that autograd differentiates."""
        twin = PairCoordinates(self.names, self.points)
        first, second = self.sides
        twin.sides = first.differentiable(shape), second.differentiable(shape)
        return twin

    def _along(self, name: str) -> list[Tensor]:
        return [side[name] for side in self.sides]
