"""The optional module ``anagram_ext._cuda`` and the cuBLAS and cuSOLVER that it needs.

Importing this needs no GPU, driver or CUDA library: everything is looked for on first use.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import torch

from anagram_ext.errors import BackendUnavailable, OutOfMemoryError
from anagram_ext.native.loading import PACKAGE

T = TypeVar("T")

# Sonames of a major version of CUDA. Preloaded: what cuBLAS and cuSOLVER link to, in that order.
_SONAMES = {
    13: ("libcublas.so.13", "libcusolver.so.12"),
    12: ("libcublas.so.12", "libcusolver.so.11"),
}
_PRELOAD = {
    13: ("libnvJitLink.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcusparse.so.12"),
    12: ("libnvJitLink.so.12", "libcublasLt.so.12", "libcublas.so.12", "libcusparse.so.12"),
}


def with_memory_of_torch(call: Callable[[], T]) -> T:
    """What the call returns; where memory runs out, once more without what torch keeps for later.

    Raises:
        OutOfMemoryError: it does not suffice either.
    """
    try:
        return call()
    except OutOfMemoryError:
        torch.cuda.empty_cache()
    return call()


def cuda_problem() -> str:
    """Why CUDA cannot be used here, or an empty string if it can."""
    module = _module()
    if isinstance(module, str):
        return module
    count, reason = module.device_count()
    return str(reason) if count == 0 else _load_libraries(module)


def cuda_module(device: str = "cuda") -> ModuleType:
    """The compiled module, ready to compute.

    Args:
        device: what was asked for, for the message.

    Raises:
        BackendUnavailable: with the reason and what to do.
    """
    problem = cuda_problem()
    module = _module()
    if problem or isinstance(module, str):
        raise BackendUnavailable(f"device={device!r}: {problem}; use device='cpu'")
    return module


@cache
def _module() -> ModuleType | str:
    name = f"{PACKAGE}._cuda"  # loading has put the installed folder on the path
    if importlib.util.find_spec(name) is None:
        return "anagram_ext was built without its CUDA module (no nvcc, or ANAGRAM_CUDA=OFF)"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        return f"the CUDA module does not load: {error}"


@cache
def _load_libraries(module: ModuleType) -> str:
    """Loads cuBLAS and cuSOLVER, those of the CUDA version built with first; "" or the reason."""
    built_with = module.built_with // 1000
    reasons = []
    for major in sorted(_SONAMES, key=lambda version: version != built_with):
        folders = list(_folders(major))
        preload = [path for name in _PRELOAD[major] for path in _found(name, folders)[:1]]
        cublas, cusolver = ([*_found(name, folders), name] for name in _SONAMES[major])
        reason = module.load(preload, cublas, cusolver)
        if not reason:
            return ""
        reasons.append(reason)
    return "cuBLAS and cuSOLVER not found: " + "; ".join(reasons)


def _found(name: str, folders: list[Path]) -> list[str]:
    return [str(folder / name) for folder in folders if (folder / name).is_file()]


def _folders(major: int) -> Iterator[Path]:
    """Where the libraries may be: wheels (those of torch), conda, CUDA_HOME, /usr/local/cuda."""
    spec = importlib.util.find_spec("nvidia")  # a namespace package: this runs none of its code
    for root in map(Path, (spec.submodule_search_locations or ()) if spec else ()):
        if major >= 13:
            yield root / f"cu{major}" / "lib"
        else:
            yield from (
                root / part / "lib" for part in ("cublas", "cusolver", "cusparse", "nvjitlink")
            )
    yield Path(sys.prefix) / "lib"
    for variable in ("CUDA_HOME", "CUDA_PATH"):
        if os.environ.get(variable):
            yield Path(os.environ[variable]) / "lib64"
    yield Path(f"/usr/local/cuda-{major}/lib64")
    yield Path("/usr/local/cuda/lib64")
