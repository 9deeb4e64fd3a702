"""The first eigenvalue of -u'' on [0, 1], u normalised by an integral: pi^2."""

from __future__ import annotations

from math import pi

from case import Case, Outcome, outcome

import anagram_ext as ax

START = 8.0


def run(seed: int, **options: object) -> Outcome:
    line = ax.Box(x=(0, 1))
    conditions = {
        "equation": ax.Condition(lambda u, x, c: u.d("xx") + c.E * u, line.stratified(40)),
        "ends": ax.Condition(lambda u, x: u, line.faces("x").grid(1), weight=100),
        "norm": ax.Integral(lambda u, x: u**2, line.quadrature(24), equals=1.0),
    }
    problem = ax.Problem(("x",), ("u",), conditions, unknowns={"E": ax.Unknown(START)})
    found = ax.train(
        problem, ax.MLP([1, 16, 1]), seed=seed, **{"steps": 200, "progress": False, **options}
    )
    return outcome([found], abs(found.values["E"] - pi**2), E=found.values["E"])


CASE = Case("textbook", "no number", 1e-10, run, "error of the eigenvalue")
