"""The README's own-PDE example runs as printed; its commands and names are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import torch
import typer

import anagram_ext as ax
from anagram_ext import cli

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


def test_the_two_commands_are_fenced_as_ci_run_reads_them() -> None:
    text = README.read_text(encoding="utf-8")
    fenced = re.findall(r"<!-- (command \w+) -->\n```bash\n(.+)\n```\n", text)
    assert [name for name, _ in fenced] == ["command one", "command two"]
    (_, install), (_, test) = fenced
    assert install.endswith(".venv/bin/anagram-ext train heat")
    assert test == ".venv/bin/pytest"


def test_the_command_line_has_the_commands_and_options_that_it_names() -> None:
    commands = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
    lines = re.findall(r"^anagram-ext (\w+)(.*)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert {name for name, _ in lines} == set(commands)
    for name, rest in lines:
        known = {option for parameter in commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--\w+", rest)) <= known, name


def test_the_methods_are_those_that_there_are() -> None:
    text = README.read_text(encoding="utf-8")
    named = re.search(r"^Methods: (.*?)\. ", text, flags=re.DOTALL | re.MULTILINE)
    assert named is not None
    assert sorted(re.findall(r"`(\w+)`", named[1])) == sorted(ax.methods.names())
