"""The files of a run: history, checkpoint, summary, figures."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anagram_ext.checks import check_kind
from anagram_ext.figures import canvas, curves, overview
from anagram_ext.training import checkpoint
from anagram_ext.training.files import Lock, replace_file

if TYPE_CHECKING:
    from torch import Tensor

    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem
    from anagram_ext.training.result import TrainResult

CHECKPOINT_SECONDS: Final = 10.0  # what a killed run loses at most, besides the step it is in
HISTORY: Final = "history.csv"
MODEL: Final = "model.safetensors"
SUMMARY: Final = "summary.json"
STATE: Final = "state.pt"


class RunDirectory:
    """A folder for one run; the files of an older run in the same folder are replaced.

    It is taken within a ``with`` block: no other run, of this process or of another, can take it.

    What cannot be written in the middle of a run, for want of room, does not end it.

    Args:
        path: the folder, made if it is not there.

    Attributes:
        complaints: which of its files are not as they should be, and why.

    Raises:
        ValueError: ``path`` is a file.
    """

    def __init__(self, path: str | Path) -> None:
        check_kind("out", path, (str, Path), "a path")
        self.path = Path(path)
        if self.path.exists() and not self.path.is_dir():
            raise ValueError(f"out must be a folder, got the file {self.path}")
        self.path.mkdir(parents=True, exist_ok=True)
        self.history = self.path / HISTORY
        self.model = self.path / MODEL
        self.summary = self.path / SUMMARY
        self.state = self.path / STATE
        self._curves = self.path / "convergence.png"
        self._maps = self.path / "solution.png"
        self._lock = Lock(self.path / ".lock")
        self._saved = -math.inf
        self.complaints: dict[Path, str] = {}

    def __enter__(self) -> RunDirectory:
        """Takes the folder, and changes nothing in it.

        Raises:
            ValueError: another run has taken it.
        """
        if not self._lock.acquire():
            raise ValueError(f"out must be a folder that no other run writes to, got {self.path}")
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def begin(self, *, anew: bool) -> None:
        """Removes what only a finished run has.

        Args:
            anew: whether the state of an older run goes as well, for it is not gone on with.
        """
        files = (self.summary, self._curves, self._maps)
        for file in (*files, self.state) if anew else files:
            file.unlink(missing_ok=True)

    def save_now_and_then(self, save: Callable[[], None]) -> None:
        """Calls ``save`` unless it was called less than ``CHECKPOINT_SECONDS`` ago."""
        if time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            save()
            self._saved = time.monotonic()

    def save(self, problem: Problem, model: Model, theta: Tensor) -> None:
        """Writes the checkpoint."""
        write = partial(checkpoint.save, problem=problem.name)
        self.attempt(write, self.model, model, theta)

    def attempt(self, write: Callable[..., None], path: Path, *what: object) -> None:
        """Calls ``write(path, *what)``; a complaint is kept of what fails, until it succeeds."""
        self.complaints.pop(path, None)
        try:
            write(path, *what)
        except OSError as error:
            self.complaints[path] = f"{path} was not written: {error}"

    def summarise(self, result: TrainResult, facts: Mapping[str, object]) -> None:
        """Writes the summary of a finished run.

        Args:
            result: what came out.
            facts: further entries.
        """
        self.attempt(replace_file, self.summary, _json(result.summary() | dict(facts)))

    def draw(self, problem: Problem, result: TrainResult) -> list[str]:
        """Draws the figures of a finished run; returns what could not be drawn, and why."""
        title = f"{problem.name}, {result.method}, seed {result.seed}"
        drawings = {self._curves: partial(curves.convergence, result.history, self._curves, title)}
        drawings[self._maps] = partial(
            overview.solution, problem, result.model, result.theta, self._maps
        )
        complaints = [canvas.complaint(path, draw) for path, draw in drawings.items()]
        return [complaint for complaint in complaints if complaint is not None]


def _json(entries: Mapping[str, object]) -> bytes:
    """Strict JSON: what is not a number becomes null."""
    return (json.dumps(_finite(entries), indent=2, allow_nan=False) + "\n").encode()


def _finite(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
