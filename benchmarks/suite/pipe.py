"""The pipe with a cylinder of Schaefer and Turek (DFG's benchmark 2D-1), and how to see it.

Lengths are in diameters of the cylinder, 0.1, velocities in means of the inflow, 0.2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

import anagram_ext as ax

LENGTH, HEIGHT, AT, RADIUS = 22.0, 4.1, 2.0, 0.5
RE = 20.0


def shape() -> ax.Rectangle:
    hole = ax.Disk(x=AT, y=AT, radius=RADIUS, name="cylinder")
    return ax.Rectangle(x=(0, LENGTH), y=(0, HEIGHT), name="pipe") - hole


def features(x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """Coordinates in units of the pipe, and the dipole and the logarithm of a hole."""
    right, up = x.x - AT, x.y - AT
    square = right**2 + up**2
    return x.x / 5 - 1, x.y / 2 - 1, right / square, up / square, torch.log(square) / 2


def stream(psi: ax.Field, p: ax.Field, _: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """Velocities without divergence, whatever the parameters, and the pressure."""
    return psi.d("y"), -psi.d("x"), p


def at_rest(u: ax.Field, v: ax.Field, *_: object) -> tuple[torch.Tensor, ...]:
    return u.value, v.value


def inflow(u: ax.Field, v: ax.Field, _: ax.Field, x: ax.Coordinates) -> tuple[torch.Tensor, ...]:
    """A parabola with the mean one."""
    return u - 6 * x.y * (HEIGHT - x.y) / HEIGHT**2, v.value


def equations(flow: Callable[..., object]) -> dict[str, ax.Condition]:
    """The equation everywhere, and again where points have to be dense: wake and cylinder."""
    hole = ax.Disk(x=AT, y=AT, radius=RADIUS)
    wake = ax.Rectangle(x=(0.8, 5), y=(0.5, 3.6)) - hole
    ring = ax.Disk(x=AT, y=AT, radius=1.8 * RADIUS) - hole
    return {
        "flow": ax.Condition(flow, shape().sobol(1400)),
        "wake": ax.Condition(flow, wake.sobol(700)),
        "ring": ax.Condition(flow, ring.sobol(500)),
    }


def leaving(outflow: Callable[..., object]) -> ax.Condition:
    return ax.Condition(outflow, shape().boundary("right").sobol(40))


def walls() -> dict[str, ax.Condition]:
    """All but the equation and the outflow."""
    pipe = shape()
    sides = {name: pipe.boundary(name).sobol(120) for name in ("bottom", "top")}
    return {
        "inflow": ax.Condition(inflow, pipe.boundary("left").sobol(50), weight=100),
        **{name: ax.Condition(at_rest, points, weight=100) for name, points in sides.items()},
        "cylinder": ax.Condition(at_rest, pipe.boundary("cylinder").grid(80), weight=100),
    }


def model(width: int) -> ax.Model:
    return ax.Model(ax.MLP([5, width, width, 2]), inputs=features, outputs=stream)
