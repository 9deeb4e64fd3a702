"""The number of native threads: where it comes from, and that a refused thread is no error."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import anagram_ext as ax


@pytest.fixture(autouse=True)
def as_before():
    before = ax.get_num_threads()
    yield
    ax.set_num_threads(before)


@pytest.mark.parametrize("n", [1, 3, np.int64(2)])
def test_what_is_set_is_what_there_is(n):
    ax.set_num_threads(n)
    assert ax.get_num_threads() == n
    assert ax.info()["threads"] == str(n)


@pytest.mark.parametrize("n", [1.0, "2", None, True])
def test_only_integers(n):
    with pytest.raises(TypeError, match="n must be an integer, got"):
        ax.set_num_threads(n)


@pytest.mark.parametrize(("n", "text"), [(0, "at least 1, got 0"), (2**31, r"below 2\^31, got")])
def test_only_numbers_of_threads(n, text):
    with pytest.raises(ValueError, match=f"n must be {text}"):
        ax.set_num_threads(n)


def test_results_do_not_depend_on_it():
    model = ax.MLP([2, 40, 40, 1], coordinates=("t", "x"))
    points = torch.rand(3000, 2, dtype=torch.float64)
    results = []
    for n in (1, 2, 5):
        ax.set_num_threads(n)
        results.append(model.jet(model.init(0), points, ("xx",))["xx"])
    assert torch.equal(results[0], results[1])
    assert torch.equal(results[0], results[2])


def in_new_process(code, **environment):
    kept = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**kept, **environment},
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


@pytest.mark.parametrize(("setting", "n"), [("3", "3"), ("5,2", "5")])
def test_the_variable_of_openmp_is_the_default(setting, n):
    code = "import anagram_ext as ax; print(ax.get_num_threads())"
    assert in_new_process(code, OMP_NUM_THREADS=setting) == [n]


def test_what_was_set_counts_more_than_the_variable():
    code = "import anagram_ext as ax; ax.set_num_threads(2); print(ax.get_num_threads())"
    assert in_new_process(code, OMP_NUM_THREADS="7") == ["2"]


def test_without_the_variable_there_is_one_a_core():
    code = "import anagram_ext as ax; print(ax.get_num_threads())"
    (found,) = map(int, in_new_process(code))
    usable = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count()))(0)
    assert len(usable) <= found <= os.cpu_count()  # C libraries differ in which of the two it is


LIMITED = """
import os, resource, torch
import anagram_ext as ax
torch.set_num_threads(1)
model = ax.MLP([2, 64, 64, 1], coordinates=("t", "x"))
points = torch.rand(8000, 2, dtype=torch.float64)
ax.set_num_threads(1)
expected = model.jet(model.init(0), points, ("xx",))["xx"]

def threads_of(process):
    try:
        is_ours = os.stat(f"/proc/{process}").st_uid == os.getuid()
        return len(os.listdir(f"/proc/{process}/task")) if is_ours else 0
    except OSError:
        return 0  # it has ended

if os.getuid() == 0:  # whom no limit holds
    os.setgroups([])
    os.setgid(54321)
    os.setuid(54321)
ours = sum(map(threads_of, filter(str.isdigit, os.listdir("/proc"))))
before = threads_of("self")
resource.setrlimit(resource.RLIMIT_NPROC, (ours + 2,) * 2)
ax.set_num_threads(8)
for _ in range(2):
    print(torch.equal(model.jet(model.init(0), points, ("xx",))["xx"], expected))
print(threads_of("self") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_a_limit_on_threads_makes_it_slower_and_not_wrong():
    *same, started = in_new_process(LIMITED, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    assert same == ["True", "True"]
    assert int(started) < 7  # there is room for two; others of the same user come and go
