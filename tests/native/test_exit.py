"""The interpreter ends cleanly whatever its other threads and its forked children are doing."""

from __future__ import annotations

import subprocess
import sys

import pytest

SET_UP = """
import atexit, os, sys, threading, time, torch
import anagram_ext as ax
torch.set_num_threads(1)
problem = ax.problems.heat()
model = ax.MLP([2, 64, 64, 1], coordinates=("t", "x"))
theta, small_theta = model.init(0), problem.model.init(0)
points = torch.rand(20000, 2, dtype=torch.float64)
J = torch.rand(600, 500, dtype=torch.float64)
"""
# Calls between which there is nothing but Python and torch.
CALLS = {
    "jets": "model.jet(theta, points, ('xx',))",
    "solve": "ax.lstsq(J, J[:, 0])",
    "training": "ax.step(problem, problem.model, small_theta)",
    "streamed": "ax.step(problem, problem.model, small_theta, memory='streamed')",
}
DAEMONS = """
begun = threading.Barrier(3)
def forever():
    {call}
    begun.wait()
    while True:
        {call}
for _ in range(2):
    threading.Thread(target=forever, daemon=True).start()
begun.wait()
time.sleep(0.05)
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SET_UP + code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("kind", CALLS)
def test_daemon_threads_may_be_computing_at_exit(kind: str) -> None:
    done = run(DAEMONS.format(call=CALLS[kind]) + "print('the end')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "the end\n", "")


def test_exit_handlers_may_compute() -> None:
    # The first to be registered is the last to run, after those of the compiled modules.
    early = f"import atexit\natexit.register(lambda: print(len({CALLS['jets']}['xx'])))\n"
    code = early + SET_UP + DAEMONS.format(call=CALLS["jets"])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "20000\n", "")


@pytest.mark.skipif(not hasattr(sys, "abiflags"), reason="Windows has no fork")
def test_a_forked_child_computes_and_exits() -> None:
    # Threads of the parent are inside at that moment; the child has neither them nor the workers.
    fork = """
expected = model.jet(theta, points, ("xx",))["xx"]
ax.set_num_threads(3)
child = os.fork()
if child == 0:
    same = torch.equal(model.jet(theta, points, ("xx",))["xx"], expected)
    sys.exit(0 if same else 9)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = run(
        "import warnings; warnings.simplefilter('ignore')\n"
        + DAEMONS.format(call=CALLS["jets"])
        + fork
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
