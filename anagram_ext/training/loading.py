"""Reads back what training wrote: a file is a model, a folder a run or a march."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anagram_ext.checks import check_kind
from anagram_ext.training import checkpoint
from anagram_ext.training.manifest import MANIFEST
from anagram_ext.training.saved import SavedRun
from anagram_ext.training.saved_march import SavedMarch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from anagram_ext.models.protocol import Model


def load(
    path: str | Path, model: Model | nn.Module | None = None
) -> tuple[Model, Tensor] | SavedRun | SavedMarch:
    """Reads back what training wrote, on the CPU, in the dtype it was saved in.

    Args:
        path: the folder of a run or of a march, for all that is in it; or a checkpoint, for the
            model and its parameters alone. ``model, theta = ax.load(path)`` is right for all.
        model: the model that was trained, needed when it holds what no file can keep: functions
            (``outputs``), or a torch module. As it was given to ``train``: what training added to
            it is in the file. The parameters of a module stay what they are.

    Returns:
        A ``SavedRun`` for the folder of ``train``, a ``SavedMarch`` for that of ``march``,
        ``(model, theta [P])`` for a file.

    Raises:
        ValueError: there is no model in it, its parts do not belong together, or ``model`` is
            needed or another one than was saved; for a folder when the model is asked for.
        FileNotFoundError: there is no such file, or the folder is not that of a run.
    """
    check_kind("path", path, (str, Path), "a path")
    folder = Path(path)
    return load_folder(folder, model) if folder.is_dir() else checkpoint.load(path, model)


def load_folder(folder: Path, model: Model | nn.Module | None = None) -> SavedRun | SavedMarch:
    """Reads a folder as ``load`` does.

    Raises:
        ValueError: a file is damaged.
        FileNotFoundError: it is not there, or not that of a run or of a march.
    """
    if (folder / MANIFEST).is_file():
        return SavedMarch.read(folder, model)
    return SavedRun.read(folder, model)
