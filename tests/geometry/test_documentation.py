"""What docs/geometry.md shows works as it stands there."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "geometry.md"


def test_the_programs_of_the_page_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    names: dict = {}
    exec(compile(shown, str(PAGE), "exec"), names)
    assert float(names["area"]) == pytest.approx(2.2 * 0.41 - math.pi * 0.05**2, rel=1e-12)
    assert (tmp_path / "plate.png").stat().st_size > 1000
    assert names["cylinder"].measure == pytest.approx(0.1 * math.pi, rel=1e-14)
