"""Transport around a ring at speed 80."""

from __future__ import annotations

from advection import case_of

CASE = case_of(80.0, "6.9e-4 jaxpi")
