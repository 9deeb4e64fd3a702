"""Driven cavity, Re = 100, a network for the velocity and one for the pressure of mean zero.

The lid is Shen's regularised one, whose flow has no kink in the corners.
Points and steps were chosen by the error, among five settings.
"""

from __future__ import annotations

import cavity_reference as reference
import torch
from case import Case, Outcome, fresh, outcome, relative
from kovasznay_networks import total

import anagram_ext as ax

SQUARE = ax.Box(x=(0, 1), y=(0, 1))
NODES = SQUARE.quadrature(16)


def flow(u: ax.Field, v: ax.Field, p: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    return (
        u * u.d("x") + v * u.d("y") + p.d("x") - reference.NU * u.laplacian(),
        u * v.d("x") + v * v.d("y") + p.d("y") - reference.NU * v.laplacian(),
        u.d("x") + v.d("y"),
    )


def run(seed: int, **options: object) -> Outcome:
    walls = [SQUARE.face(x=0), SQUARE.face(x=1), SQUARE.face(y=0)]
    conditions = {
        "flow": ax.Condition(flow, SQUARE.stratified(36).redrawn()),
        "lid": ax.Condition(
            lambda u, v, p, x: (u - reference.lid_velocity(x.x), v),
            SQUARE.face(y=1).stratified(60),
            weight=10,
        ),
        **{
            f"wall {k}": ax.Condition(lambda u, v, p, x: (u, v), wall.stratified(40), weight=10)
            for k, wall in enumerate(walls)
        },
        "mean": ax.Integral(lambda u, v, p, x: p, NODES, weight=10, exact=True),
    }
    problem = ax.Problem(("x", "y"), ("u", "v", "p"), conditions)
    networks = {("u", "v"): ax.MLP([2, 20, 20, 2]), "p": ax.MLP([2, 14, 14, 1])}
    options = {"steps": 160, "progress": False, **options}
    found = ax.train(problem, ax.Model(networks), seed=seed, **options)
    points = fresh(SQUARE)
    fields = found.model(found.theta, points)
    exact = torch.from_numpy(reference.velocity(points.numpy()))
    errors = [relative(fields[:, k], exact[:, k]) for k in range(2)]
    return outcome([found], max(errors), integral=abs(total(found, NODES, 2)))


CASE = Case(
    "Driven cavity, Re 100, lid of Shen (1991)",
    "none for this lid; 1.1e-4 DSGNAR for 4 x (1 - x)",
    1e-3,
    run,
    "relative L2, worse of u and v",
)
