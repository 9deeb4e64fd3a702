"""Fixtures that several files share."""

from __future__ import annotations

import os

import pytest

from anagram_ext._cuda_libs import cuda_problem


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """Every device that this installation can use; the others are skipped with the reason.

    With ANAGRAM_REQUIRE=cuda in the environment such a skip is a failure.
    """
    if request.param == "cuda" and (problem := cuda_problem()):
        if os.environ.get("ANAGRAM_REQUIRE") == "cuda":
            pytest.fail(f"ANAGRAM_REQUIRE=cuda, but {problem}")
        pytest.skip(problem)
    return request.param
