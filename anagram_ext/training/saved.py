"""A run as its folder keeps it: read back without the problem that was solved."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anagram_ext.checks import check_kind
from anagram_ext.figures import overview
from anagram_ext.training import checkpoint
from anagram_ext.training.directory import HISTORY, MODEL, SUMMARY
from anagram_ext.training.history import read_csv
from anagram_ext.verdicts.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from torch import Tensor, nn

    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem


@dataclass(frozen=True, repr=False, eq=False)
class SavedRun:
    """What ``train(out=folder)`` left in its folder, while it runs, after its end or its death.

    ``model, theta = run`` takes the two out, as the same line does for a checkpoint file. The
    checkpoint is read when one of them is first asked for: where the model is needed and was not
    given, history and summary are there all the same.

    Attributes:
        folder: where it lies.
        history: columns by name (see ``anagram_ext.training.history.Row``), one entry an evaluated
            step.
        summary: what ``summary.json`` says; empty for a run that has not come to its end. What is
            not a finite number is None.
        given: the model that the checkpoint asks for, if it does.
    """

    folder: Path
    history: dict[str, np.ndarray]
    summary: Mapping[str, Any] = field(default_factory=dict)
    given: Model | nn.Module | None = None

    @classmethod
    def read(cls, folder: str | Path, model: Model | nn.Module | None = None) -> SavedRun:
        """Reads a folder.

        Args:
            folder: the ``out`` of a run.
            model: the model that was trained, needed when it holds what no file can keep (see
                ``ax.load``).

        Raises:
            ValueError: a file is damaged.
            FileNotFoundError: the folder holds no history.
        """
        check_kind("folder", folder, (str, Path), "a path")
        where = Path(folder)
        return cls(where, _history(where), _summary(where), model)

    @property
    def model(self) -> Model:
        """The model of the run, on the CPU: ``model(theta, points)`` gives the fields.

        Raises:
            ValueError: the checkpoint is damaged, or a model is needed or another one than was
                saved.
            FileNotFoundError: there is no checkpoint.
        """
        return self._checkpoint[0]

    @property
    def theta(self) -> Tensor:
        """Parameters of the best iterate, ``[P]``; raises what ``model`` does."""
        return self._checkpoint[1]

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return bool(self.summary)

    @property
    def verdict(self) -> Verdict | None:
        """What the run amounts to; None for one that has not come to its end."""
        word = self.summary.get("verdict")
        return None if word is None else Verdict(word)

    @property
    def title(self) -> str:
        """The line above its figure: problem, method, seed; the folder's name where not known."""
        if not {"problem", "method", "seed"} <= set(self.summary):
            return self.folder.name
        return "{problem}, {method}, seed {seed}".format_map(self.summary)

    def plot(self, path: str | Path | None = None, problem: Problem | None = None) -> Figure:
        """Draws how the run went and, where the problem is given, its solution and error.

        Args:
            path: PNG file to write; none by default.
            problem: what was solved: a folder holds its name alone.

        Returns:
            The figure.

        Raises:
            ValueError: the problem has another number of coordinates or fields than the model.
        """
        solution = None
        if problem is not None:
            problem.check_model(self.model)
            solution = (problem, self.model, self.theta)
        return overview.run(self.history, solution, path, self.title)

    @cached_property
    def _checkpoint(self) -> tuple[Model, Tensor]:
        return checkpoint.load(self.folder / MODEL, self.given)

    def __iter__(self) -> Iterator[Any]:
        """The model, then its parameters."""
        return iter((self.model, self.theta))

    def __repr__(self) -> str:
        """One line without arrays."""
        step, loss = self.history["step"][-1:], self.history["loss"]
        state = self.verdict or "not finished"
        best = f"loss {loss.min():.2e}, {step[0]} steps" if len(loss) else "no steps"
        return f"SavedRun({self.folder}: {state}, {best})"


def _history(folder: Path) -> dict[str, np.ndarray]:
    """The history of the run in a folder.

    Raises:
        ValueError: its file is damaged.
        FileNotFoundError: there is none.
    """
    if not folder.exists():
        raise FileNotFoundError(
            f"folder must be the out of a run, got {folder}, which is not there"
        )
    if not (folder / HISTORY).is_file():
        raise FileNotFoundError(f"folder must be that of a run, with {HISTORY}, got {folder}")
    return read_csv(folder / HISTORY)


def _summary(folder: Path) -> dict[str, Any]:
    """The summary of the run in a folder; empty where it has not come to its end.

    Raises:
        ValueError: its file is damaged.
    """
    path = folder / SUMMARY
    if not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not a summary: {error}") from error
    if not isinstance(entries, dict):
        raise ValueError(f"{path} is not a summary, got {entries!r}")
    return entries
