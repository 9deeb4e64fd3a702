"""The script for machines with a GPU, with programs in the place of those that need one."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script for bash")
SCRIPT = Path(__file__).parents[2] / "tools" / "gpu_check.sh"
# Every program succeeds, except pytest of what needs no GPU; benchmarks write into their folder.
PROGRAM = """#!/bin/sh
case "$*" in
  *"not gpu"*) echo "1 failed"; exit 1 ;;
  *benchmarks/*) for last; do :; done; echo "{}" > "$last/table.json" ;;
esac
echo "ran $*"
"""


@pytest.fixture
def check(tmp_path):
    for name in ("python3", "nvidia-smi", "nvcc", "compute-sanitizer", "cmake", "ctest"):
        program = tmp_path / name
        program.write_text(PROGRAM, encoding="utf-8")
        program.chmod(0o755)

    def run(*arguments, seconds="590"):
        path = f"{tmp_path}:{os.environ['PATH']}"
        return subprocess.run(
            [SCRIPT, "-o", tmp_path / "out", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PATH": path, "ANAGRAM_SECONDS": seconds},
        )

    return run


def names(archive):
    with tarfile.open(archive) as packed:
        return {Path(member.name).name for member in packed if member.isfile()}


def test_a_summary_and_one_archive_come_back(check, tmp_path):
    done = check("build", "engine", "step")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "summary.txt",
        "gpu_results.tgz",
    }
    assert {"device.log", "build.log", "engine.log", "step.log", "table.json"} == names(
        tmp_path / "out" / "gpu_results.tgz"
    )
    lines = (tmp_path / "out" / "summary.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["passed", "device"],
        ["passed", "build"],
        ["passed", "engine"],
        ["passed", "step"],
    ]


def test_a_failing_stage_is_named_and_the_others_run(check, tmp_path):
    done = check("other_tests", "cpp_tests")
    assert done.returncode == 1
    assert "FAILED  other_tests" in done.stdout
    assert "passed  cpp_tests" in done.stdout
    assert "other_tests.log" in names(tmp_path / "out" / "gpu_results.tgz")


def test_without_time_nothing_begins(check):
    done = check("build", seconds="5")
    assert done.returncode == 1
    assert "NOT RUN, no time was left:  build" in done.stdout


def test_unknown_stages_are_refused(check):
    done = check("build", "everything")
    assert done.returncode == 2
    assert "STAGE must be one of build gpu_tests" in done.stderr
    assert "got everything" in done.stderr
