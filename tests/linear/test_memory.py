"""The memory that a process may use, inside containers of both kinds."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from anagram_ext.linear.memory import container_limit


def group(root, path, file, content):
    folder = root / path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(content)


def membership(tmp_path, text):
    file = tmp_path / "cgroup"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("own", "parent", "expected"),
    [("max", "max", math.inf), ("1200000000", "max", 1.2e9), ("max", "7000\n", 7000.0)],
)
def test_version_2_with_the_limits_of_its_parents(tmp_path, own, parent, expected):
    root = tmp_path / "fs"
    group(root, "a/b", "memory.max", own)
    group(root, "a", "memory.max", parent)
    assert container_limit(membership(tmp_path, "0::/a/b\n"), root) == expected


def test_version_1(tmp_path):
    root = tmp_path / "fs"
    group(root, "memory/job", "memory.limit_in_bytes", "1200000000\n")
    lines = "5:cpu,cpuacct:/\n4:memory:/job\n0::/\n"
    assert container_limit(membership(tmp_path, lines), root) == 1.2e9


def test_a_container_that_sees_its_own_group_at_the_root(tmp_path):
    root = tmp_path / "fs"
    group(root, "", "memory.max", "5000")
    assert container_limit(membership(tmp_path, "0::/not/visible/here\n"), root) == 5000.0


def test_no_control_groups(tmp_path):
    assert container_limit(tmp_path / "missing", tmp_path) == math.inf


def test_a_system_that_does_not_say_its_memory_stores_what_it_is_asked_to():
    program = (
        "import os; import torch; del os.sysconf; import anagram_ext as ax; "
        "problem = ax.problems.poisson_1d(); net = ax.MLP([1, 4, 1]); "
        "print(ax.train(problem, net, steps=2, progress=False).steps)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.stdout.split() == ["2"], done.stderr
