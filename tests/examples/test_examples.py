"""Every example runs as it stands and reaches its headline number."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"

ERRORS = {  # what the variable ``error`` of each must not exceed
    "hard_constraints": 1e-6,
    "time_windows": 1e-5,
    "units": 1e-3,
    "unknown_coefficients": 1e-3,
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::anagram_ext.HeldOutWarning")
@pytest.mark.parametrize("name", ERRORS)
def test_example(name):
    assert runpy.run_path(str(FOLDER / f"{name}.py"))["error"] <= ERRORS[name]


def test_no_example_is_forgotten():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(ERRORS)
