"""Registers, stack and spills of every kernel, as ptxas reports them. Fails where one spills.

    python tools/ptxas_report.py

Needs nvcc in the path, no GPU. A register that does not fit goes to memory and back ("spill") in
the inner loops of the engine; it happens silently, by a change of a line or of the compiler.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
ARCHITECTURES = ("sm_80", "sm_90")  # what cmake/Cuda.cmake builds
FLAGS = "-std=c++17 -O3 -DNDEBUG -cubin -Xptxas -v -DANAGRAM_ISA_NAME=device -Icsrc/include -Icsrc"


class Kernel(NamedTuple):
    """What ptxas says of one kernel; sizes in bytes a thread."""

    name: str  # packed JacobianBlock f64
    registers: int
    stack: int
    stores: int
    loads: int

    @property
    def spills(self) -> bool:
        """Whether a register goes to memory."""
        return self.stores + self.loads > 0


def report(source: Path, architecture: str) -> str:
    """The report of ptxas on one file, or SystemExit with what nvcc says."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["nvcc", f"-arch={architecture}", *FLAGS.split(), "-o", f"{folder}/cubin"]
        run = subprocess.run(
            [*command, str(source)], cwd=ROOT, capture_output=True, text=True, check=False
        )
    if run.returncode != 0:
        sys.exit(f"nvcc fails for {source}:\n{run.stderr}")
    return run.stderr + run.stdout


def kernels(text: str) -> Iterator[Kernel]:
    """Each kernel of a report. Lines on the functions that it calls stand between its own."""
    for part in text.split("Compiling entry function '")[1:]:
        stack, stores, loads = re.findall(
            r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", part
        )[0]
        registers = re.findall(r"Used (\d+) registers", part)[0]
        yield Kernel(short_name(part), *map(int, (registers, stack, stores, loads)))


def short_name(mangled: str) -> str:
    """``packed JacobianBlock f64`` of ``...13packed_kernelIdNS_6device13JacobianBlockIdEE...``."""
    wrapper = re.findall(r"(packed|block|grid)_kernel", mangled)[0]
    length, rest = re.findall(r"NS_6device(\d+)(\w+)", mangled)[0]
    step, after = rest[: int(length)], rest[int(length) :]
    number = {"Id": "f64", "If": "f32"}.get(after[:2], "")
    return f"{wrapper} {step} {number}".strip()


def main() -> int:
    """Prints a table; 1 when a kernel spills."""
    sources = sorted(ROOT.glob("csrc/cuda/**/*.cu"))
    jobs = [(source, name) for name in ARCHITECTURES for source in sources]
    with ThreadPoolExecutor(2) as pool:  # each waits for a compiler
        reports = list(pool.map(lambda job: report(*job), jobs))
    spilling = []
    print(f"{'':6} {'kernel':34} registers  stack  spill stores, loads")
    for (_, architecture), text in zip(jobs, reports, strict=True):
        found = sorted(kernels(text))
        if not found:
            sys.exit("ptxas reported no kernel")
        for kernel in found:
            name, registers, stack, stores, loads = kernel
            print(f"{architecture:6} {name:34} {registers:9} {stack:6} {stores:8} {loads:6}")
            spilling += [f"{architecture} {name}"] * kernel.spills
    print("spills: " + (", ".join(spilling) or "none"))
    return int(bool(spilling))


if __name__ == "__main__":
    sys.exit(main())
