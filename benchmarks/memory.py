"""Peak memory of one step, each in a process of its own.

    python benchmarks/memory.py CONTESTANT CASE

prints by how many bytes the resident memory rose above what it was before the step.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cases
from contestants import CONTESTANTS


def status_bytes(key: str) -> int:
    """VmRSS (resident now) or VmHWM (the highest so far) of this process."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(key):
            return 1024 * int(line.split()[1])
    raise KeyError(key)


def peak_growth(action: Callable[[], object]) -> int:
    """Bytes by which the resident memory rose at most while the action ran."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
    before = status_bytes("VmRSS")
    action()
    return status_bytes("VmHWM") - before


def of_step(contestant: str, case: str) -> int:
    """Peak of a step in a fresh process."""
    command = [sys.executable, __file__, contestant, case]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def first_step(contestant: str, case_name: str) -> Callable[[], object]:
    """A step ready to run."""
    case = cases.make(case_name)
    competitor = CONTESTANTS[contestant](case)
    theta = competitor.theta(case.model.init(seed=0).numpy())
    return partial(competitor.step, theta)


def main() -> None:
    contestant, case_name = sys.argv[1:]
    first_step(contestant, "laplace_2d")()  # loads the libraries, a megabyte of J
    print(peak_growth(first_step(contestant, case_name)))


if __name__ == "__main__":
    main()
