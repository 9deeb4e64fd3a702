"""The README's own-PDE example runs as printed and solves its PDE."""

from __future__ import annotations

import re
from pathlib import Path

import torch

README = Path(__file__).parent.parent / "README.md"


def test_own_pde_example_solves_the_damped_wave_equation() -> None:
    text = README.read_text(encoding="utf-8")
    found = re.search(r"<!-- own PDE.*?-->\n```python\n(.*?)```", text, flags=re.DOTALL)
    assert found is not None
    names: dict[str, object] = {}
    exec(compile(found.group(1), "README.md", "exec"), names)
    run = names["run"]
    points = torch.rand(200, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    t, x = points.unbind(1)
    # separation of variables: T'' + T' + pi^2 T = 0, T(0) = 1, T'(0) = 0
    omega = (torch.pi**2 - 0.25) ** 0.5
    exact = torch.exp(-t / 2) * (torch.cos(omega * t) + torch.sin(omega * t) / (2 * omega))
    exact = exact * torch.sin(torch.pi * x)
    error = run.model(run.theta, points)[:, 0] - exact  # type: ignore[attr-defined]
    assert float(error.abs().max()) < 1e-3
