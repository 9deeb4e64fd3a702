"""Transport around a ring at speed 30."""

from __future__ import annotations

from advection import case_of

CASE = case_of(30.0, "2.0e-2 Krishnapriyan et al. (curriculum; unchecked)")
