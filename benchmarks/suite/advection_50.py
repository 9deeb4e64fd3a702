"""Transport around a ring at speed 50."""

from __future__ import annotations

from advection import case_of

CASE = case_of(50.0, "no number")
