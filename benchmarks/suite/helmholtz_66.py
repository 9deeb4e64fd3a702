"""Helmholtz's equation with the solution sin(6 pi x) sin(6 pi y), k = 1, on a network of sines.

Steps were chosen by the loss, and the second stage (points by the warning, the boundary's weight by
its relative residual) after seeing errors: 4e-6 without it, and 4e-6 with it but no weight.
A run of seed 2 was ended by hand at step 80, at a loss of 4e4, and is in no table.
"""

from __future__ import annotations

from helmholtz import case_of

CASE = case_of(6, 6, "plots only (50 000 quasi-Newton iterations)")
