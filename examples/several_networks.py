"""
Several networks, a flux as it is written, and a second stage
=============================================================

Fields may have networks of their own, with their own widths and activations. Here a temperature and
its flux in a plate whose conductivity varies, in the words of the text book: the flux is
``q = -k grad u``, and its divergence is the heating.
"""

from __future__ import annotations

from math import pi

import matplotlib.pyplot as plt
import torch

import anagram_ext as ax

plate = ax.Box(x=(0, 1), y=(0, 1))


def conductivity(x):
    """Twice as large on one side as on the other."""
    return 1 + x.x


def exact(x):
    """The temperature, and from it the two parts of the flux."""
    k = -pi * conductivity(x)
    return (
        torch.sin(pi * x.x) * torch.sin(pi * x.y),
        k * torch.cos(pi * x.x) * torch.sin(pi * x.y),
        k * torch.sin(pi * x.x) * torch.cos(pi * x.y),
    )


def heating(x):
    """The divergence of that flux."""
    across = torch.sin(pi * x.y)
    return 2 * pi**2 * conductivity(x) * torch.sin(pi * x.x) * across - pi * (
        torch.cos(pi * x.x) * across
    )


def flux(u, qx, qy, x):
    """``q + k grad u``"""
    along, across = ax.gradient(u, "xy")
    return qx + conductivity(x) * along, qy + conductivity(x) * across


inside = plate.stratified(16)
problem = ax.Problem(
    ("x", "y"),
    ("u", "qx", "qy"),
    {
        "balance": ax.Condition(
            lambda u, qx, qy, x: ax.divergence((qx, qy), "xy") - heating(x), inside
        ),
        "flux": ax.Condition(flux, inside),
        "walls": ax.Condition(lambda u, qx, qy, x: u, plate.boundary().stratified(80)),
    },
    solution=exact,
)
model = ax.Model({"u": ax.MLP([2, 14, 1]), ("qx", "qy"): ax.MLP([2, 14, 2], "sin")})
run = ax.train(problem, model, steps=40, progress=False)

error = run.l2_relative
print(f"relative L2 error of temperature and flux {error:.1e}; P = {run.model.n_parameters}")

# %%
# Without a flux of its own, the equation is one line: ``ax.divergence`` and ``ax.d`` differentiate
# expressions. The walls are built in.


def conserved(u, x):
    """``div(k grad u) + heating = 0``"""
    return ax.divergence([conductivity(x) * g for g in ax.gradient(u, "xy")], "xy") + heating(x)


def zero_on_the_walls(n, x):
    """A network times the function that vanishes there."""
    return x.x * (1 - x.x) * x.y * (1 - x.y) * n


equation = {"equation": ax.Condition(conserved, inside)}
single = ax.Problem(("x", "y"), ("u",), equation, solution=lambda x: exact(x)[0])
network = ax.MLP([2, 10, 1])
first = ax.train(single, ax.Model(network, outputs=zero_on_the_walls), steps=25, progress=False)

# %%
# A second stage: what the first one left is small and faster in x and y, and a new network learns
# it. The first is frozen, as a module of torch; the scale is the error that it says it has. Beside
# it one network with as many parameters as both: it gains far more than the second stage does.
# (That the second network sees its coordinates faster and has sines was chosen by its loss.)

frozen = network.to_torch(first.theta).requires_grad_(False)
scale = first.estimated_error


def both(n, x):
    """The first stage, and a small part of the second."""
    before = frozen(torch.stack([x.x, x.y], dim=1))[:, 0]
    return zero_on_the_walls(before + scale * n, x)


faster = ax.scaled(x=(0, 0.4), y=(0, 0.4))
remainder = ax.Model(ax.MLP([2, 24, 1], "sin"), inputs=faster, outputs=both)
whole = ax.Model(ax.MLP([2, 34, 1]), outputs=zero_on_the_walls)
stages = {"one stage": first}
for name, trained in {"two stages": remainder, "one larger network": whole}.items():
    stages[name] = ax.train(single, trained, steps=40, progress=False)
print(*(f"{name} {stage.l2_relative:.1e}" for name, stage in stages.items()), sep=", ")

# %%
# The flux as arrows on the temperature, and what either stage is wrong by.

points = plate.grid(40)
at = ax.Coordinates(("x", "y"), points)
u, qx, qy = (part.reshape(40, 40).numpy() for part in run.model(run.theta, points).unbind(1))
x, y = (part.reshape(40, 40).numpy() for part in points.unbind(1))
fig, panels = plt.subplots(1, 4, figsize=(13, 3), layout="constrained")
fig.colorbar(panels[0].pcolormesh(x, y, u, shading="gouraud"))
panels[0].quiver(x[2::5, 2::5], y[2::5, 2::5], qx[2::5, 2::5], qy[2::5, 2::5], color="white")
panels[0].set(title="temperature and flux", xlabel="x", ylabel="y", aspect="equal")
for panel, (name, stage) in zip(panels[1:], stages.items(), strict=True):
    wrong = (stage.model(stage.theta, points)[:, 0] - exact(at)[0]).reshape(40, 40).numpy()
    fig.colorbar(panel.pcolormesh(x, y, wrong, shading="gouraud", cmap="RdBu"))
    panel.set(title=f"error of u, {name}", xlabel="x", aspect="equal")
