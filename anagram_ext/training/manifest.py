"""What the folder of a march says about its windows, each of which has a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from anagram_ext.linear.group import spread_over
from anagram_ext.training.files import replace_file

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup

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


def known_ends(folder: Path, march: Manifest, group: ProcessGroup | None) -> tuple[float, ...]:
    """The ends of the windows that an earlier part of a march began; the first end if none.

    Of a group rank 0 reads for all.

    Raises:
        ValueError: the folder is that of another march.
    """

    def read() -> tuple[float, ...]:
        if not (folder / MANIFEST).is_file():
            return march.times
        found = Manifest.read(folder)
        for name in ("coordinates", "coordinate", "planned"):
            if getattr(found, name) != getattr(march, name):
                raise ValueError(
                    f"resume must go on with the same march: {name} was "
                    f"{getattr(found, name)!r}, got {getattr(march, name)!r}; False begins anew"
                )
        return found.times

    with spread_over(group) as ranks:
        return read() if ranks is None else ranks.first(ranks.together(read))


def noting(
    folder: Path | None, march: Manifest, group: ProcessGroup | None
) -> Callable[[object], None]:
    """A callback of a window's run: writes down that it was begun, once for all ranks."""
    with spread_over(group) as ranks:
        place = folder if ranks is None or ranks.leads else None

    def note(_run: object) -> None:
        if place is not None:
            march.write(place)

    return note
