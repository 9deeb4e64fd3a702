"""tools/gpu_check.sh from a fresh copy of the tree, with tests that really run, on a pretended GPU.

What stands in for something: nvidia-smi, nvcc and compute-sanitizer; for the building, a copy of
the package that is installed here. Packages that machines with a GPU need not have are hidden.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from anagram_ext import _core

ROOT = Path(__file__).parents[2]
STAGES = ("build", "gpu_tests", "memcheck", "racecheck", "other_tests")
HIDDEN = ("meshio", "shapely", "trimesh")
LEFT_BEHIND = (".git", ".venv", ".*_cache", "_build", "build", "runs", "__pycache__", "*.so")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="a script for bash"),
]

PYTHON = f"""#!/bin/bash
# The interpreter of the machine with a GPU: pip "builds" by copying, and torch sees a GPU.
export ANAGRAM_PRETEND=cuda PYTHONPATH="$(dirname "$0")/hidden:$PYTHONPATH"
case "$*" in
  "-m pip install "*)
    while [ "$1" != --target ]; do shift; done
    mkdir -p "$2" && cp -r "{Path(_core.__file__).parent}" "$2" ;;
  *torch.cuda.is_available* | *cuda_available*) echo "a GPU is pretended" ;;
  *) exec "{sys.executable}" "$@" ;;
esac
"""
HIDE = f"""
import sys
sys.modules.update(dict.fromkeys({HIDDEN}))
"""
SANITIZER = """#!/bin/bash
while [ "$1" != python3 ]; do shift; done
exec "$@"
"""


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path):
    """A folder of programs and a copy of the tree without what it has been built into."""
    programs, tree = tmp_path / "programs", tmp_path / "tree"
    write_program(programs / "python3", PYTHON)
    write_program(programs / "hidden" / "sitecustomize.py", HIDE)
    write_program(programs / "compute-sanitizer", SANITIZER)
    write_program(programs / "nvidia-smi", "#!/bin/sh\necho 'Pretended GPU, 580.0, 81559 MiB'\n")
    write_program(programs / "nvcc", "#!/bin/sh\necho 'Build cuda_13.0'\n")
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    return programs, tree


def logs(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as packed:
        files = {Path(member.name).name: packed.extractfile(member) for member in packed}
        return {name: file.read().decode() for name, file in files.items() if file}


def passed(log: str) -> int:
    return int(re.findall(r"(\d+) passed", log)[0])


def test_every_stage_of_tests_passes_from_a_fresh_copy(machine, tmp_path):
    programs, tree = machine
    done = subprocess.run(
        ["tools/gpu_check.sh", "-o", tmp_path / "out", *STAGES],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env={
            **os.environ,
            "PATH": f"{programs}:{os.environ['PATH']}",
            # Some of the tests; the sanitizers have their own choice.
            "PYTEST_ADDOPTS": "-k 'test_single_step or test_shapes or test_solids or test_ptxas'",
        },
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    summary = (tmp_path / "out" / "summary.txt").read_text(encoding="utf-8")
    for stage in ("device", *STAGES):
        assert re.search(rf"^passed  {stage} \(", summary, re.MULTILINE)
    for file, package in (("test_shapes", "shapely"), ("test_solids", "trimesh")):
        assert f"NOT RUN  tests/geometry/{file}.py: no package {package}" in summary
    written = logs(tmp_path / "out" / "gpu_results.tgz")
    assert "Pretended GPU" in written["device.log"]
    assert passed(written["gpu_tests.log"]) > 5
    assert passed(written["memcheck.log"]) > passed(written["racecheck.log"]) > 3
    assert passed(written["other_tests.log"]) > 3
