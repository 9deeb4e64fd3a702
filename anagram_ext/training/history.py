"""The table of a training run: one row for each evaluated step, in memory and in a CSV file."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Final, TextIO, get_type_hints

import numpy as np

from anagram_ext.training.files import replace_file


@dataclass(frozen=True)
class Row:
    """One evaluated step; None and nan mean that the method or the problem has no such number.

    Each field is a column: its name, its place and its dtype (``int``, ``str``, else float64) come
    from here alone. What a method's ``StepInfo`` has under the same name goes in by itself.

    Attributes:
        step: finished steps; row 0 is the first iterate.
        seconds: time spent in the method so far, without the evaluation of errors.
        loss: ``1/2 ||r||^2`` of the iterate.
        l2_error: root mean square error against the solution.
        rank: singular values kept by the solve.
        step_size: multiple of the direction taken.
        cutoff: truncation threshold of the solve.
        held_out_loss: the loss on points the training does not see.
        l2_relative: ``l2_error`` over the root mean square of the solution.
        captured: share of the residual that the tangent space still sees.
        gain: actual over predicted reduction of the loss.
        effective: effective number of parameters at the damping of the step.
        press: the loss as predicted for rows that the step has not seen, each left out in turn; nan
            in nine of ten steps unless points are redrawn.
        rows: S, which changes where points are tied to the damping.
        parameters: P, which changes where the network grows.
        factorisations: singular value decompositions, summed over the run.
        evaluations: residual or gradient evaluations, summed over the run.
        accepted: the rule that accepted the step.
    """

    step: int
    seconds: float
    loss: float
    l2_error: float = math.nan
    rank: int | None = None
    step_size: float = math.nan
    cutoff: float | None = None
    held_out_loss: float = math.nan
    l2_relative: float = math.nan
    captured: float = math.nan
    gain: float = math.nan
    effective: float = math.nan
    press: float = math.nan
    rows: int | None = None
    parameters: int | None = None
    factorisations: int = 0
    evaluations: int = 0
    accepted: str = ""


COLUMNS = tuple(field.name for field in fields(Row))
_DEFAULTS: Final = {field.name: field.default for field in fields(Row)}
NEEDED: Final = frozenset(name for name, default in _DEFAULTS.items() if default is MISSING)

# Further columns, one a condition: the name of the condition follows.
LOSS: Final = "loss/"
HELD_OUT: Final = "held_out_loss/"

# A number that may be missing is a float: its column has nan there.
_DTYPES = {
    name: {int: np.int64, str: np.str_}.get(kind, np.float64)
    for name, kind in get_type_hints(Row).items()
}


class History:
    """The rows of a run; with a ``path``, each row reaches the file before the next step begins.

    Beside the columns of ``Row`` there are two for each condition, ``loss/NAME`` and
    ``held_out_loss/NAME``.

    Args:
        path: CSV file to write, or None to keep the rows in memory. The first row replaces an older
            file.
        conditions: names of the conditions.

    Attributes:
        lowest: the lowest loss of all rows, infinite before there is one.
        complaint: why the file does not hold all rows; None if it does.
    """

    def __init__(self, path: Path | None = None, conditions: Iterable[str] = ()) -> None:
        self._rows: list[Row] = []
        self._parts: list[list[float]] = []  # of each row its losses by condition
        self.lowest = math.inf
        self.complaint: str | None = None
        self._further = further_columns(conditions)
        self._path = path
        self._file: TextIO | None = None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def last(self) -> Row:
        """The latest row."""
        return self._rows[-1]

    @property
    def most_effective(self) -> float:
        """The largest effective number of parameters of a step; nan if none is known."""
        known = (row.effective for row in self._rows if not math.isnan(row.effective))
        return max(known, default=math.nan)

    def append(self, row: Row, further: Mapping[str, float] | None = None) -> None:
        """Adds a row, and hands it to the operating system so that a killed run keeps it.

        Args:
            row: the row.
            further: its losses by condition, by name of their column; nan where left out.
        """
        given = {} if further is None else further
        parts = [given.get(name, math.nan) for name in self._further]
        self._parts.append(parts)
        self._rows.append(row)
        self.lowest = min(self.lowest, row.loss)
        self._write(_csv_line(_cells(row, parts)))

    def rows(self) -> tuple[list[Row], list[list[float]]]:
        """All rows, and of each its losses by condition."""
        return list(self._rows), [list(part) for part in self._parts]

    def entries(self, first: int = 0) -> Iterator[dict[str, object]]:
        """The rows from the one of that number on: their numbers by column, as they were given."""
        for row, parts in zip(self._rows[first:], self._parts[first:], strict=True):
            yield asdict(row) | dict(zip(self._further, parts, strict=True))

    def restore(self, row: Row, part: list[float]) -> None:
        """Adds a row of an earlier part of the run, as ``rows`` gave it."""
        self.append(row, dict(zip(self._further, part, strict=True)))

    def columns(self) -> dict[str, np.ndarray]:
        """The table by column name, each of shape ``[rows]``: integers, floats or text."""
        own = {name: _column(name, [getattr(row, name) for row in self._rows]) for name in COLUMNS}
        further = {
            name: _column(name, [parts[place] for parts in self._parts])
            for place, name in enumerate(self._further)
        }
        return own | further

    def close(self) -> None:
        """Writes the file once more from memory (an interrupt may have cut its last line)."""
        if self._path is None or not self._rows:
            return
        if self._file is not None:
            with suppress(OSError):  # what is still in its buffer is written below
                self._file.close()
        self._file = None
        lines = map(_cells, self._rows, self._parts)
        content = (self._header() + "".join(map(_csv_line, lines))).encode()
        try:
            replace_file(self._path, content)
        except OSError as error:
            self.complaint = f"{self._path} was not written: {error}"
        else:
            self.complaint = None
        self._path = None

    def _header(self) -> str:
        return _csv_line([*COLUMNS, *self._further])

    def _write(self, text: str) -> None:
        if self._path is None or self.complaint is not None:
            return
        try:
            if self._file is None:
                self._file = self._path.open("w", encoding="utf-8", newline="")
                self._file.write(self._header())
            self._file.write(text)
            self._file.flush()
        except OSError as error:  # a full disk; the run goes on, and may find room at its end
            self.complaint = f"{self._path} was not written: {error}"


def read_csv(path: str | Path) -> dict[str, np.ndarray]:
    """Reads a ``history.csv`` back, as ``History.columns`` gives it.

    A file of an earlier version may lack columns that came later: they then say that nothing is
    known, as far as their dtype can (nan, ``""``, 0).

    Raises:
        ValueError: the file is no history.
    """
    with Path(path).open(encoding="utf-8", newline="") as file:
        # A killed process may leave half a line at the end: half a number is another number.
        reader = csv.DictReader(line for line in file if line.endswith("\n"))
        names = tuple(reader.fieldnames or ())
        conditions = [name.removeprefix(LOSS) for name in names if name.startswith(LOSS)]
        own = tuple(name for name in COLUMNS if name in names)
        if names != (*own, *further_columns(conditions)) or not set(own) >= NEEDED:
            raise ValueError(f"{path} is not a training history: columns {reader.fieldnames}")
        rows = [row for row in reader if None not in row.values()]
    missing: dict[str, object] = {name: _DEFAULTS[name] for name in COLUMNS if name not in names}
    every = (*COLUMNS, *further_columns(conditions))
    return {name: _column(name, [(missing | row)[name] for row in rows]) for name in every}


def further_columns(conditions: Iterable[str]) -> tuple[str, ...]:
    """The names of the columns of the conditions: training losses first, then held-out ones."""
    names = tuple(conditions)
    return tuple(f"{kind}{name}" for kind in (LOSS, HELD_OUT) for name in names)


def _column(name: str, values: list[object]) -> np.ndarray:
    dtype = _DTYPES.get(name, np.float64)
    if dtype is np.float64:
        values = [math.nan if value in (None, "") else value for value in values]
    return np.array(values, dtype=dtype)


def _cells(row: Row, parts: list[float]) -> list[object]:
    return [*asdict(row).values(), *parts]


def _csv_line(values: list[object]) -> str:
    """One line; floats with all their digits, nothing for None and nan."""
    buffer = io.StringIO()
    cells = ["" if _is_missing(value) else value for value in values]
    csv.writer(buffer, lineterminator="\n").writerow(cells)
    return buffer.getvalue()


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
