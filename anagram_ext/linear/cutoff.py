"""Where a truncated solve stops trusting singular values."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from anagram_ext.checks import check_switches, finite_number


@dataclass(frozen=True)
class Cutoff:
    """Threshold on singular values: strictly larger ones are kept.

    Strictly, so that a zero matrix has rank 0 whatever the threshold.

    Attributes:
        value: threshold, at least 0; relative to the largest singular value, and then below 1, or
            absolute.
        relative: whether ``value`` multiplies the largest singular value.

    Raises:
        TypeError: ``value`` is no number, True and False included.
        ValueError: ``value`` is negative, NaN or infinite, or relative and not below 1: no singular
            value is above that, and every solution would be zero.
    """

    value: float
    relative: bool = True

    def __post_init__(self) -> None:
        value = finite_number("cutoff", self.value, "a number or a Cutoff")
        check_switches(**{"cutoff: relative": self.relative})
        if value < 0:
            raise ValueError(f"cutoff must be a finite number >= 0, got {self.value!r}")
        if self.relative and value >= 1:
            raise ValueError(
                "cutoff must be below 1, a share of the largest singular value, or a "
                f"Cutoff(value, relative=False), got {self.value!r}"
            )

    @classmethod
    def of(cls, cutoff: float | Cutoff) -> Cutoff:
        """A plain number means a relative cutoff."""
        return cutoff if isinstance(cutoff, Cutoff) else cls(cutoff)

    def rank(self, singular_values: torch.Tensor) -> int:
        """Number of kept values among ``singular_values`` [k], which descend."""
        threshold = self.value
        if self.relative and len(singular_values):
            threshold *= float(singular_values[0])
        return int((singular_values > threshold).sum())
