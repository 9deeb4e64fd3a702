"""What this installation is made of."""

from __future__ import annotations

import importlib.metadata
import platform

import torch

from anagram_ext.native.cuda import cuda_problem
from anagram_ext.native.lapack import ensure_lapack
from anagram_ext.native.loading import core

_LIBRARIES = ("anagram_ext", "numpy", "scipy")


def version() -> str:
    """The version of this package; "not installed" when it runs from its source folder."""
    return _version("anagram_ext")


def cuda_available() -> bool:
    """Whether ``device="cuda"`` can be used here; ``info`` says why not."""
    return not cuda_problem()


def versions() -> dict[str, str]:
    """Versions of Python, this package and the libraries it computes with."""
    found = {name: _version(name) for name in _LIBRARIES}
    # torch itself knows its build, as in 2.11.0+cu130; the metadata of a wheel need not.
    return {"python": platform.python_version(), **found, "torch": torch.__version__}


def info() -> dict[str, str]:
    """Versions, instruction set, threads and linear algebra library, for bug reports."""
    return {
        **versions(),
        "machine": platform.machine(),
        "instructions": core.isa(),
        "threads": str(core.get_num_threads()),
        "lapack": ensure_lapack(),
        "cuda": cuda_problem() or "available",
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"  # the package itself, run from its source folder
