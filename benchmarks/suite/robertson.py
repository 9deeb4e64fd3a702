"""Robertson's chemical reaction up to t = 1e5, in windows of logarithmic time.

With s = log(1 + t / 1e-4) the solution moves as much in one unit of s as in another: in t, all of
it would happen in the first ten-thousandth of the way. The second substance counts in units of
1e-4, and its balance is divided by the rate at which it relaxes.
"""

from __future__ import annotations

from math import log1p

import numpy as np
import torch
from case import Case, Outcome, of_march, relative
from ode import fresh_times, notes, reference

import anagram_ext as ax

FIRST = 1e-4  # unit of time
END = log1p(1e5 / FIRST)  # in s
SMALL = 1e-4  # unit of the second substance
START = (1.0, 0.0, 0.0)


def rates(a: object, b: object, c: object) -> tuple:
    made, lost = 0.04 * a - 1e4 * b * c, 3e7 * b * b
    return -made, made - lost, lost


def equation(a: ax.Field, b: ax.Field, c: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """In logarithmic time, dt / ds = t + FIRST."""
    t = FIRST * torch.exp(x.s)
    right = rates(a.value, SMALL * b, c.value)
    relaxes = 1 + 2e3 * t  # from 6e7 b at first and 1e4 c at last
    fast = (SMALL * b.d("s") - t * right[1]) / (SMALL * relaxes)
    # Both sums are free of the fast reaction.
    return fast, a.d("s") + SMALL * b.d("s") + c.d("s"), c.d("s") - t * right[2]


def in_units(fields: torch.Tensor) -> torch.Tensor:
    """The substances themselves, [n, 3], from the fields [n, 3] of the network."""
    return fields * torch.tensor([1.0, SMALL, 1.0], dtype=fields.dtype)


def run(seed: int, *, windows: int = 40, **options: object) -> Outcome:
    line = ax.Box(s=(0, END))
    conditions = {
        "equation": ax.Condition(equation, line.stratified(40)),
        "start": ax.Condition(
            lambda a, b, c, x: (a - 1.0, b.value, c.value), line.face(s=0).grid(1), weight=100
        ),
    }
    problem = ax.Problem(("s",), ("a", "b", "c"), conditions)
    options = {"windows": windows, "steps": 60, "progress": False, **options}
    march = ax.march(problem, ax.MLP([1, 16, 3]), coordinate="s", seed=seed, **options)
    at = fresh_times(END)
    times = FIRST * np.expm1(at)
    exact = torch.from_numpy(reference(rates, START, times))
    found = in_units(march(torch.from_numpy(at)[:, None]))
    errors = [relative(found[:, k], row) for k, row in enumerate(exact)]
    return of_march(march, max(errors), **notes(at, found, exact))


CASE = Case(
    "Robertson 1966",
    "no number",
    1e-6,
    run,
    "relative L2 in logarithmic time, worst of three",
)
