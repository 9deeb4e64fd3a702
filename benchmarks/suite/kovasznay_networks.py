"""Kovasznay's flow with a network for the velocity, one for the pressure, and a mean of zero.

The pressure is determined by an ``Integral`` over the box instead of its value at a point.
"""

from __future__ import annotations

from case import Case, Outcome, fresh, outcome, relative
from kovasznay import exact, flow, velocity

import anagram_ext as ax

BOX = ax.Box(x=(-0.5, 1), y=(-0.5, 1.5))
NODES = BOX.quadrature(16)


def total(run: ax.TrainResult, nodes: ax.Points, field: int) -> float:
    """The integral of a field by the quadrature of the condition."""
    return float(nodes.weights @ run.model(run.theta, nodes)[:, field])


def run(seed: int, **options: object) -> Outcome:
    conditions = {
        "flow": ax.Condition(flow, BOX.stratified(20)),
        "velocity": ax.Condition(velocity, BOX.boundary().stratified(60)),
        "mean": ax.Integral(lambda u, v, p, x: p, NODES, weight=100, exact=True),
    }
    problem = ax.Problem(("x", "y"), ("u", "v", "p"), conditions)
    networks = {("u", "v"): ax.MLP([2, 18, 18, 2]), "p": ax.MLP([2, 12, 12, 1])}
    options = {"steps": 120, "progress": False, **options}
    found = ax.train(problem, ax.Model(networks), seed=seed, **options)
    points = fresh(BOX)
    fields = found.model(found.theta, points)
    right = exact(ax.Coordinates(("x", "y"), points))
    constant = float(NODES.weights @ exact(ax.Coordinates(("x", "y"), NODES))[2]) / BOX.measure
    errors = [relative(fields[:, k], part - constant * (k == 2)) for k, part in enumerate(right)]
    return outcome([found], max(errors), integral=abs(total(found, NODES, 2)))


CASE = Case(
    "Kovasznay 1948, two networks, pressure of mean zero",
    "plots only",
    1e-6,
    run,
    "relative L2, worst of u, v, p",
)
