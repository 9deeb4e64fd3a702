"""The report on registers, with a compiler that says what ptxas has said."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the compiler is a shell script")
SCRIPT = Path(__file__).parents[2] / "tools" / "ptxas_report.py"
KERNEL = """\
ptxas info    : 296 bytes gmem
ptxas info    : Compiling entry function '_ZN7anagram4cuda54_GLOBAL__N__cc58ed00_15_tile_kernels\
_cu_98120bcf_1797812block_kernelIdNS_6device13JacobianBlockIdEEEEvT0_' for 'sm_90'
ptxas info    : Function properties for _ZN7anagram4cuda54_GLOBAL__N_
    176 bytes stack frame, {stores} bytes spill stores, {loads} bytes spill loads
ptxas info    : Used 80 registers, used 1 barriers, 176 bytes cumulative stack size
ptxas info    : Function properties for __internal_trig_reduction_slowpathd
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Compiling entry function '_ZN7anagram4cuda11grid_kernelINS_6device17Combine\
MagnitudesEEEvT_' for 'sm_90'
ptxas info    : Function properties for _ZN7anagram4cuda11grid_kernelINS_
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 25 registers, used 0 barriers
"""


PTX = """\
.visible .entry _ZN7anagram4cuda54_GLOBAL__N__cc58ed00_15_tile_kernels\
_cu_98120bcf_1797812block_kernelIdNS_6device13JacobianBlockIdEEEEvT0_(
  .param .align 8 .b8 param_0[96]
)
{{
  {load} {{%fd1, %fd2}}, [%rd1];
  {load} {{%fd3, %fd4}}, [%rd1+16];
  ld.shared.f64 %fd5, [%rd1+32];
}}
.visible .entry _ZN7anagram4cuda11grid_kernelINS_6device17CombineMagnitudesEEEvT_(
)
{{
}}
"""
PAIR = "ld.shared.v2.f64"


@pytest.fixture
def run(tmp_path):
    def with_output(text, status=0, load=PAIR):
        nvcc = tmp_path / "nvcc"
        (tmp_path / "code").write_text(PTX.format(load=load))
        nvcc.write_text(f"""#!/bin/sh
while [ $# -gt 0 ]; do
  if [ "$1" = --keep-dir ]; then cp "{tmp_path}/code" "$2/kernels.ptx"; fi
  shift
done
cat >&2 <<'END'
{text}
END
exit {status}
""")
        nvcc.chmod(0o755)
        return subprocess.run(
            [sys.executable, SCRIPT],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        )

    return with_output


def test_kernels_without_spills_are_listed(run):
    done = run(KERNEL.format(stores=0, loads=0))
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["sm_90", "block", "JacobianBlock", "f64", "80", "176", "0", "0", "2"] in rows
    assert ["sm_80", "grid", "CombineMagnitudes", "25", "0", "0", "0", "0"] in rows
    assert rows[-1] == ["spills:", "none"]


@pytest.mark.parametrize(("stores", "loads"), [(136, 204), (0, 8)])
def test_a_spill_fails_and_is_named(run, stores, loads):
    done = run(KERNEL.format(stores=stores, loads=loads))
    assert done.returncode == 1
    last = done.stdout.splitlines()[-1]
    assert "sm_90 block JacobianBlock f64" in last
    assert "Combine" not in last


def test_products_that_read_number_by_number_fail_and_are_named(run):
    done = run(KERNEL.format(stores=0, loads=0), load="ld.v2.f64")  # not known to be shared memory
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("products without"))
    assert "sm_90 block JacobianBlock f64" in line
    assert "Combine" not in line


def test_a_compiler_that_fails_or_says_nothing_is_no_success(run):
    assert "nvcc fails for" in run("error: no such thing", status=2).stderr
    assert "no kernel" in run("").stderr
