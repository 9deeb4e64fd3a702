"""Helmholtz's equation with the solution sin(pi x) sin(4 pi y), k = 1."""

from __future__ import annotations

from helmholtz import case_of

CASE = case_of(1, 4, "plots only")
