"""Run-time choice of the BLAS and LAPACK that the native code calls.

The default is the library inside SciPy: the file that SciPy's wheel brings with it, or else the
function pointers that SciPy exports for Cython (importing them takes a third of a second). Nothing
is linked and nothing is bound before the first use. The environment variable ``ANAGRAM_LAPACK``
chooses another one: ``scipy``, ``openblas32`` (package scipy-openblas32), ``mkl``, or the path of a
shared library with 32-bit integers and plain Fortran names (``dgemm_``).
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from anagram_ext.errors import BackendUnavailable
from anagram_ext.native.loading import core

_VARIABLE = "ANAGRAM_LAPACK"


def ensure_lapack(module: Any = core) -> str:
    """Bind a LAPACK unless one is bound already.

    Args:
        module: the compiled module that calls it. That of CUDA has small matrices for it.

    Returns:
        Name of the bound library.

    Raises:
        ValueError: ``ANAGRAM_LAPACK`` has an unknown value.
        BackendUnavailable: the library is missing, lacks functions, or has 64-bit integers.
    """
    bound = str(module.lapack_backend())
    if bound:
        return bound
    choice = os.environ.get(_VARIABLE) or "scipy"
    if choice in _BINDERS:
        _BINDERS[choice](module)
    elif os.sep in choice:
        _bind_library(module, choice, Path(choice), prefix="")
    else:
        message = f"{_VARIABLE} must be one of {', '.join(_BINDERS)} or a path, got {choice!r}"
        raise ValueError(message)
    return str(module.lapack_backend())


def _bind_scipy(module: Any) -> None:
    bundled = _bundled_with_scipy()
    if not any(_binds(module, library) for library in bundled):
        _bind_exported_by_scipy(module, bundled)


def _bundled_with_scipy() -> list[Path]:
    """The OpenBLAS of SciPy's wheel, found without importing SciPy."""
    spec = importlib.util.find_spec("scipy")
    places = [] if spec is None else spec.submodule_search_locations or []
    return [
        library
        for place in places
        for library in sorted(Path(place).parent.glob("scipy.libs/libscipy_openblas*"))
    ]


def _binds(module: Any, library: Path) -> bool:
    try:
        return not module.bind_lapack_library("scipy", str(library), "scipy_")
    except RuntimeError:  # it cannot be loaded by itself
        return False


def _bind_exported_by_scipy(module: Any, bundled: list[Path]) -> None:
    from scipy.linalg import cython_blas, cython_lapack

    integer_size = getattr(cython_lapack, "_blas_int_size", lambda: 4)()  # SciPy >= 1.18 has it
    if integer_size != 4:
        message = "this SciPy was built with 64-bit BLAS integers; set ANAGRAM_LAPACK to another"
        raise BackendUnavailable(message)
    capsules = (cython_blas.__pyx_capi__, cython_lapack.__pyx_capi__)
    _refuse_missing("scipy", module.bind_lapack_capsules("scipy", *capsules))
    # The capsules have no thread control: it is in the library that they come from.
    for library in bundled:
        module.bind_blas_threads(str(library), "scipy_")


def _bind_openblas32(module: Any) -> None:
    # Found, not imported: an import loads the library globally, and SciPy's calls would go there.
    spec = importlib.util.find_spec("scipy_openblas32")
    if spec is None or not spec.submodule_search_locations:
        message = "ANAGRAM_LAPACK=openblas32 needs the package scipy-openblas32"
        raise BackendUnavailable(message)
    folder = Path(next(iter(spec.submodule_search_locations))) / "lib"
    _bind_library(module, "openblas32", next(folder.glob("libscipy_openblas*")), prefix="scipy_")


def _bind_mkl(module: Any) -> None:
    os.environ.setdefault("MKL_THREADING_LAYER", "GNU")  # share torch's OpenMP library
    installed = sorted((Path(sys.prefix) / "lib").glob("libmkl_rt.so*"))
    _bind_library(module, "mkl", installed[-1] if installed else Path("libmkl_rt.so"), prefix="")


_BINDERS = {"scipy": _bind_scipy, "openblas32": _bind_openblas32, "mkl": _bind_mkl}


def _bind_library(module: Any, name: str, library: Path, prefix: str) -> None:
    try:
        missing = module.bind_lapack_library(name, str(library), prefix)
    except RuntimeError as error:
        message = f"{_VARIABLE}={name}: {error}"
        raise BackendUnavailable(message) from error
    _refuse_missing(name, missing)


def _refuse_missing(name: str, missing: str) -> None:
    if missing:
        message = f"{_VARIABLE}={name}: the library lacks{missing} (with 32-bit integers)"
        raise BackendUnavailable(message)
