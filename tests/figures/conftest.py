from __future__ import annotations

import pytest

from anagram_ext.figures import canvas


@pytest.fixture
def written_figures(monkeypatch) -> list:
    """Collects the figures instead of writing them."""
    written = []
    monkeypatch.setattr(canvas, "write", lambda figure, _path: written.append(figure))
    return written
