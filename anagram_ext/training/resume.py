"""A run that can be taken up again: all that it needs to go on, in one file."""

from __future__ import annotations

import io
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch

from anagram_ext.training.files import replace_file
from anagram_ext.training.history import Row, further_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anagram_ext.training.run import Run

_FORMAT: Final = "anagram_ext run 1"
_PARTS: Final = frozenset({"identity", "run", "method", "rows", "parts"})


def save_state(path: Path, run: Run, seed: int) -> None:
    """Writes the state of a run; the file changes in one instant or not at all.

    Nothing is written for a method of a user's own that has no state to give.
    """
    if not hasattr(run.method, "state"):
        return
    rows, parts = run.history.rows()
    content = {
        "format": _FORMAT,
        "identity": identity(run, seed),
        "run": run.state(),
        "method": run.method.state(),
        "rows": [asdict(row) for row in rows],
        "parts": parts,
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    replace_file(path, buffer.getvalue())


def resume_run(path: Path, run: Run, seed: int, state: bytes | None = None) -> None:
    """Brings a run to where the state was taken; its history as well.

    Args:
        path: the file.
        run: a new run.
        seed: of the run.
        state: the content of the file, where this machine does not have it.

    Raises:
        ValueError: the file is no state, or that of another run.
    """
    try:
        source = path if state is None else io.BytesIO(state)
        content: Any = torch.load(source, weights_only=True)
    except Exception as error:  # what torch raises depends on what the file is
        raise ValueError(f"{path} is not the state of a run: {error}") from error
    if (
        not isinstance(content, dict)
        or content.get("format") != _FORMAT
        or not content.keys() >= _PARTS
    ):
        raise ValueError(f"{path} is not the state of a run of format {_FORMAT!r}")
    # States of versions that knew neither do not say so.
    older = {"coupled": False, "grows": False}
    expected, found = identity(run, seed), older | content["identity"]
    for name, value in expected.items():
        if found.get(name) != value:
            raise ValueError(
                f"resume must go on with the same run: {name} was {found.get(name)!r}, got "
                f"{value!r}"
            )
    _check_same_losses(run, content)
    run.restore(content["run"], content["method"])
    for row, part in zip(content["rows"], content["parts"], strict=True):
        run.history.restore(Row(**row), part)


def _check_same_losses(run: Run, content: Mapping[str, Any]) -> None:
    """Raises unless the first iterate of the saved run has the losses that it had there.

    Names and numbers of a problem, a network and its points may agree where the equations, the
    weights, the regions or the activation are others. These numbers do not.

    Raises:
        ValueError: it is another run.
    """
    first = content["run"].get("given")  # states of earlier versions do not hold it
    if first is None or not content["parts"]:
        return
    names = further_columns(run.system.problem.conditions)
    then = dict(zip(names, content["parts"][0], strict=True))
    now = run.losses_by_condition(first)
    largest = max((loss for loss in then.values() if math.isfinite(loss)), default=0.0)
    # Another machine rounds differently, and what vanishes at first is a rounding error.
    eps = torch.finfo(first.dtype).eps
    for name in names:
        before, after = then[name], now[name]
        same = before == after or (math.isnan(before) and math.isnan(after))
        if not same and not abs(before - after) <= eps**0.5 * max(before, after) + eps * largest:
            raise ValueError(
                f"resume must go on with the same run: {name} of its first iterate was "
                f"{before:.6g}, got {after:.6g}: the problem, its points or the model are others"
            )


def identity(run: Run, seed: int) -> dict[str, object]:
    """What has to be the same for a run to go on."""
    system = run.system
    return {
        "problem": system.problem.name,
        "conditions": list(system.problem.conditions),
        "method": run.method.name,
        "seed": seed,
        "P": run.first_parameters,
        "S": run.first_rows,
        "coupled": run.coupled,
        "grows": run.growth is not None,
        "dtype": str(system.model.dtype),
    }
