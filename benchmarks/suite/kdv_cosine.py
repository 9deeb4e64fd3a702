"""Korteweg and de Vries from a cosine (Zabusky and Kruskal's): eta 1, mu 0.022, periodic in x."""

from __future__ import annotations

from math import pi

import spectral_kdv
import torch
from case import Case, Outcome, fresh, of_march, relative

import anagram_ext as ax


def run(seed: int, *, windows: int = 4, **options: object) -> Outcome:
    strip = ax.Box(t=(0, 1), x=(-1, 1))
    conditions = {
        "equation": ax.Condition(
            lambda u, x: u.d("t") + u * u.d("x") + spectral_kdv.MU**2 * u.d("xxx"),
            strip.stratified(20, 70),
        ),
        "initial": ax.Condition(
            lambda u, x: u - torch.cos(pi * x.x), strip.face(t=0).stratified(100), weight=100
        ),
    }
    problem = ax.Problem(("t", "x"), ("u",), conditions)
    inputs = ax.periodic(x=2.0, harmonics=3)
    model = ax.Model(ax.MLP([7, 24, 24, 1]), inputs=inputs)
    march = ax.march(
        problem, model, windows=windows, seed=seed, **{"steps": 120, "progress": False, **options}
    )
    points = fresh(strip)
    points[:, 0] = (points[:, 0] * spectral_kdv.LEVELS).round() / spectral_kdv.LEVELS
    exact = torch.from_numpy(spectral_kdv.solution(points[:, 0].numpy(), points[:, 1].numpy()))
    error = relative(march(points)[:, 0], exact)
    return of_march(march, error)


CASE = Case(
    "Zabusky and Kruskal 1965; DSGNAR and vRBA", "8.2e-11 DSGNAR (H100); 2.2e-6 vRBA", 1e-7, run
)
