"""Poisson's equation on an L, by a smooth network: its gradient is infinite at the corner."""

from __future__ import annotations

from functools import partial

from case import Case
from l_domain import run

CASE = Case("DeepXDE, Poisson_Lshape", "no number", 1e-3, partial(run, singular=False))
