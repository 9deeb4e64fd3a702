"""Fixtures that several files share."""

from __future__ import annotations

import os

import pytest

from anagram_ext import _cuda_libs


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """Every device that this installation can use; the others are skipped with the reason.

    With ANAGRAM_REQUIRE=cuda in the environment such a skip is a failure.
    """
    if request.param == "cuda" and (problem := _cuda_libs.cuda_problem()):
        if os.environ.get("ANAGRAM_REQUIRE") == "cuda":
            pytest.fail(f"ANAGRAM_REQUIRE=cuda, but {problem}")
        pytest.skip(problem)
    return request.param


@pytest.fixture
def no_cuda(monkeypatch):
    """A machine without CUDA, whatever this one has."""
    monkeypatch.setattr(_cuda_libs, "_module", lambda: "built without its CUDA module")
