"""The compiled module ``anagram_ext._core``, found also when the source folder shadows it.

Started from a clone's root, ``import anagram_ext`` finds the source folder first, which holds no
compiled module, even though an installed copy of the package does. The installed folder is then
appended to the package's search path: Python sources of the clone, compiled module of the install.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anagram_ext import _core as core

__all__ = ["PACKAGE", "core"]

PACKAGE = "anagram_ext"


def _load() -> ModuleType:
    name = f"{PACKAGE}._core"
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
    sys.modules[PACKAGE].__path__.append(str(_installed_folder()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        message = f"{name} is not built for {sys.version.split()[0]}: run `pip install .`"
        raise ImportError(message) from error


def _installed_folder() -> Path:
    try:
        distribution = importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError as error:
        message = f"{PACKAGE} runs from its source folder but is not built: run `pip install .`"
        raise ImportError(message) from error
    return Path(str(distribution.locate_file(PACKAGE)))


if not TYPE_CHECKING:
    core = _load()
