"""Every speed benchmark, one after the other, each in a process of its own.

    python benchmarks/run_all.py --out benchmarks/results

Takes about twenty minutes on two idle cores.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

SCRIPTS = ("assembly", "step", "paths", "scaling", "streaming")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    out = parser.parse_args().out.resolve()
    for name in SCRIPTS:
        start = time.perf_counter()
        script = Path(__file__).with_name(f"{name}.py")
        print(f"## {name}", flush=True)
        subprocess.run([sys.executable, script, "--out", out], check=True)
        print(f"({time.perf_counter() - start:.0f} s)\n", flush=True)


if __name__ == "__main__":
    main()
