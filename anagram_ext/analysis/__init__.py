"""What the linearisation of a problem says: kernels of its tangent space, uncertainty of a fit.

Imports ``systems``, ``linear`` and what is below them.
"""

from __future__ import annotations

from anagram_ext.analysis import known_green
from anagram_ext.analysis.estimate import Combination, Estimate, Sensors
from anagram_ext.analysis.kernels import (
    green,
    green_step,
    nntk,
    ntk,
    spectrum,
    tangent_projection,
)
from anagram_ext.analysis.question import Kernel
from anagram_ext.analysis.tangent_space import Spectrum, TangentSpace
from anagram_ext.analysis.uncertainty import Uncertainty

__all__ = [
    "Combination",
    "Estimate",
    "Kernel",
    "Sensors",
    "Spectrum",
    "TangentSpace",
    "Uncertainty",
    "green",
    "green_step",
    "known_green",
    "nntk",
    "ntk",
    "spectrum",
    "tangent_projection",
]
