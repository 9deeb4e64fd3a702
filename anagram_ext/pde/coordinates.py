"""Named coordinates: what a residual or a solution sees as its last argument."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Coordinates:
    """The points of one condition, by coordinate name: ``x.t`` or ``x["t"]`` is a tensor [n].

    Attributes:
        names: the d coordinate names, in the order of the columns.
        points: all coordinates as one tensor [n, d].
    """

    def __init__(self, names: tuple[str, ...], points: Tensor) -> None:
        self.names = names
        self.points = points
        # Contiguous copies, made once: residuals read the columns at every step.
        self._columns = {name: points[:, i].contiguous() for i, name in enumerate(names)}

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
