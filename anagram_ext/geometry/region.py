"""What a condition may ask of the set that its points come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.geometry.designs import Array, Bounds


class Region(Protocol):
    """A set in d named coordinates: a domain, or a part of its boundary.

    What returns points returns ``Points``, which refer back to the region.
    """

    @property
    def names(self) -> tuple[str, ...]:
        """The d coordinate names, in the order of the columns of all points."""

    @property
    def bounds(self) -> Bounds:
        """The (lower, upper) of each coordinate."""

    @property
    def dimension(self) -> int:
        """Of the set: d for a domain, d - 1 for its boundary."""

    @property
    def measure(self) -> float:
        """Length, area or volume."""

    def place(self, unit: Array) -> Any:
        """The ``Points`` [n, d] of the set that belong to points [n, d] of the unit cube.

        Evenly distributed ones stay so. Points of a boundary carry outward unit normals.
        """

    def boundary(self, part: Any = None) -> Region:
        """The boundary of a domain; or a part of it, by a name or by a rule on its points."""

    def contains(self, points: Tensor) -> Tensor:
        """Whether each of the points [n, d] lies in the set, edges included, [n] of bool."""

    def distance(self, points: Tensor) -> Tensor:
        """Distance of the points [n, d] from the boundary, negative inside of a domain, [n]."""

    def grid(self, n: int, /) -> Any:
        """Regular ``Points``."""

    def quadrature(self, n: int, /) -> Any:
        """``Points`` with weights [n]: sums of weight x value are integrals."""
