"""Natural-gradient training of physics-informed networks (ANaGRAM) on native kernels."""

from __future__ import annotations

from anagram_ext.coordinates import Coordinates
from anagram_ext.domain import Box
from anagram_ext.errors import BackendUnavailable, NonFiniteError
from anagram_ext.fields import Field
from anagram_ext.network import MLP
from anagram_ext.problem import Condition, Problem
from anagram_ext.sampling import Sampler

__all__ = [
    "MLP",
    "BackendUnavailable",
    "Box",
    "Condition",
    "Coordinates",
    "Field",
    "NonFiniteError",
    "Problem",
    "Sampler",
]
