"""The side of the comparison that is always installed, and its table."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def other_libraries(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("other_libraries")


def test_this_package_solves_the_problem(other_libraries):
    method, seconds, error = other_libraries.here(20.0)
    assert method == "natural_lm"
    assert seconds > 0
    assert error < 1e-8


def test_the_error_is_relative_to_the_solution(other_libraries):
    exact = lambda p: np.sin(np.pi * p[:, 0]) * np.sin(np.pi * p[:, 1])
    assert other_libraries.error(exact) == 0
    assert other_libraries.error(lambda p: 1.01 * exact(p)) == pytest.approx(0.01)


def test_the_table_tells_failures(other_libraries):
    found = {"version": "1", "optimiser": "Adam", "seconds": 2.0, "error": 3e-4}
    text = other_libraries.table({"A": found, "B": {"failed": "no module"}})
    assert "| A 1 | Adam | 2.0 | 3.0e-04 |" in text
    assert "| B | failed: no module | | |" in text


def test_a_library_that_is_not_there_fails_with_its_reason(other_libraries):
    entry = other_libraries.in_its_own_process("Scimba", 0.1)
    assert "error" in entry or "No module named" in str(entry["failed"])
