"""Poisson's equation on an L: with the singular functions of its corners."""

from __future__ import annotations

from functools import partial

from case import Case
from l_domain import run

CASE = Case("DeepXDE, Poisson_Lshape", "no number", 1e-8, partial(run, singular=True))
