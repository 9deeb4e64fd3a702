"""What the folder of a march says about its windows, each of which has a folder of its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from anagram_ext.training.files import replace_file

MANIFEST: Final = "windows.json"


@dataclass(frozen=True)
class Manifest:
    """The windows of a march so far; the last one may be in training.

    Attributes:
        coordinates: names of all coordinates.
        coordinate: the one of the windows.
        planned: ends of the windows as they were asked for.
        times: ends of those that were begun, one more than there are windows. Halves of a window
            that failed have taken its place.
    """

    coordinates: tuple[str, ...]
    coordinate: str
    planned: tuple[float, ...]
    times: tuple[float, ...]

    @property
    def complete(self) -> bool:
        """Whether the last window was begun."""
        return self.times[-1] == self.planned[-1]

    def write(self, folder: Path) -> None:
        """Writes the file; it changes in one instant or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        replace_file(folder / MANIFEST, (json.dumps(asdict(self), indent=2) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Reads the file back.

        Raises:
            ValueError: it is damaged.
            FileNotFoundError: there is none.
        """
        path = folder / MANIFEST
        try:
            entries = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                coordinates=tuple(map(str, entries["coordinates"])),
                coordinate=str(entries["coordinate"]),
                planned=tuple(map(float, entries["planned"])),
                times=tuple(map(float, entries["times"])),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a list of windows: {error}") from error


def window_folder(folder: Path, k: int) -> Path:
    """The folder of window k."""
    return folder / f"window_{k:03d}"
