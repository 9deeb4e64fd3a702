"""The boundary to the native module: how it is found, how arrays cross, which LAPACK it calls."""

from __future__ import annotations

import ctypes
import gc
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
import torch

from anagram_ext.native.lapack import ensure_lapack
from anagram_ext.native.loading import core

ROOT = Path(__file__).parents[2]


def run_python(code: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def make_package(folder: Path, *, compiled: bool) -> Path:
    """The package without the parts that import torch: starting a process with it is cheap."""
    package = folder / "anagram_ext"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "native").mkdir()
    for name in ("native/__init__.py", "native/loading.py", "native/lapack.py", "errors.py"):
        (package / name).write_text((ROOT / "anagram_ext" / name).read_text())
    if compiled:
        name = f"_core{sysconfig.get_config_var('EXT_SUFFIX')}"
        (package / name).symlink_to(Path(str(core.__file__)))
    return package


# ---------------------------------------------------------------- finding the compiled module

LOAD = "from anagram_ext.native.loading import core; print(core.__file__)"

# An editable installation finds its modules whatever the path says.
WITHOUT_EDITABLE = (
    "import sys\n"
    "sys.meta_path[:] = [f for f in sys.meta_path if 'ScikitBuild' not in type(f).__name__]\n"
)


def test_import_from_the_root_of_a_clone() -> None:
    """There the source folder comes first on the path, and it may hold no compiled module.

    Binding a LAPACK waits for its first use.
    """
    done = run_python(
        "import anagram_ext; from anagram_ext.native.loading import core\n"
        "print(core.__name__, repr(core.lapack_backend()))"
    )
    assert done.stdout.strip() == "anagram_ext._core ''", done.stderr


def test_source_folder_borrows_the_installed_module(tmp_path: Path) -> None:
    make_package(tmp_path / "clone", compiled=False)
    installed = make_package(tmp_path / "site", compiled=True)
    metadata = tmp_path / "site" / "anagram_ext-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: anagram_ext\nVersion: 0.1.0\n")
    extend_path = f"sys.path.insert(1, {str(tmp_path / 'site')!r})\n"
    done = run_python(WITHOUT_EDITABLE + extend_path + LOAD, cwd=tmp_path / "clone")
    assert Path(done.stdout.strip()).parent == installed, done.stderr


def test_missing_module_says_what_to_do(tmp_path: Path) -> None:
    make_package(tmp_path, compiled=False)
    hide_installed = (
        "import importlib.metadata as m\n"
        "def none(name): raise m.PackageNotFoundError(name)\n"
        "m.distribution = none\n"
    )
    done = run_python(WITHOUT_EDITABLE + hide_installed + LOAD, cwd=tmp_path)
    assert done.returncode != 0
    assert "runs from its source folder but is not built: run `pip install .`" in done.stderr


# ---------------------------------------------------------------- choosing the LAPACK


def bind(folder: Path, choice: str) -> subprocess.CompletedProcess[str]:
    make_package(folder, compiled=True)
    code = "from anagram_ext.native.lapack import ensure_lapack; print(ensure_lapack())"
    return run_python(code, cwd=folder, ANAGRAM_LAPACK=choice)


@pytest.mark.parametrize("choice", ["", "scipy"])
def test_lapack_of_scipy_is_the_default(tmp_path: Path, choice: str) -> None:
    done = bind(tmp_path, choice)
    assert done.stdout.strip() == "scipy", done.stderr


def test_scipy_that_brings_no_library_is_asked_for_its_functions(tmp_path: Path) -> None:
    """As SciPy of a Linux distribution, or of a Mac."""
    make_package(tmp_path, compiled=True)
    done = run_python(
        "import sys, pathlib\n"
        "pathlib.Path.glob = lambda self, pattern: iter(())\n"
        "from anagram_ext.native.lapack import ensure_lapack\n"
        "print(ensure_lapack(), 'scipy.linalg' in sys.modules)",
        cwd=tmp_path,
        ANAGRAM_LAPACK="",
    )
    assert done.stdout.strip() == "scipy True", done.stderr


