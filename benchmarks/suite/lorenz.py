"""The Lorenz system up to t = 20, in windows. The error counts until t = 10, as chaos demands.

A difference grows by e^0.9 a unit of time: from 1e-13 at the start to 1e-5 at the end, for any
method and for the reference itself, which is integrated with tolerances of 1e-12.
Windows and steps were chosen by the errors of four runs to t = 5.
"""

from __future__ import annotations

from case import Case, Outcome
from ode import marched, problem

import anagram_ext as ax

START = (1.0, 1.0, 1.0)
END, COUNTED = 20.0, 10.0


def rates(x: object, y: object, z: object) -> tuple:
    return 10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z


def run(seed: int, *, windows: int = 80, **options: object) -> Outcome:
    posed = problem(rates, START, END, 60, names="xyz", sizes=(10, 10, 10))
    about = {"end": END, "until": COUNTED, "integrator": "DOP853"}
    options = {"windows": windows, "steps": 80, **options}
    return marched(rates, START, posed, ax.MLP([1, 24, 3]), seed=seed, **about, **options)


CASE = Case(
    "Lorenz 1963",
    "no number",
    1e-6,
    run,
    "relative L2 until t = 10, worst of x, y, z",
)
