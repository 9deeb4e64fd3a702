"""The script for machines with a GPU, with programs in the place of those that need one."""

from __future__ import annotations

import os
import re
import shutil
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
  *"find_spec('$LACKING')"*) exit 1 ;;
  *find_spec*) exit 0 ;;
  *"not gpu"*) echo "1 failed"; exit 1 ;;
  *benchmarks/*) for last; do :; done; echo "{}" > "$last/table.json" ;;
esac
echo "ran $*"
"""


REPLACED = ("python3", "nvidia-smi", "nvcc", "compute-sanitizer", "cmake", "ctest", "ninja")
REAL = ("bash", "cat", "dirname", "env", "grep", "gzip", "mkdir", "mktemp", "realpath", "rm", "sh")
REAL += ("tail", "tar", "tee", "timeout")


@pytest.fixture
def check(tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in REPLACED:
        (programs / name).write_text(PROGRAM, encoding="utf-8")
        (programs / name).chmod(0o755)
    for name in REAL:
        (programs / name).symlink_to(shutil.which(name))

    def run(*arguments, seconds="590", lacking=""):
        if lacking in REPLACED:
            (programs / lacking).unlink()
        return subprocess.run(
            [SCRIPT, "-o", tmp_path / "out", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={
                **os.environ,
                "PATH": str(programs),  # and nothing that this machine happens to have
                "ANAGRAM_SECONDS": seconds,
                "LACKING": lacking,
            },
        )

    return run


def logs(archive):
    with tarfile.open(archive) as packed:
        files = {Path(member.name).name: packed.extractfile(member) for member in packed}
        return {name: file.read().decode() for name, file in files.items() if file}


def test_a_summary_and_one_archive_come_back(check, tmp_path):
    done = check("build", "engine", "step")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "summary.txt",
        "gpu_results.tgz",
    }
    assert {"device.log", "build.log", "engine.log", "step.log", "table.json"} == set(
        logs(tmp_path / "out" / "gpu_results.tgz")
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
    assert "other_tests.log" in logs(tmp_path / "out" / "gpu_results.tgz")


def test_what_is_not_about_the_gpu_fails_no_stage(check, tmp_path):
    assert check("gpu_tests", "memcheck", "racecheck").returncode == 0
    written = logs(tmp_path / "out" / "gpu_results.tgz")
    assert "pytest -q -W default" in written["gpu_tests.log"]  # versions that are newer than ours
    for name in ("memcheck.log", "racecheck.log"):
        # Calls of libraries that fail and are answered for; warnings of versions.
        assert "--error-exitcode 9 --report-api-errors no" in written[name]
        assert "-W default" in written[name]


def test_the_calls_of_the_header_hold_every_stage_and_fit_ten_minutes():
    text = SCRIPT.read_text(encoding="utf-8")
    stages = re.search(r"all_stages=\((.*)\)", text)[1].split()
    calls = re.findall(r"^# {5}tools/gpu_check.sh (\w.*)$", text, re.MULTILINE)
    assert sorted(" ".join(calls).split()) == sorted(stages)
    limits = dict(re.findall(r"stage (\w+) (\d+) ", text))
    assert all(int(limits[name]) < 590 for name in stages)


def test_no_network_is_asked_for(check, tmp_path):
    check("build")
    built = logs(tmp_path / "out" / "gpu_results.tgz")["build.log"]
    assert "--no-build-isolation --no-deps --no-index" in built


def test_without_time_nothing_begins(check):
    done = check("build", seconds="5")
    assert done.returncode == 1
    assert "NOT RUN, no time was left:  build" in done.stdout


def test_unknown_stages_are_refused(check):
    done = check("build", "everything")
    assert done.returncode == 2
    assert "STAGE must be one of build gpu_tests" in done.stderr
    assert "got everything" in done.stderr


def test_what_a_stage_lacks_is_named_and_nothing_runs_that_needs_it(check):
    done = check("build", "gpu_tests", "cpp_tests", lacking="scikit_build_core")
    assert done.returncode == 1
    lines = done.stdout.splitlines()[-4:]
    assert [line.partition(" (")[0] for line in lines] == [
        "passed  device",
        "NOT RUN, without the Python package scikit_build_core:  build",
        "NOT RUN, nothing was built:  gpu_tests",
        "passed  cpp_tests",
    ]


@pytest.mark.parametrize(
    ("program", "stage"),
    [("compute-sanitizer", "memcheck"), ("nvcc", "build"), ("ctest", "cpp_tests")],
)
def test_a_program_that_is_not_there_is_named(check, program, stage):
    done = check(stage, lacking=program)
    assert done.returncode == 1
    assert f"NOT RUN, without the program {program}:  {stage}" in done.stdout


def test_files_of_tests_without_their_package_are_left_out_and_named(check, tmp_path):
    assert "no package" not in check("gpu_tests").stdout
    (tmp_path / "programs" / "python3").write_text(
        PROGRAM.replace("case", 'case "$*" in "-c import trimesh") exit 1 ;; esac\ncase', 1)
    )
    done = check("gpu_tests")
    assert done.returncode == 0
    assert "NOT RUN  tests/geometry/test_solids.py: no package trimesh" in done.stdout
    assert "--ignore=tests/geometry/test_solids.py" in done.stdout
