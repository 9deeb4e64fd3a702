"""Fixtures that several files share."""

from __future__ import annotations

import os

import pytest

from anagram_ext.native import cuda
from pretend_cuda import pretended_gpu


def pytest_collection_modifyitems(items):
    """Names of tests must be those of every process, or pytest-xdist cannot share them out."""
    addresses = [item.nodeid for item in items if " at 0x" in item.nodeid]
    if addresses:
        raise pytest.UsageError(f"give ids to the parameters of {addresses}")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    """Every device that this installation can use; the others are skipped with the reason.

    With ANAGRAM_REQUIRE=cuda in the environment such a skip is a failure. With
    ANAGRAM_PRETEND=cuda the tests run on a GPU that is not there, see `pretend_cuda`.
    """
    if request.param == "cuda" and os.environ.get("ANAGRAM_PRETEND") == "cuda":
        with pretended_gpu():
            yield "cuda"
        return
    if request.param == "cuda":
        _require_gpu()
    yield request.param


@pytest.fixture
def gpu():
    """A real GPU, for what no pretended one can show."""
    _require_gpu()
    return "cuda"


def _require_gpu() -> None:
    problem = cuda.cuda_problem()
    if problem and os.environ.get("ANAGRAM_REQUIRE") == "cuda":
        pytest.fail(f"ANAGRAM_REQUIRE=cuda, but {problem}")
    if problem:
        pytest.skip(problem)  # what is missing


@pytest.fixture
def no_cuda(monkeypatch):
    """A machine without CUDA, whatever this one has."""
    monkeypatch.setattr(cuda, "_module", lambda: "built without its CUDA module")
