"""Helmholtz's equation with the solution sin(6 pi x) sin(6 pi y), k = 1, on a network of sines.

Points (45^2) and steps were kept after a larger set (60^2) ended with a larger error.
"""

from __future__ import annotations

from helmholtz import case_of

CASE = case_of(6, 6, "plots only (50 000 quasi-Newton iterations)")
