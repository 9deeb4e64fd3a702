"""Van der Pol's oscillator with mu = 5 up to t = 50: four relaxations with jumps of width 0.1."""

from __future__ import annotations

from case import Case, Outcome
from ode import marched, problem

import anagram_ext as ax

MU = 5.0
START = (2.0, 0.0)
END = 50.0


def rates(u: object, v: object) -> tuple:
    return v, MU * (1 - u * u) * v - u


def run(seed: int, *, windows: int = 100, **options: object) -> Outcome:
    posed = problem(rates, START, END, 60, names="uv", sizes=(1, MU))
    about = {"end": END, "integrator": "DOP853"}
    options = {"windows": windows, "steps": 100, **options}
    return marched(rates, START, posed, ax.MLP([1, 24, 2]), seed=seed, **about, **options)


CASE = Case("van der Pol 1926", "no number", 1e-6, run, "relative L2, worst of u and v")
