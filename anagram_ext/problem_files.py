"""Problems of a user's own in a Python file, for the command line."""

from __future__ import annotations

import re
import runpy
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from anagram_ext import problems
from anagram_ext.models.mlp import MLP
from anagram_ext.pde.problem import Problem

TEMPLATE: Final = '''\
"""A PDE of your own: edit, then run ``anagram-ext train {name}``."""

import torch

import anagram_ext as ax

# Where it holds: named coordinates with their intervals.
square = ax.Box(t=(0, 1), x=(0, 1))

# What must vanish, and at which points. u is the field, u.d("xx") a derivative of it, x.x a
# coordinate; any pointwise line of torch may be made of them.
problem = ax.Problem(
    coordinates=("t", "x"),
    fields=("u",),
    conditions={{
        "equation": ax.Condition(lambda u, x: u.d("t") - 0.1 * u.d("xx"), square.stratified(24)),
        "start": ax.Condition(
            lambda u, x: u - torch.sin(torch.pi * x.x), square.face(t=0).grid(30)
        ),
        "walls": ax.Condition(lambda u, x: u, square.faces("x").grid(24)),
    }},
    # Where the solution is known, errors are shown; leave it out where it is not.
    solution=lambda x: torch.exp(-0.1 * torch.pi**2 * x.t) * torch.sin(torch.pi * x.x),
    name="{stem}",
    model=ax.MLP([2, 32, 1]),  # inputs, hidden widths, outputs
)
'''

_WIDTHS = re.compile(r"\d+(-\d+)+")


def write_template(path: Path) -> None:
    """Writes a commented problem to start from.

    Raises:
        ValueError: the file is there already, or its name is not that of a Python file.
    """
    if path.suffix != ".py":
        raise ValueError(f"the file must end in .py, got {path}")
    if path.exists():
        raise ValueError(f"the file must not exist yet, got {path}")
    path.write_text(TEMPLATE.format(name=path.name, stem=path.stem), encoding="utf-8")


def problem_named(name: str, settings: list[str]) -> Problem:
    """A problem of the zoo, or the ``problem`` of a Python file.

    Args:
        name: a name of the zoo, or a path that ends in ``.py``.
        settings: changes of its network, such as ``widths=2-40-40-1`` or ``activation=sin``.

    Raises:
        ValueError: there is no such problem, the file defines none or breaks down, or a setting is
            none.
    """
    problem = _from_file(Path(name)) if name.endswith(".py") else _of_the_zoo(name)
    for setting in settings:
        problem = replace(problem, model=_changed(problem.model, setting))
    return problem


@contextmanager
def errors_in(name: str) -> Iterator[None]:
    """Says in one line what a file of a user's own does wrong while its problem is trained.

    Args:
        name: of the problem, as in ``problem_named``.

    Raises:
        ValueError: an error of Python, not of the package, comes from a residual or a solution.
    """
    try:
        yield
    except (AttributeError, TypeError, NameError, LookupError, ArithmeticError) as error:
        line = _line_of(name, error)
        if line is None and not str(error).startswith("condition "):
            raise  # not the file's fault
        where = name if line is None else f"{name}, line {line}"
        raise ValueError(f"{where}: {type(error).__name__}: {error}") from error


def _line_of(file: str, error: BaseException | None) -> int | None:
    """The last line of the file that led to an error; None where none did."""
    line = None
    while error is not None:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == file), line)
        error = error.__cause__
    return line


def _of_the_zoo(name: str) -> Problem:
    if name not in problems.names():
        raise ValueError(
            f"problem must be a file that ends in .py or one of {', '.join(problems.names())}, "
            f"got {name!r}"
        )
    return problems.get(name)


def _from_file(path: Path) -> Problem:
    if not path.is_file():
        raise ValueError(
            f"problem must be a name out of ``list`` or a file, got {path}, which is not there; "
            f"write one: anagram-ext new {path}"
        )
    try:
        names = runpy.run_path(str(path))
    except Exception as error:
        line = _line_of(str(path), error)
        where = path if line is None else f"{path}, line {line},"
        raise ValueError(f"{where} broke down: {type(error).__name__}: {error}") from error
    problem = names.get("problem")
    if not isinstance(problem, Problem):
        raise ValueError(f"{path} must define problem = ax.Problem(...), got {problem!r}")
    return problem if problem.name else replace(problem, name=path.stem)


def _changed(model: Any, setting: str) -> MLP:
    """The network with another shape or activation."""
    name, _, value = setting.partition("=")
    if not isinstance(model, MLP):
        raise ValueError(f"--set must change an MLP, got the model {model!r}")
    if name == "widths" and _WIDTHS.fullmatch(value):
        return replace(model, widths=[int(width) for width in value.split("-")])
    if name == "activation":
        return replace(model, activation=value)
    raise ValueError(f"--set must be widths=2-40-1 or activation=NAME, got {setting!r}")