def test_first_step_imports_nothing_slow() -> None:
    """Neither sympy (by torch.autograd.grad with grad_outputs) nor scipy.linalg: half a second."""
    done = run_python(
        "import sys, anagram_ext as ax\n"
        "problem = ax.problems.poisson_1d()\n"
        "ax.train(problem, problem.model, steps=2, progress=False)\n"
        "print(sorted({'sympy', 'scipy.linalg'} & sys.modules.keys()))"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_unknown_lapack_is_refused(tmp_path: Path) -> None:
    done = bind(tmp_path, "atlas")
    assert "ValueError: ANAGRAM_LAPACK must be one of scipy, openblas32, mkl" in done.stderr
    assert "got 'atlas'" in done.stderr


def test_library_that_is_no_lapack_is_refused(tmp_path: Path) -> None:
    done = bind(tmp_path, str(core.__file__))
    assert "BackendUnavailable" in done.stderr
    assert "the library lacks dgemm dgemv" in done.stderr


def test_missing_library_is_named(tmp_path: Path) -> None:
    done = bind(tmp_path, "/nowhere/libblas.so")
    assert "BackendUnavailable: ANAGRAM_LAPACK=/nowhere/libblas.so" in done.stderr


def test_capsules_with_64_bit_integers_are_refused() -> None:
    """Their C signature names the integer type."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    capsule = new(1, b"void (int64_t *, int64_t *)", None)
    missing = core.bind_lapack_capsules("scipy", {}, {"dgemm": capsule})
    assert missing.split()[0] == "dgemm"


# ---------------------------------------------------------------- arrays


class OnlyDlpack:
    """A producer with the Python protocol and nothing faster."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __dlpack__(self, **options: object) -> object:
        return self.array.__dlpack__(**options)


class OldDlpack(OnlyDlpack):
    """A producer older than DLPack 1.0: it does not know `max_version`."""

    def __dlpack__(self) -> object:  # type: ignore[override]
        return self.array.__dlpack__()


def singular_value_of(array: object) -> float:
    ensure_lapack()
    out = np.empty(1)
    core.FactorisationF64(array).singular_values(out)
    return float(out[0])


@pytest.mark.parametrize("wrap", [lambda a: a, torch.from_numpy, OnlyDlpack, OldDlpack])
def test_every_exchange_protocol(wrap: object) -> None:
    array = np.arange(1.0, 4.0).reshape(3, 1)
    references = sys.getrefcount(array)
    assert singular_value_of(wrap(array)) == pytest.approx(14**0.5, rel=1e-15)  # type: ignore[operator]
    gc.collect()
    assert sys.getrefcount(array) == references


def test_rows_may_lie_apart_but_must_be_contiguous() -> None:
    array = np.arange(24.0).reshape(4, 6)
    expected = np.linalg.norm(array[:, :1])
    assert singular_value_of(array[:, :1]) == pytest.approx(expected, rel=1e-15)
    with pytest.raises(
        ValueError, match=r"J must have contiguous rows, got a strided view float64"
    ):
        core.FactorisationF64(array[:, ::2])


@pytest.mark.parametrize(
    ("array", "error", "text"),
    [
        (
            np.zeros((2, 2), np.float32),
            ValueError,
            r"J must be float64 \[\*, \*\] on cpu, got float32 \[2, 2\]",
        ),
        (np.zeros((2, 2), np.int64), ValueError, "got int64"),
        (np.zeros((2, 2), bool), ValueError, "got bool"),
        (np.zeros((2, 2), complex), ValueError, "got unsupported dtype"),
        (np.zeros(2), ValueError, r"got float64 \[2\]"),
        (np.zeros((1,) * 9), ValueError, "J must have at most 8 dimensions, got 9"),
        ([[1.0]], TypeError, "J must be a torch or NumPy array, got list"),
        (None, TypeError, "J must be a torch or NumPy array, got NoneType"),
    ],
)
def test_wrong_arrays(array: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        core.FactorisationF64(array)


def test_outputs_must_be_writable() -> None:
    out = np.empty(1)
    out.flags.writeable = False
    factorisation = core.FactorisationF64(np.ones((3, 1)))
    with pytest.raises(ValueError, match="out must be writable, got a read-only array"):
        factorisation.singular_values(out)


def test_training_without_files_loads_no_library_for_files_figures_and_terminals():
    heavy = {"matplotlib", "rich", "typer", "pandas", "jax", "safetensors"}
    code = f"""
import sys, anagram_ext as ax
print("scipy" in sys.modules)
ax.train(ax.problems.poisson_1d(), steps=1, method="anagram", progress=False)
print(sorted({heavy!r} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n[]\n"
