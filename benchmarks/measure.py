"""Timing side by side: the contestants take turns in one process, so that noise hits all."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import date
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import torch

import anagram_ext as ax

# Threads of OpenBLAS and OpenMP go on spinning after their work, for up to some 25 ms, and would
# slow down whoever comes next; and a processor that has slept takes a while to be fast again.
REST = 0.1
WARM_UP = 0.05
TIMED = 0.02


def medians(contestants: Mapping[str, Callable[[], object]], rounds: int = 7) -> dict[str, float]:
    """Median seconds a call of each function, warm, while the threads of the others sleep."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, function in contestants.items():
            time.sleep(REST)
            _mean(function, WARM_UP)  # the first time it also compiles
            seconds[name].append(_mean(function, TIMED))
    return {name: statistics.median(values) for name, values in seconds.items()}


def _mean(function: Callable[[], object], least: float) -> float:
    """Mean seconds of as many calls as take the least time together, or of one."""
    calls, start = 0, time.perf_counter()
    while True:
        function()
        calls += 1
        elapsed = time.perf_counter() - start
        if elapsed >= least:
            return elapsed / calls


def environment() -> dict[str, object]:
    """Machine, versions and date: what a table must say about itself."""
    packages = ("torch", "jax", "numpy", "scipy")
    found = {package: version(package) for package in packages if find_spec(package)}
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return {
        "date": date.today().isoformat(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "anagram_ext": {key: str(value) for key, value in ax.info().items()},
        **found,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def write(out: Path, name: str, results: object, text: str) -> None:
    """Writes NAME.json (with the environment) and NAME.md into `out`, and prints the latter."""
    out.mkdir(parents=True, exist_ok=True)
    record = {"environment": environment(), "results": results}
    (out / f"{name}.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    described = ", ".join(
        f"{key} {value}"
        for key, value in environment().items()
        if isinstance(value, (str, int, float))
    )
    (out / f"{name}.md").write_text(f"{text}\n\n{described}\n", encoding="utf-8")
    print(text)
