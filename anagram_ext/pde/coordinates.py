"""Named coordinates: what a residual or a solution sees as its last argument."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor

NO_NORMALS: Final = (
    "points must have normals, as those of shape.boundary() and box.faces() do, got none; "
    "give your own as Points(points, normals=...)"
)


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
        self.names = names
        self.points = points
        self.normals = normals
        self.weights = weights
        self._normal = None if normals is None else Coordinates(names, normals)
        # Contiguous copies, made once: residuals read the columns at every step.
        self._columns = {name: points[:, i].contiguous() for i, name in enumerate(names)}

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

    def __repr__(self) -> str:
        return f"Coordinates({', '.join(self.names)}; {len(self.points)} points)"
