"""Registers, stack, spills and 16-byte loads of every kernel. Fails where one is not as it must be.

    python tools/ptxas_report.py

Needs nvcc in the path, no GPU. A register that does not fit goes to memory and back ("spill") in
the inner loops of the engine, and two numbers that could be read from shared memory at once are
read one by one; both happen silently, by a change of a line or of the compiler.
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
FLAGS = (
    "-std=c++17 -O3 -DNDEBUG -cubin -Xptxas -v -Werror all-warnings -DANAGRAM_ISA_NAME=device "
    "-Icsrc/include -Icsrc"
)


class Kernel(NamedTuple):
    """What ptxas says of one kernel, sizes in bytes a thread, and what is in its code."""

    name: str  # packed JacobianBlock f64
    registers: int
    stack: int
    stores: int
    loads: int
    pairs: int  # loads of two numbers at once, of double precision, from shared memory

    @property
    def spills(self) -> bool:
        """Whether a register goes to memory."""
        return self.stores + self.loads > 0

    @property
    def lacks_pairs(self) -> bool:
        """Whether products in shared memory read number by number."""
        return self.name.endswith("Block f64") and self.pairs == 0


def report(source: Path, architecture: str) -> tuple[str, str]:
    """The report of ptxas on one file and the PTX that it read; SystemExit with what nvcc says."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["nvcc", f"-arch={architecture}", *FLAGS.split(), "-o", f"{folder}/cubin"]
        command += ["--keep", "--keep-dir", folder, str(source)]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        code = "".join(path.read_text() for path in Path(folder).glob("*.ptx"))
    if run.returncode != 0:
        sys.exit(f"nvcc fails for {source}:\n{run.stderr}")
    return run.stderr + run.stdout, code


def pairs_of(code: str) -> dict[str, int]:
    """Loads of two numbers at once of each kernel, by its mangled name. Each becomes an LDS.128."""
    parts = (part.partition("(") for part in code.split(".entry ")[1:])
    return {name.strip(): body.count("ld.shared.v2.f64") for name, _, body in parts}


def kernels(text: str, code: str) -> Iterator[Kernel]:
    """Each kernel of a report. Lines on the functions that it calls stand between its own."""
    pairs = pairs_of(code)
    for part in text.split("Compiling entry function '")[1:]:
        stack, stores, loads = re.findall(
            r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", part
        )[0]
        registers = re.findall(r"Used (\d+) registers", part)[0]
        numbers = map(int, (registers, stack, stores, loads))
        yield Kernel(short_name(part), *numbers, pairs.get(part.partition("'")[0], 0))


def short_name(mangled: str) -> str:
    """``packed JacobianBlock f64`` of ``...13packed_kernelIdNS_6device13JacobianBlockIdEE...``."""
    wrapper = re.findall(r"(packed|block|grid)_kernel", mangled)[0]
    length, rest = re.findall(r"NS_6device(\d+)(\w+)", mangled)[0]
    step, after = rest[: int(length)], rest[int(length) :]
    number = {"Id": "f64", "If": "f32"}.get(after[:2], "")
    return f"{wrapper} {step} {number}".strip()


def main() -> int:
    """Prints a table; 1 when a kernel is not as it must be."""
    sources = sorted(ROOT.glob("csrc/cuda/**/*.cu"))
    jobs = [(source, name) for name in ARCHITECTURES for source in sources]
    with ThreadPoolExecutor(2) as pool:  # each waits for a compiler
        reports = list(pool.map(lambda job: report(*job), jobs))
    spilling, unpaired = [], []
    print(f"{'':6} {'kernel':34} registers  stack  spill stores, loads  16-byte loads")
    for (_, architecture), (text, code) in zip(jobs, reports, strict=True):
        found = sorted(kernels(text, code))
        if not found:
            sys.exit("ptxas reported no kernel")
        for kernel in found:
            name, registers, stack, stores, loads, pairs = kernel
            row = f"{registers:9} {stack:6} {stores:8} {loads:6} {pairs:13}"
            print(f"{architecture:6} {name:34} {row}")
            spilling += [f"{architecture} {name}"] * kernel.spills
            unpaired += [f"{architecture} {name}"] * kernel.lacks_pairs
    print("products without 16-byte loads: " + (", ".join(unpaired) or "none"))
    print("spills: " + (", ".join(spilling) or "none"))
    return int(bool(spilling or unpaired))


if __name__ == "__main__":
    sys.exit(main())
