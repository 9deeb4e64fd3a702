"""Types of the native module. Array arguments are contiguous CPU arrays, torch or NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
import torch

Array: TypeAlias = torch.Tensor | np.ndarray[tuple[int, ...], np.dtype[np.floating]]

# LAPACK (register_lapack.cpp). The bind functions return the names of missing functions.
def bind_lapack_capsules(
    backend: str, blas: Mapping[str, object], lapack: Mapping[str, object]
) -> str: ...
def bind_lapack_library(backend: str, path: str, prefix: str) -> str: ...
def bind_blas_threads(path: str, prefix: str) -> None: ...
def lapack_backend() -> str: ...
def get_blas_threads() -> int: ...
def set_blas_threads(count: int) -> None: ...
