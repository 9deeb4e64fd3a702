"""Draws the pictures of docs/recipes from what the programs printed there have computed.

Run as ``python tools/draw_recipes.py``, it writes docs/figures/NAME.png.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch

import anagram_ext as ax

DOCS = Path(__file__).parents[1] / "docs"
WIDE = (8.0, 3.0)


def after(page: str, blocks: int) -> dict[str, Any]:
    """All names that the first so many programs of a page have made."""
    text = (DOCS / "recipes" / f"{page}.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for program in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)[:blocks]:
        exec(compile(program, page, "exec"), names)
    return names


def save(figure: Any, page: str) -> None:
    """Writes the picture of a page."""
    figure.savefig(DOCS / "figures" / f"{page}.png", dpi=110)
    plt.close(figure)


def inverse() -> None:
    """Measurements, the fit and its band."""
    made = after("inverse", 2)
    run, when, values, kept = (made[name] for name in ("run", "when", "values", "kept"))
    t = torch.linspace(0, 3, 200, dtype=torch.float64)[:, None]
    u, band = run.model(run.theta, t)[:, 0], run.uncertainty.field(t)[:, 0]
    figure, axes = plt.subplots(figsize=WIDE, layout="constrained")
    axes.fill_between(t[:, 0], u - 2 * band, u + 2 * band, alpha=0.3, label="two deviations")
    axes.plot(t, u, label="fit")
    axes.plot(t, 0.2 + 0.8 * torch.exp(-1.5 * t), "k--", lw=1, label="truth")
    axes.plot(when[kept], values[kept], "k.", ms=4, label="measured")
    axes.plot(when[~kept], values[~kept], "rx", label="misread")
    axes.set_xlabel("t")
    axes.legend()
    save(figure, "inverse")


def models() -> None:
    """The error with and without the singular feature."""
    made = after("models", 2)
    figure, axes = plt.subplots(figsize=WIDE, layout="constrained")
    for style, (name, error) in zip(("C1-", "C0-"), made["errors"].items(), strict=True):
        axes.loglog(made["at"][:, 0], error, style, label=f"the network sees {name}")
    axes.set_xlabel("x")
    axes.set_ylabel("error")
    axes.legend()
    save(figure, "models")


def periodic() -> None:
    """The wave, and what is left of it between its ends."""
    made = after("periodic", 1)
    run = made["run"]
    line = torch.linspace(0, 1, 101, dtype=torch.float64)
    t, x = torch.meshgrid(line, 2 * line, indexing="ij")
    u = run.model(run.theta, torch.stack([t.ravel(), x.ravel()], dim=1))[:, 0].reshape(t.shape)
    left, right = (torch.stack([line, torch.full_like(line, at)], dim=1) for at in (0.0, 2.0))
    figure, (field, seam) = plt.subplots(1, 2, figsize=WIDE, layout="constrained")
    figure.colorbar(field.pcolormesh(x, t, u, cmap="RdBu_r", shading="auto"), label="u")
    field.set_xlabel("x")
    field.set_ylabel("t")
    jets = [run.model.jet(run.theta, side, ("", "x")) for side in (left, right)]
    for name, label in (("", "u"), ("x", "u_x")):
        gap = (jets[0][name] - jets[1][name]).abs()[:, 0]
        seam.semilogy(line, gap, label=f"{label}(0) - {label}(2)")
    seam.set_xlabel("t")
    seam.legend()
    save(figure, "periodic")


def integrals() -> None:
    """The eigenfunction whose norm is one, and the solution of Volterra's equation."""
    eigen, volterra = after("integrals", 1), after("integrals", 3)
    x = torch.linspace(0, 1, 200, dtype=torch.float64)[:, None]
    figure, (one, two) = plt.subplots(1, 2, figsize=WIDE, layout="constrained")
    u = eigen["run"].model(eigen["run"].theta, x)[:, 0]
    one.plot(x, u, label="u with norm 1")
    one.plot(x, 2**0.5 * torch.sin(torch.pi * x) * u.sum().sign(), "k--", lw=1, label="exact")
    two.semilogy(x, (volterra["run"].model(volterra["run"].theta, x) - torch.sin(x)).abs())
    two.set_ylabel("error of Volterra's equation")
    one.legend()
    for axes in (one, two):
        axes.set_xlabel("x")
    save(figure, "integrals")


def main() -> None:
    """Draws all of them."""
    plt.switch_backend("Agg")
    torch.set_num_threads(1)
    ax.set_num_threads(1)
    for draw in (inverse, models, periodic, integrals):
        draw()


if __name__ == "__main__":
    main()
