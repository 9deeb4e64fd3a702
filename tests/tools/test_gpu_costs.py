"""The table of costs: its page shows it as it is computed, and sizes counted by hand agree."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from anagram_ext.linear import streamed

ROOT = Path(__file__).parents[2]


@pytest.fixture
def costs(monkeypatch):
    spec = importlib.util.spec_from_file_location("gpu_costs", ROOT / "tools" / "gpu_costs.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_table_of_the_program(costs):
    assert costs.table() in (ROOT / "docs" / "gpu_costs.md").read_text(encoding="utf-8")


def test_a_jacobian_is_written_once_and_takes_three_products_a_layer(costs):
    cost = costs.Net((2, 64, 64, 64, 1)).jacobian(65536)
    assert cost.moved == 8 * 65536 * 8577  # 8577 = 192 + 2 * 4160 + 65
    # The Laplacian carries u, u_x, u_y and itself.
    assert cost.by_kernels == 3 * 2 * 4 * (2 * 64 + 2 * 64**2 + 64) * 65536
    assert cost.seconds == cost.moved / 3.0e12  # J is bound by memory


def test_a_streamed_factorisation_makes_and_reads_all_of_j_twice(costs):
    net, s, k = costs.Net((2, 315, 315, 1)), 100_000, 256
    j = 8 * s * net.n_parameters
    found = costs.streamed(net, s, k)
    assert 5 * j < found.moved < 5.2 * j  # made and read twice, and once for its norm
    assert found.by_products > 4 * s * net.n_parameters * k


def test_the_page_counts_tiles_as_large_as_they_are(costs):
    rows = streamed.TILE_BYTES["cuda"] // (8 * costs.Net((2, 315, 315, 1)).n_parameters)
    page = (ROOT / "docs" / "gpu_costs.md").read_text(encoding="utf-8")
    assert f"{-(-100_000 // rows)} tiles of 1 GiB" in page


def test_pages_on_the_gpu_say_that_nothing_has_been_measured():
    for name in ("gpu", "gpu_results", "gpu_costs"):
        text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        assert "**No GPU was available" in text, name
