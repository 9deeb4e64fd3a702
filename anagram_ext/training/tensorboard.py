"""A callback that shows a run in TensorBoard while it goes.

The library is loaded with the first callback: it is an extra.
"""

from __future__ import annotations

import math
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anagram_ext.checks import check_kind
from anagram_ext.errors import BackendUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anagram_ext.training.history import History
    from anagram_ext.training.run import Run

_FORMAT: Final = "brain.Event:2"  # of event files, as TensorBoard calls it


class TensorBoard:
    """Writes every number of the history as a scalar: ``train(callbacks=[TensorBoard(folder)])``.

    Scalars have the names of their columns (see ``anagram_ext.training.history.Row``): ``loss``,
    ``held_out_loss``, ``l2_error``, ``rank`` and their like, ``loss/NAME`` for each condition, in
    single precision. Their "relative" time is the time spent in the method. A row is in the file
    before the next step begins. A run that is resumed, or another one, replaces what the folder
    showed before.

    Args:
        folder: what ``tensorboard --logdir`` is told, or a folder in it; made if it is not there.

    Raises:
        BackendUnavailable: TensorBoard is not installed.
        ValueError: ``folder`` is a file.
    """

    def __init__(self, folder: str | Path) -> None:
        check_kind("folder", folder, (str, Path), "a path")
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"folder must be a folder, got the file {self.folder}")
        try:
            import tensorboard.summary.writer.record_writer  # noqa: F401 -- is it there?
        except ImportError as error:
            raise BackendUnavailable(
                "TensorBoard needs the package tensorboard: pip install 'anagram_ext[tensorboard]'"
            ) from error
        self._history: History | None = None
        self._file = self.folder
        self._begin = 0.0
        self._written = 0

    def __call__(self, run: Run) -> None:
        """Writes the rows that the run has more than at the last call."""
        if run.history is not self._history:
            self._open(run)
        rows = list(run.history.entries(self._written))
        self._append(*map(self._scalars, rows))
        self._written += len(rows)

    def _open(self, run: Run) -> None:
        """Begins a file that stands for all that the folder shows from now on."""
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog

        self.folder.mkdir(parents=True, exist_ok=True)
        now = time.time()
        name = f"events.out.tfevents.{now:.6f}.{socket.gethostname()}"
        self._history, self._file = run.history, self.folder / name
        self._begin, self._written = now - run.history.last.seconds, 0
        start = SessionLog(status=SessionLog.START)  # steps from 0 on are written anew
        self._append(
            Event(wall_time=self._begin, file_version=_FORMAT),
            Event(wall_time=self._begin, step=0, session_log=start),
        )

    def _scalars(self, row: Mapping[str, object]) -> object:
        """The event of a row: what is no number in it is left out."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        numbers = {
            name: float(cell)
            for name, cell in row.items()
            if name != "step" and isinstance(cell, (int, float)) and not math.isnan(cell)
        }
        values = [Summary.Value(tag=tag, simple_value=cell) for tag, cell in numbers.items()]
        moment = self._begin + numbers["seconds"]
        return Event(wall_time=moment, step=row["step"], summary=Summary(value=values))

    def _append(self, *events: object) -> None:
        """Adds events to the file: whole records, which a killed run keeps."""
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self._file.open("ab") as file:
            writer = RecordWriter(file)
            for event in events:
                writer.write(event.SerializeToString())  # type: ignore[attr-defined] # has no types
