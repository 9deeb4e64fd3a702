"""Pictures: curves of a history, maps of a solution, kernels.

Imports ``analysis``, ``models``, ``pde`` and what is below them.
"""

from __future__ import annotations

from anagram_ext.figures.curves import convergence
from anagram_ext.figures.kernels import kernel, spectrum
from anagram_ext.figures.maps import solution_maps

__all__ = ["convergence", "kernel", "solution_maps", "spectrum"]
