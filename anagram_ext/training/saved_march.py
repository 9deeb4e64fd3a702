"""A march as its folder keeps it: read back without the problem that was solved."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anagram_ext.checks import check_kind
from anagram_ext.training.manifest import Manifest, window_folder
from anagram_ext.training.saved import SavedRun
from anagram_ext.training.windowed import Windowed
from anagram_ext.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import nn

    from anagram_ext.models.protocol import Model
    from anagram_ext.pde.problem import Problem


@dataclass(frozen=True, repr=False, eq=False)
class SavedMarch(Windowed):
    """What ``march(out=folder)`` left in its folder, while it runs, after its end or its death.

    It is called like the ``MarchResult``; ``model, theta = march`` takes the two out.

    Attributes:
        folder: where it lies.
        runs: the ``SavedRun`` of every window that was begun, in order; the last one may not be
            finished.
        times: the ends of these windows, one more than there are windows. Where the march has not
            come to its end, values at later times are nan.
        coordinate: the name of the time.
    """

    folder: Path
    runs: tuple[SavedRun, ...]
    times: tuple[float, ...]
    coordinate: str
    _manifest: Manifest

    @classmethod
    def read(cls, folder: str | Path, model: Model | nn.Module | None = None) -> SavedMarch:
        """Reads a folder.

        Args:
            folder: the ``out`` of a march.
            model: the model that was trained, needed when it holds what no file can keep (see
                ``ax.load``).

        Raises:
            ValueError: a file is damaged.
            FileNotFoundError: the folder is not that of a march, or a window is missing.
        """
        check_kind("folder", folder, (str, Path), "a path")
        where = Path(folder)
        manifest = Manifest.read(where)
        folders = [window_folder(where, k) for k in range(len(manifest.times) - 1)]
        return cls(
            where,
            tuple(SavedRun.read(window, model) for window in folders),
            manifest.times,
            manifest.coordinate,
            manifest,
        )

    @property
    def _coordinates(self) -> tuple[str, ...]:
        return self._manifest.coordinates

    @property
    def _reach(self) -> float:
        return math.inf if self._manifest.complete else self.times[-1]

    @property
    def finished(self) -> bool:
        """Whether the march came to its end."""
        return self._manifest.complete and self.runs[-1].finished

    @property
    def verdict(self) -> Verdict | None:
        """That of the first window which is not solved; None before the end."""
        verdicts = [run.verdict for run in self.runs if run.verdict is not Verdict.SOLVED]
        return None if not self.finished else next(iter(verdicts), Verdict.SOLVED)

    @property
    def summary(self) -> Mapping[str, Any]:
        """What was marched and what came out; empty before the end."""
        if not self.finished:
            return {}
        windows = [run.summary for run in self.runs]
        same = {name: windows[0].get(name) for name in ("problem", "method", "seed")}
        return same | {
            "windows": len(windows),
            self.coordinate: [self.times[0], self.times[-1]],
            "verdict": str(self.verdict),
            "loss": max(window["loss"] for window in windows),
            "seconds": sum(window["seconds"] for window in windows),
        }

    def plot(self, path: str | Path | None = None, problem: Problem | None = None) -> Figure:
        """Draws how all windows went and, where the problem is given, the solution and its error.

        Args:
            path: PNG file to write; none by default.
            problem: what was solved: a folder holds its name alone.

        Returns:
            The figure.

        Raises:
            ValueError: the problem has other coordinates, or another number of fields.
        """
        if problem is not None and problem.coordinates != self._coordinates:
            raise ValueError(
                f"problem must have the coordinates {self._coordinates}, got {problem.coordinates}"
            )
        if problem is not None:
            problem.check_model(self.runs[0].model)
        return self._drawn(problem, path, self.runs[0].title)

    def __iter__(self) -> Iterator[Any]:
        """The model of all windows, then its parameters."""
        return iter((self.model, self.theta))

    def __repr__(self) -> str:
        """One line without arrays."""
        return (
            f"SavedMarch({self.folder}: {self.verdict or 'not finished'}, {len(self.runs)} windows "
            f"of {self.coordinate} in [{self.times[0]:g}, {self.times[-1]:g}])"
        )
