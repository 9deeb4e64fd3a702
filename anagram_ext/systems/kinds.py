"""Which signature belongs to which kind of condition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anagram_ext.pde.integral import Integral, IntegroDifferential
from anagram_ext.pde.paired import Paired
from anagram_ext.systems.integral import EquationSignature, TotalSignature
from anagram_ext.systems.paired import PairSignature

if TYPE_CHECKING:
    from anagram_ext.pde.condition import Condition
    from anagram_ext.pde.coordinates import Coordinates
    from anagram_ext.systems.signature import AnySignature, Signature


def signature_of(
    name: str, condition: Condition, base: Signature, coordinates: Coordinates
) -> AnySignature:
    """How the rows of a condition are made.

    Args:
        name: of the condition.
        condition: any kind.
        base: that of a plain condition.
        coordinates: the first points; an integrand is dry-run for them.

    Raises:
        ValueError, TypeError: as ``discover``.
    """
    if isinstance(condition, Paired):
        return PairSignature(base)
    if isinstance(condition, Integral):
        return TotalSignature.of(name, condition, base)
    if isinstance(condition, IntegroDifferential):
        return EquationSignature.of(name, condition, base, coordinates)
    return base
