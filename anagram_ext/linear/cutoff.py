"""Where a truncated solve stops trusting singular values."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from anagram_ext.checks import check_kind


@dataclass(frozen=True)
class Cutoff:
    """Threshold on singular values: strictly larger ones are kept.

    Strictly, so that a zero matrix has rank 0 whatever the threshold.

    Attributes:
        value: threshold, at least 0; relative to the largest singular value or absolute.
        relative: whether ``value`` multiplies the largest singular value.

    Raises:
        TypeError: ``value`` is no number.
        ValueError: ``value`` is negative, NaN or infinite.
    """

    value: float
    relative: bool = True

    def __post_init__(self) -> None:
        check_kind("cutoff", self.value, (int, float), "a number or a Cutoff")
        if not (math.isfinite(self.value) and self.value >= 0):
            raise ValueError(f"cutoff must be a finite number >= 0, got {self.value!r}")

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
