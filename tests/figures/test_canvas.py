from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from anagram_ext.figures import canvas


def test_a_failure_is_told_and_not_raised():
    def fails():
        raise ZeroDivisionError("by hand")

    told = canvas.complaint(Path("runs/loss.png"), fails)
    assert told == "loss.png was not drawn: ZeroDivisionError: by hand"
    assert canvas.complaint(Path("loss.png"), lambda: None) is None


def test_matplotlib_waits_for_the_first_figure():
    program = "import sys, anagram_ext; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
