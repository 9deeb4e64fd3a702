"""The source q of -u'' + q = 0 from 100 values of u without noise (DeepXDE's example)."""

from __future__ import annotations

from math import pi

import torch
from case import Case, Outcome, fresh, outcome, relative

import anagram_ext as ax


def run(seed: int, **options: object) -> Outcome:
    line = ax.Box(x=(-1, 1))
    at = torch.linspace(-1, 1, 100, dtype=torch.float64)[:, None]
    conditions = {
        "equation": ax.Condition(lambda u, q, x: q - u.d("xx"), line.stratified(200)),
        "data": ax.Data(at, torch.sin(pi * at[:, 0]), of=lambda u, q, x: u),
    }
    problem = ax.Problem(("x",), ("u", "q"), conditions)
    model = ax.Model({"u": ax.MLP([1, 20, 20, 1]), "q": ax.MLP([1, 20, 1])})
    found = ax.train(problem, model, seed=seed, **{"progress": False, **options})
    points = fresh(line)
    q = -(pi**2) * torch.sin(pi * points[:, 0])
    return outcome([found], relative(found.model(found.theta, points)[:, 1], q))


CASE = Case("DeepXDE, elliptic_inverse_field", "no number", 1e-2, run, "relative L2 of q")
