"""The model of what a step over many ranks costs, against what is counted and what was measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ranks import results

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def model(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import spread_model

    return spread_model


def test_bytes_are_those_that_are_counted(model) -> None:
    """For a J whose parts have the rank of the whole."""
    rng = torch.Generator().manual_seed(0)
    found = results(4, "traffic", J=torch.randn((400, 70), generator=rng, dtype=torch.float64), q=1)
    says = model.bytes_sent(model.Problem(400, 70, 70), 4)
    for rank, ((factorisation, _, residual), k) in enumerate(found):
        assert k == 70
        # And a flag, a count.
        assert factorisation == pytest.approx(says["others" if rank else "rank 0"], abs=50)
        assert residual == says["residual"]


def test_bytes_of_few_rows_of_each_rank_are_those_that_are_counted(model) -> None:
    """For a J of many columns and few directions; ranks need not tell equally many rows."""
    rng = torch.Generator().manual_seed(0)
    J = torch.randn((400, 20), generator=rng, dtype=torch.float64)
    J = J @ torch.randn((20, 900), generator=rng, dtype=torch.float64)
    found = results(4, "traffic", J=J, q=1)
    problem = model.Problem(400, 900, 20)
    assert model.chooses(problem, 4)
    says = model.bytes_sent(problem, 4)
    whole = sum(factorisation for (factorisation, *_), _ in found)
    assert whole == pytest.approx(says["rank 0"] + 3 * says["others"], rel=0.4)
    assert max(sent[0] for sent, _ in found) <= 2 * says["others"]


def test_what_was_measured_on_four_processes_was_predicted_from_two(model) -> None:
    content = json.loads((BENCHMARKS / "results" / "spread.json").read_text())["results"]
    machine = model.Machine(**content["machine"])
    measured = content["ranks"]["4"]
    says = model.seconds(model.Problem(**measured[0]["problem"]), 4, machine)
    for part, name in (
        ("own factorisation", "own factorisation"),
        ("merges", "merges and sending"),
    ):
        slowest = max(rank[name] for rank in measured)
        assert says[part] / 2 <= slowest <= 2 * says[part], part


def test_where_it_stops_scaling(model) -> None:
    machine = model.Machine(rows=1e11, flops=3e13, merges=3e12, bandwidth=5e10, latency=1e-5)
    small, large = model.Problem(1e6, 1e4, 1e3), model.Problem(1e8, 1e4, 1e3)
    assert sum(model.seconds(small, 1, machine).values()) > 0
    assert model.seconds(small, 1, machine)["merges"] == 0
    assert model.most_useful(small, machine) < model.most_useful(large, machine)
    ranks = model.most_useful(large, machine)
    parts = model.seconds(large, 4 * ranks, machine)
    assert parts["merges"] > parts["own factorisation"]
